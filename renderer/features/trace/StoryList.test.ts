import { afterEach, expect, it } from 'vitest'
import { mountInApp, type InApp } from '../../app/testing/mountInApp.ts'
import { screenText, until } from '../../app/testing/screen.ts'
import type { FakeOptions } from '../../data/testing/fake-workbench.ts'
import type { KubeObject } from '#shared/kube/object.ts'
import { pods } from '#shared/kube/resources.ts'
import { traces } from '#shared/kube/trace.ts'
import HistoryTab from './HistoryTab.vue'
import StoryList from './StoryList.vue'
import { messages } from './messages.ts'

let app: InApp
afterEach(() => app.wrapper.unmount())

const target = { context: 'builtin', resource: pods, namespace: 'shop', name: 'big' }
const object: KubeObject = { metadata: { name: 'big', namespace: 'shop', uid: 'u' } }
const lists = {
  'the story of an entry': {
    component: StoryList,
    props: { context: 'builtin', namespace: 'shop', entry: { id: 'a', root: 'a' } },
    none: 'None of it is known any more.',
    sort: { column: 'time', descending: true },
  },
  'the history of an object': {
    component: HistoryTab,
    props: { target, object },
    none: 'Nothing has been done to it',
    sort: { column: 'time', descending: false },
  },
}

async function show({ component, props }: { component: object; props: object }, options: FakeOptions = {}) {
  app = await mountInApp(component as never, { ...props }, { name: 'trace', messages }, { kinds: [traces], ...options })
}

for (const [name, list] of Object.entries(lists)) {
  it(`${name} says that nothing is known instead of loading for ever`, async () => {
    await show(list)
    await until(() => expect(screenText()).toContain(list.none))
    expect(screenText()).not.toContain('Loading')
  })

  it(`${name} says why it may not be read`, async () => {
    await show(list, { freshness: { state: 'forbidden', message: 'traces is forbidden' } })
    await until(() => expect(screenText()).toContain('traces is forbidden'))
    expect(screenText()).not.toContain('Loading')
  })

  it(`${name} is cut by age, for ids are no numbers as people count`, async () => {
    await show(list)
    await until(() => expect(app.asked('query.open')[0]?.['sort']).toEqual(list.sort))
  })
}
