import { expect, it } from 'vitest'
import { FakeClock } from '../../../base/fake-clock.ts'
import { clockJumps } from './clock-jumps.ts'

it('asks for a look when the clock was set, and not while it only runs', async () => {
  const clock = new FakeClock()
  const looked: string[] = []
  const end = clockJumps({ clock }, () => ['due']).start((key) => looked.push(key))
  await clock.advance(3_600_000)
  clock.jump(500)
  await clock.advance(60_000)
  expect(looked).toEqual([])
  clock.jump(-3_600_000)
  await clock.advance(16_000)
  clock.jump(10_000)
  await clock.advance(16_000)
  expect(looked).toEqual(['due', 'due'])
  end()
  expect(clock.pending).toBe(0)
})
