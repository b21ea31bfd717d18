import { afterEach, expect, it, vi } from 'vitest'
import { nextTick, ref, shallowRef } from 'vue'
import { deployments, pods } from '#shared/kube/resources.ts'
import { withSetup, type Mounted } from './testing/mounted.ts'
import { useQuery, type LiveQuery, type QueryInput } from './useQuery.ts'

let mounted: Mounted<LiveQuery> | undefined
afterEach(() => mounted?.unmount())

function query(input: () => QueryInput | undefined, extraPods = 0): Mounted<LiveQuery> {
  return (mounted = withSetup(() => useQuery(input), { extraPods }))
}
/** Patient: the machine may be busy. */
const until = (check: () => void) => vi.waitFor(check, { timeout: 20_000 })
const answered = (live: LiveQuery) => until(() => expect(live.state.value.answered).toBe(true))
const opened = ({ workbench }: Mounted<LiveQuery>) =>
  workbench.calls.filter(({ method }) => method === 'query.open').length

it('holds no more than a window of fifty thousand rows', async () => {
  const { result } = query(() => ({ context: 'builtin', resource: pods }), 50_000)
  await answered(result)
  expect(result.state.value.matching).toBeGreaterThan(50_000)
  expect(result.state.value.rows.length).toBeLessThanOrEqual(500)
})

it('follows the view to a far place and has its rows', async () => {
  const { result } = query(() => ({ context: 'builtin', resource: pods }), 5_000)
  await answered(result)
  result.show(4_000, 4_040)
  await until(() => expect(result.rowAt(4_020)).toBeDefined())
})

it('keeps the old rows on a new filter until the new ones are here', async () => {
  const text = ref('')
  const { result } = query(() => ({ context: 'builtin', resource: pods, filter: { text: text.value } }))
  await answered(result)
  const before = result.rows.value.length
  text.value = 'checkout'
  await nextTick()
  expect(result.stale.value).toBe(true)
  expect(result.rows.value).toHaveLength(before)
  await until(() => expect(result.rows.value.every((row) => row.name.startsWith('checkout'))).toBe(true))
  expect(result.stale.value).toBe(false)
})

it('changes the filter of the same question and asks anew for another kind', async () => {
  const text = ref('')
  const kind = shallowRef<QueryInput['resource']>(pods)
  const live = query(() => ({ context: 'builtin', resource: kind.value, filter: { text: text.value } }))
  await answered(live.result)
  text.value = 'hello'
  await until(() => expect(live.result.state.value.matching).toBe(5))
  expect(opened(live)).toBe(1)
  kind.value = deployments
  await nextTick()
  expect(live.result.rows.value).toEqual([])
  await until(() => expect(live.result.rows.value.map((row) => row.name)).toEqual(['hello']))
  expect(opened(live)).toBe(2)
})

it('asks nothing while there is nothing to ask', async () => {
  const live = query(() => undefined)
  await nextTick()
  expect(opened(live)).toBe(0)
})

it('shows changes as they happen', async () => {
  const { result, workbench } = query(() => ({ context: 'builtin', resource: pods, filter: { text: 'hello' } }))
  await until(() => expect(result.rows.value).toHaveLength(5))
  workbench.cluster.delete('pods', result.rows.value[0]!.uid)
  await until(() => expect(result.rows.value).toHaveLength(4))
})

it('says that the workbench is away, keeps its rows, and goes on by itself', async () => {
  const { result, workbench, channel } = query(() => ({ context: 'builtin', resource: pods }))
  await answered(result)
  const rows = result.rows.value.length
  workbench.drop()
  expect(result.freshness.value.state).toBe('reconnecting')
  expect(result.rows.value).toHaveLength(rows)
  await until(() => expect(channel.link.value.state).toBe('open'))
  await until(() => expect(result.freshness.value.state).toBe('live'))
})
