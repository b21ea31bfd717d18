import { expect, it } from 'vitest'
import { FakeClock } from './fake-clock.ts'
import { TraceRing } from './trace.ts'

it('keeps the newest entries in their order and answers those after a sequence', () => {
  const ring = new TraceRing({ clock: new FakeClock(), capacity: 3 })
  for (const name of ['a', 'b', 'c', 'd', 'e'])
    ring.record({ component: 'test', cause: undefined, action: 'create', object: { kind: 'Pod', name } })
  const names = (after?: number) => ring.entries(after).map((entry) => `${entry.sequence}${entry.object.name}`)
  expect([names(), names(4), names(9)]).toEqual([['3c', '4d', '5e'], ['5e'], []])
})
