import { pods } from '#shared/kube/resources.ts'
import { expect, it } from 'vitest'
import { FakeClock } from '../base/fake-clock.ts'
import { TraceRing } from '../base/trace.ts'
import { CompactedError, type StoreEvent } from '../store/api.ts'
import { prefix, RingStore } from './ring-store.ts'

function start(capacity = 4) {
  const clock = new FakeClock()
  const ring = new TraceRing({ clock, capacity })
  const store = new RingStore({ ring, clock })
  const record = (...names: string[]) => {
    for (const name of names)
      ring.record({
        user: 'u',
        component: 'c',
        action: 'update',
        kind: pods,
        namespace: name < 'm' ? 'a' : 'z',
        name,
        uid: name,
        resourceVersion: '1',
      })
  }
  const begun = ring.newest
  const names = (under = prefix, revision?: number) =>
    store.range(under, revision === undefined ? {} : { revision }).map(({ key }) => nameIn(key))
  return { clock, ring, store, record, begun, names }
}

const nameIn = (key: string): string => key.slice(key.lastIndexOf('/') + 1).split('.')[0]!
const told = (events: readonly StoreEvent[]): string[] =>
  events.map(({ type, key, revision, entry }) => {
    const written = JSON.parse(entry.value.toString()) as { metadata: { resourceVersion: string } }
    expect(written.metadata.resourceVersion).toBe(String(revision))
    return `${type} ${nameIn(key)}`
  })

it('lists what the ring shows in the order of time, by namespace, and as it was a moment ago', () => {
  const { record, names, begun } = start()
  record('z', 'b', 'x', 'a')
  expect([names(), names(`${prefix}a/`), names(prefix, begun + 2)]).toEqual([
    ['z', 'b', 'x', 'a'],
    ['b', 'a'],
    ['z', 'b'],
  ])
})

it('goes on after any entry of a page', () => {
  const { record, store } = start()
  record('z', 'b', 'x', 'a')
  const page = store.range(prefix, { limit: 2 })
  expect(store.range(prefix, { after: page[1]!.key }).map(({ key }) => nameIn(key))).toEqual(['x', 'a'])
})

it('tells watchers in one go of what came and of what had to go for it', async () => {
  const { clock, record, store } = start()
  record('a', 'b', 'c')
  const seen: string[][] = []
  store.watch(prefix, { after: store.revision, onEvents: (events) => seen.push(told(events)), onEnd: () => {} })
  record('d', 'e')
  expect(seen).toEqual([])
  await clock.advance(1000)
  expect(seen).toEqual([['put d', 'delete a', 'put e']])
})

it('tells nobody twice, whoever reads in between', async () => {
  const { clock, record, store } = start()
  const seen: string[] = []
  record('a')
  store.watch(prefix, { after: store.revision - 1, onEvents: (events) => seen.push(...told(events)), onEnd: () => {} })
  record('b')
  expect(store.range(prefix)).toHaveLength(2)
  await clock.advance(1000)
  expect(seen).toEqual(['put a', 'put b'])
})

it('refuses to go on from a moment of which it no longer knows what has gone since', () => {
  const { record, store, begun } = start()
  record('a', 'b', 'c', 'd', 'e', 'f')
  const watchFrom = (after: number) => () =>
    store.watch(prefix, { after, onEvents: () => {}, onEnd: () => {} })[Symbol.dispose]()
  expect(watchFrom(begun + 4)).toThrow(CompactedError)
  expect(watchFrom(begun + 5)).not.toThrow()
  expect(() => store.range(prefix, { revision: begun + 4 })).toThrow(CompactedError)
})

it('finds by uid and story without making objects of all that it holds', () => {
  const { record, store, ring } = start()
  record('a', 'b', 'a')
  const keys = store.keysWhere('object.uid', 'a')!
  expect(keys.map(nameIn)).toEqual(['a', 'a'])
  expect(store.keysWhere('root', ring.newest.toString(36))).toEqual([keys[1]])
  expect(store.keysWhere('user', 'u')).toBeUndefined()
})

it('reads one by its key, and none that is shown no longer', () => {
  const { record, store } = start()
  record('a')
  const { key } = store.range(prefix)[0]!
  expect(store.get(key)?.key).toBe(key)
  expect(store.get(key.replace('/a.', '/other.'))).toBeUndefined()
  record('b', 'c', 'd', 'e')
  expect(store.get(key)).toBeUndefined()
})
