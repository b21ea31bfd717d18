import type { Pod } from 'kubernetes-types/core/v1'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { KubeList } from '#shared/kube/object.ts'
import { complaints, openBrowser, serve, type ServeReady } from '../support/browser.ts'
import { temporaryFolder, up, type TestCluster } from '../support/cluster.ts'
import { gather } from '../support/crowd.ts'
import type { Started } from '../support/processes.ts'
import { eventually } from '../support/wait.ts'
import { picturesOfFailures } from './session.ts'

const crowd = 10_000
const folder = temporaryFolder()
let cluster: TestCluster
let host: Started<ServeReady>
let browser: Browser
let page: Page
let complained: readonly string[]
/** As the table has them: in the order of their names, by letters and then by number. */
let names: string[]

beforeAll(async () => {
  cluster = await up(['--nodes', 'simulated=100'])
  await gather(cluster.kubectl, crowd, 480_000)
  const { items } = await cluster.kubectl.json<KubeList<Pod>>('get', 'pods')
  names = items.map(({ metadata }) => metadata!.name!)
  host = await serve(`${folder.path}/data`, folder.path, [cluster.kubeconfig])
  browser = await openBrowser()
  page = await browser.newPage({ viewport: { width: 1360, height: 860 } })
  page.setDefaultTimeout(30_000)
  complained = complaints(page)
  await page.goto(host.ready.address)
  await page
    .getByRole('button', { name: /^wheelhouse https/ })
    .or(page.getByText(cluster.server))
    .first()
    .click()
  await page.getByRole('link', { name: /^Pods/ }).click()
}, 600_000)
afterAll(async () => {
  await browser?.close()
  await host?.[Symbol.asyncDispose]()
  await cluster?.[Symbol.asyncDispose]()
  folder[Symbol.dispose]()
}, 120_000)

picturesOfFailures(() => page)

const grid = () => page.getByRole('grid')
const count = async () => Number(await grid().getAttribute('aria-rowcount')) - 1
/** Names on the screen by their place in the table, from 0; a place whose row has not come yet has none. */
const shown = () =>
  grid().evaluate((element) => {
    const box = element.getBoundingClientRect()
    return [...element.querySelectorAll('[role=row][id]')]
      .filter(
        (row) => row.getBoundingClientRect().bottom > box.top + 28 && row.getBoundingClientRect().top < box.bottom,
      )
      .map(
        (row) => [Number(row.ariaRowIndex) - 2, row.querySelectorAll('[role=gridcell]')[1]?.textContent ?? ''] as const,
      )
      .sort((a, b) => a[0] - b[0])
  })
/** Scrolls so that the row at this place is the first, and waits until every row in view is there. */
async function scrollTo(place: number): Promise<(readonly [number, string])[]> {
  await grid().evaluate((element, top) => (element.scrollTop = top), place * 28)
  const last = (await count()) - 5
  return eventually('the rows in view', async () => {
    const rows = await shown()
    const whole = rows.length > 10 && rows.every(([, name]) => name !== '')
    return whole && rows.some(([at]) => at === Math.min(place, last)) ? rows : undefined
  })
}

it('shows all ten thousand, as kubectl counts them', async () => {
  await eventually('all of them', async () => (await count()) === crowd, 60_000)
  expect(names).toHaveLength(crowd)
})

it('holds the right rows at both ends and in the middle, each once', async () => {
  const seen = new Map<number, string>()
  for (const place of [0, crowd / 2, crowd - 20, 3333, 0])
    for (const [at, name] of await scrollTo(place)) {
      expect(seen.get(at) ?? name).toBe(name)
      seen.set(at, name)
    }
  expect(new Set(seen.values()).size).toBe(seen.size)
  expect([...seen.values()].filter((name) => !names.includes(name))).toEqual([])
  const order = [...seen].sort((a, b) => a[0] - b[0]).map(([, name]) => name)
  expect(seen.has(crowd - 1)).toBe(true)
  // Names in order have places in order: the first and the last are those of the whole.
  const natural = [...names].sort(new Intl.Collator('en', { numeric: true }).compare)
  expect([order[0], order.at(-1)]).toEqual([natural[0], natural.at(-1)])
  expect(order).toEqual([...order].sort(new Intl.Collator('en', { numeric: true }).compare))
})

it('keeps no more rows in the page than can be seen', async () => {
  expect(await grid().locator('[role=row][id]').count()).toBeLessThan(60)
})

it('filters by name as kubectl and grep would', async () => {
  const part = names[4321]!.slice(-3)
  const matching = names.filter((name) => name.includes(part))
  await page.keyboard.press('/')
  await page.keyboard.type(part)
  await eventually('those that match', async () => (await count()) === matching.length)
  expect((await shown()).every(([, name]) => name.includes(part))).toBe(true)
  await page.keyboard.press('Escape')
  await eventually('all of them', async () => (await count()) === crowd)
  await page.keyboard.type('-l app=crowd,nothing')
  await page.getByText('Nothing matches').waitFor()
  await page.keyboard.press('Escape')
})

it('follows a crowd that shrinks, to the last one', async () => {
  await cluster.kubectl('scale', 'deployment', 'crowd', '--replicas=9000')
  await eventually('nine thousand', async () => (await count()) === 9000, 60_000)
  expect((await cluster.kubectl('get', 'pods', '-o', 'name')).trim().split('\n')).toHaveLength(9000)
}, 150_000)

it('has complained about nothing on its console', () => {
  expect(complained).toEqual([])
})
