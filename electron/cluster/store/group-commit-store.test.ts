import { expect, it } from 'vitest'
import type { Store, StoreEvent } from './api.ts'
import { CommittedState } from './committed-state.ts'
import { GroupCommitStore } from './group-commit-store.ts'
import { defaultHistoryLimits } from './history.ts'

/** A store whose commits are settled by the test, one at a time. */
function controlled() {
  const groups: { events: readonly StoreEvent[]; succeed(): Promise<void>; fail(): Promise<void> }[] = []
  const store: Store = new GroupCommitStore({
    state: new CommittedState(defaultHistoryLimits),
    commit: (events) =>
      new Promise((resolve, reject) => {
        groups.push({
          events,
          succeed: () => (resolve(), settled()),
          fail: () => (reject(new Error('no space')), settled()),
        })
      }),
    gather: queueMicrotask,
    close: () => Promise.resolve(),
  })
  return { store, groups }
}

const settled = () => new Promise<void>((resolve) => setImmediate(resolve))
const put = (store: Store, key: string, expect?: number) =>
  store.write([{ key, value: () => Buffer.from(key), ...(expect === undefined ? {} : { expect }) }])

it('gathers the writers of one moment into one commit, and those that come during it into the next', async () => {
  const { store, groups } = controlled()
  const first = [put(store, '/a'), put(store, '/b')]
  await settled()
  const second = [put(store, '/c'), put(store, '/d'), put(store, '/e')]
  await settled()
  expect(groups.map(({ events }) => events.map((event) => event.key))).toEqual([['/a', '/b']])
  await groups[0]!.succeed()
  await Promise.all(first)
  expect(groups.map(({ events }) => events.map((event) => event.key))).toEqual([
    ['/a', '/b'],
    ['/c', '/d', '/e'],
  ])
  expect([store.revision, store.get('/c')]).toEqual([3, undefined])
  await groups[1]!.succeed()
  await Promise.all(second)
  expect(store.revision).toBe(6)
})

it('rejects the writers of a failed commit and everything that was pending behind it, and shows none of it', async () => {
  const { store, groups } = controlled()
  const before = put(store, '/a')
  await settled()
  await groups[0]!.succeed()
  await before
  const events: string[] = []
  store.watch('/', { after: 1, onEvents: (batch) => events.push(...batch.map((event) => event.key)), onEnd() {} })

  const failing = put(store, '/a', 2)
  await settled()
  const builtOnIt = put(store, '/a', store.latest('/a')!.revision)
  const besideIt = put(store, '/b')
  const outcomes = Promise.allSettled([failing, builtOnIt, besideIt])
  await groups[1]!.fail()

  expect((await outcomes).map((outcome) => outcome.status)).toEqual(['rejected', 'rejected', 'rejected'])
  expect(groups).toHaveLength(2)
  expect([store.revision, store.latest('/a')!.revision, store.latest('/b'), store.count('/')]).toEqual([
    2,
    2,
    undefined,
    1,
  ])
  expect(events).toEqual(['/a'])
})

it('goes on after a failed commit, without giving out its revisions again', async () => {
  const { store, groups } = controlled()
  const failing = [put(store, '/a'), put(store, '/b')]
  const outcomes = Promise.allSettled(failing)
  await settled()
  await groups[0]!.fail()
  await outcomes
  const next = put(store, '/a', 0)
  await settled()
  await groups[1]!.succeed()
  expect((await next)[0]!.revision).toBe(4)
  expect(store.revision).toBe(4)
})

it('waits for pending commits when it is disposed', async () => {
  const { store, groups } = controlled()
  const writing = put(store, '/a')
  let disposed = false
  const disposing = store[Symbol.asyncDispose]().then(() => (disposed = true))
  await settled()
  expect(disposed).toBe(false)
  await groups[0]!.succeed()
  await Promise.all([writing, disposing])
})
