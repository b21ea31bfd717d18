import { afterEach, expect, it, vi } from 'vitest'
import { createApp, h, nextTick, ref, shallowRef } from 'vue'
import type { StreamDown, StreamUp } from '#shared/ipc/contract.ts'
import { deployments, pods } from '#shared/kube/resources.ts'
import type { Channel } from './channel.ts'
import { withSetup, type Mounted } from './testing/mounted.ts'
import { provideChannel } from './useChannel.ts'
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

/** A workbench that answers when the test says so. */
function byHand(input: () => QueryInput) {
  const sent: StreamUp<'query.open'>[] = []
  let tell!: (message: StreamDown<'query.open'>) => void
  const channel = {
    link: shallowRef({ state: 'open' }),
    open: (_method: string, _params: unknown, on: { message: typeof tell }) => {
      tell = on.message
      return { send: (value: StreamUp<'query.open'>) => sent.push(value), close: () => {} }
    },
  } as unknown as Channel
  let live!: LiveQuery
  const app = createApp({ setup: () => ((live = useQuery(input)), () => h('i')) })
  provideChannel(app, channel)
  app.mount(document.createElement('div'))
  const answer = (question: number, names: readonly string[], told: readonly string[] = names) =>
    tell({
      question,
      total: 10,
      matching: names.length,
      offset: 0,
      uids: [...names],
      rows: told.map((name) => ({
        uid: name,
        name,
        namespace: '',
        created: 0,
        cells: [],
        tone: 'ok' as const,
        deleting: false,
      })),
      tones: { ok: 10, busy: 0, warn: 0, bad: 0, off: 0 },
      freshness: { state: 'live' },
    })
  const shown = () => live.rows.value.map(({ name }) => name)
  return { live, sent, answer, shown, unmount: () => app.unmount() }
}

it('never shows the answer to an older question, and remembers the rows that came with it', () => {
  const text = ref('')
  const { live, sent, answer, shown, unmount } = byHand(() => ({
    context: 'x',
    resource: pods,
    filter: { text: text.value },
  }))
  answer(0, ['a', 'b', 'c'])
  text.value = 'b'
  text.value = 'bc'
  expect(sent.map(({ question }) => question)).toEqual([1, 2])
  answer(0, ['a', 'b', 'c', 'd'], ['d'])
  answer(1, ['b', 'e'], ['e'])
  expect(shown()).toEqual(['a', 'b', 'c'])
  expect(live.stale.value).toBe(true)
  answer(2, ['e'], [])
  expect(shown()).toEqual(['e'])
  expect(live.stale.value).toBe(false)
  unmount()
})

it('asks for the rows in view alone on a keystroke, and for what is around them once the keys rest', () => {
  vi.useFakeTimers()
  const text = ref('')
  const { live, sent, answer, unmount } = byHand(() => ({
    context: 'x',
    resource: pods,
    filter: { text: text.value },
  }))
  const names = Array.from({ length: 300 }, (_, i) => `pod-${i}`)
  answer(0, names)
  live.show(0, 34)
  text.value = 'p'
  expect(sent.at(-1)!.window).toEqual({ offset: 0, count: 34 })
  answer(1, names)
  live.show(0, 34)
  vi.advanceTimersByTime(1000)
  expect(sent.at(-1)!.window!.count).toBeGreaterThan(100)
  vi.useRealTimers()
  unmount()
})
