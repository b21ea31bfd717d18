import { expect, it } from 'vitest'
import { FakeClock } from './fake-clock.ts'
import { KeyedBackoff } from './keyed-backoff.ts'

it('waits 10 s after the second failure, then twice as long up to five minutes', async () => {
  const clock = new FakeClock()
  const backoff = new KeyedBackoff(clock)
  expect(backoff.remaining('web', clock.now())).toBe(0)
  const delays: number[] = []
  for (let i = 0; i < 7; i++) {
    backoff.next('web', clock.now())
    delays.push(backoff.remaining('web', clock.now()) / 1000)
    await clock.advance(backoff.remaining('web', clock.now()))
  }
  expect(delays).toEqual([10, 20, 40, 80, 160, 300, 300])
})

it('starts over after a container has run for ten minutes', async () => {
  const clock = new FakeClock()
  const backoff = new KeyedBackoff(clock)
  for (let i = 0; i < 4; i++) backoff.next('web', clock.now())
  await clock.advance(601_000)
  expect(backoff.remaining('web', clock.now())).toBe(0)
  backoff.next('web', clock.now())
  expect(backoff.delay('web')).toBe(10_000)
})

it('counts from the end of the container, not from the look at it', async () => {
  const clock = new FakeClock()
  const backoff = new KeyedBackoff(clock)
  backoff.next('web', clock.now())
  const ended = clock.now()
  await clock.advance(4000)
  expect(backoff.remaining('web', ended)).toBe(6000)
})

it('waits no longer than its delay when the clock is set back', () => {
  const clock = new FakeClock()
  const backoff = new KeyedBackoff(clock)
  backoff.next('web', clock.now())
  const ended = clock.now()
  clock.jump(-24 * 3600_000)
  expect(backoff.remaining('web', ended)).toBe(10_000)
})
