import { expect, it, vi } from 'vitest'
import { systemClock, timestamp } from './clock.ts'
import { FakeClock } from './fake-clock.ts'

it('fires timers in the order of their times, however they were made', async () => {
  const clock = new FakeClock()
  const fired: string[] = []
  clock.after(20, () => fired.push('late'))
  clock.after(10, () => fired.push('early'))
  await clock.advance(15)
  expect(fired).toEqual(['early'])
  await clock.advance(15)
  expect(fired).toEqual(['early', 'late'])
})

it('wakes a sleeper early when its signal aborts, and forgets its timer', async () => {
  const clock = new FakeClock()
  const stop = new AbortController()
  const sleeping = clock.sleep(1000, stop.signal)
  stop.abort(new Error('stopped'))
  await expect(sleeping).rejects.toThrow('stopped')
  expect(clock.pending).toBe(0)
})

it('calls back after a year, not at once as timers that are too long do', () => {
  const year = 365 * 24 * 3_600_000
  vi.useFakeTimers()
  try {
    let calls = 0
    systemClock.after(year, () => calls++)
    const cancel = systemClock.after(year, () => (calls = 99))
    vi.advanceTimersByTime(year - 1)
    expect(calls).toBe(0)
    cancel()
    vi.advanceTimersByTime(1)
    expect(calls).toBe(1)
  } finally {
    vi.useRealTimers()
  }
})

it('jumps without a timer noticing', async () => {
  const clock = new FakeClock()
  let fired = false
  clock.after(1000, () => (fired = true))
  const before = clock.monotonic()
  clock.jump(3_600_000)
  await clock.advance(999)
  expect([fired, clock.monotonic() - before, clock.now() - Date.UTC(2026, 0, 1)]).toEqual([false, 999, 3_600_999])
  await clock.advance(1)
  expect(fired).toBe(true)
})

it('writes whole seconds, whatever was written before', () => {
  const start = Date.parse('2026-01-01T00:00:00Z')
  const written = [0, 999, 1000, 999].map((ms) => timestamp(start + ms))
  expect(written).toEqual(['00', '00', '01', '00'].map((second) => `2026-01-01T00:00:${second}Z`))
  expect(() => timestamp(Number.NaN)).toThrow(RangeError)
  expect(timestamp(start)).toBe('2026-01-01T00:00:00Z')
})
