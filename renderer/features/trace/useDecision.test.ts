import { afterEach, expect, it } from 'vitest'
import { defineComponent, h, nextTick, ref } from 'vue'
import { mountInApp, type InApp } from '../../app/testing/mountInApp.ts'
import { until } from '../../app/testing/screen.ts'
import { pods } from '#shared/kube/resources.ts'
import { schedulingDecisions } from '#shared/kube/trace.ts'
import { messages } from './messages.ts'
import { useDecision } from './useDecision.ts'

let app: InApp
afterEach(() => app.wrapper.unmount())

const target = { context: 'builtin', resource: pods, namespace: 'shop', name: 'big' }
const decision = {
  apiVersion: 'trace.wheelhouse.dev/v1',
  kind: 'SchedulingDecision',
  metadata: { name: 'big', namespace: 'shop' },
  summary: 'No node fits.',
}

it('shows no answer to what was asked before there was nothing to ask', async () => {
  const when = ref<string | undefined>('pending')
  const probe = defineComponent({
    setup() {
      const found = useDecision(
        () => target,
        () => when.value,
      )
      return () => h('p', found.value?.summary)
    },
  })
  app = await mountInApp(
    probe,
    {},
    { name: 'trace', messages },
    {
      kinds: [schedulingDecisions],
      more: (cluster) => void cluster.put('schedulingdecisions.trace.wheelhouse.dev', decision),
      delay: 20,
    },
  )
  when.value = undefined
  await nextTick()
  expect(app.asked('object.get')).toEqual([])
  await until(() => expect(app.asked('object.get')).toHaveLength(1))
  await new Promise((resolve) => setTimeout(resolve))
  expect(app.wrapper.text()).toBe('')

  when.value = 'pending again'
  await until(() => expect(app.wrapper.text()).toBe('No node fits.'))
})
