import { expect, it } from 'vitest'
import { silentLogger } from '../../base/logger.ts'
import { configMap, smallCore } from '../testing/small-core.ts'
import { compactRegularly } from './compaction.ts'
import { Expiry } from './expiry.ts'

const minute = 60_000
const event = (name: string) => ({ apiVersion: 'v1', kind: 'Event', metadata: { name } })

it('removes an event an hour after its last write', async () => {
  const small = smallCore()
  const kind = small.kind('events')
  const { objects } = kind
  await small.create(event('old'))
  const expiry = new Expiry(kind, 60 * minute, small.clock, silentLogger)
  await small.clock.advance(30 * minute)
  await small.create(event('new'))
  const old = objects.get('/registry/events/a/old')!
  await objects.put(old.key, { ...objects.copy(old), count: 2 } as never, old.revision)
  await small.create(event('short'))
  await small.clock.advance(31 * minute)
  expect(objects.store.count('/registry/events/')).toBe(3)
  await small.clock.advance(30 * minute)
  expect(objects.store.count('/registry/events/')).toBe(0)
  expiry[Symbol.dispose]()
  expect(small.clock.pending).toBe(0)
})

it('forgets history of five minutes ago, and leaves 75 seconds of it', async () => {
  const small = smallCore()
  const compaction = compactRegularly(small.store, small.clock, silentLogger)
  await small.create(configMap('old'))
  await small.clock.advance(4 * minute)
  const before = small.store.revision
  await small.create(configMap('recent'))
  await small.clock.advance(minute + 1000)
  expect(small.store.compacted).toBe(before)
  compaction[Symbol.dispose]()
  expect(small.clock.pending).toBe(0)
})

it.each([
  ['forward', 10 * 365 * 24 * 60 * minute],
  ['back', -10 * 365 * 24 * 60 * minute],
])('events live an hour also when the clock is set %s meanwhile, in this life and the next', async (_where, by) => {
  const small = smallCore()
  const kind = small.kind('events')
  const first = new Expiry(kind, 60 * minute, small.clock, silentLogger)
  await small.create(event('old'))
  small.clock.jump(by)
  await small.create(event('new'))
  await small.clock.advance(59 * minute)
  expect(small.store.count('/registry/events/')).toBe(2)
  await small.clock.advance(2 * minute)
  expect(small.store.count('/registry/events/')).toBe(0)
  await small.create({ ...event('odd'), lastTimestamp: '2999-01-01T00:00:00Z' } as never)
  first[Symbol.dispose]()
  // Whatever an event says of itself: after a start it is gone within its hour, and the server does not spin.
  const second = new Expiry(kind, 60 * minute, small.clock, silentLogger)
  await small.clock.advance(61 * minute)
  expect(small.store.count('/registry/events/')).toBe(0)
  second[Symbol.dispose]()
})

it.each([
  ['forward', 3600_000],
  ['back', -3600_000],
])('compacts by time that passes, not by a clock that is set %s', async (_where, by) => {
  const small = smallCore()
  const compaction = compactRegularly(small.store, small.clock, silentLogger)
  await small.create(configMap('old'))
  small.clock.jump(by)
  await small.clock.advance(3 * minute)
  expect(small.store.compacted).toBe(1)
  await small.clock.advance(3 * minute)
  expect(small.store.compacted).toBeGreaterThan(1)
  compaction[Symbol.dispose]()
})
