import { expect, it, vi } from 'vitest'
import { FakeClock } from '../base/fake-clock.ts'
import { silentLogger } from '../base/logger.ts'
import { watchRuntime, type WatchDeps } from './watch.ts'

/** A watch over a runtime that answers while `state.up`, and tells of events by `state.tell`. */
function watched() {
  const state = { up: true, hangs: false, looks: 0, tell: () => {}, events: true }
  const clock = new FakeClock()
  const watch = watchRuntime({
    clock,
    logger: silentLogger,
    view: {
      async look() {
        state.looks++
        if (state.hangs) await new Promise(() => {})
        if (!state.up) throw new Error('away')
      },
    } as WatchDeps['view'],
    source: {
      events: (onEvent: () => void, signal: AbortSignal) =>
        new Promise((_, reject) => {
          state.tell = onEvent
          if (!state.events) reject(new Error('not implemented'))
          signal.addEventListener('abort', () => reject(signal.reason as Error))
        }),
    } as WatchDeps['source'],
  })
  return { state, clock, watch }
}

it('looks every second at a runtime that tells nothing', async () => {
  const { state, clock, watch } = watched()
  state.events = false
  await vi.waitFor(() => expect(state.looks).toBe(1))
  for (let second = 2; second < 5; second++) {
    await clock.advance(1000)
    await vi.waitFor(() => expect(state.looks).toBe(second))
  }
  await watch[Symbol.asyncDispose]()
})

it('looks at once when the runtime tells of something, twice again soon after, and seldom otherwise', async () => {
  const { state, clock, watch } = watched()
  await vi.waitFor(() => expect(state.looks).toBe(1))
  state.tell()
  await vi.waitFor(() => expect(state.looks).toBe(2))
  await clock.advance(100)
  await vi.waitFor(() => expect(state.looks).toBe(3))
  await clock.advance(1000)
  await vi.waitFor(() => expect(state.looks).toBe(4))
  await clock.advance(10_000)
  expect(state.looks).toBe(4)
  await watch[Symbol.asyncDispose]()
})

it('takes a runtime for down that has not answered for half a minute, until it does', async () => {
  const { state, clock, watch } = watched()
  state.events = false
  await vi.waitFor(() => expect(state.looks).toBe(1))
  state.up = false
  for (let second = 0; second < 29; second++) await clock.advance(1000)
  expect(watch.isDown).toBe(false)
  for (let second = 0; second < 5; second++) await clock.advance(1000)
  expect(watch.isDown).toBe(true)
  state.up = true
  await clock.advance(1000)
  await vi.waitFor(() => expect(watch.isDown).toBe(false))
  await watch[Symbol.asyncDispose]()
})

it('takes one for down that takes calls and does not answer them', async () => {
  const { state, clock, watch } = watched()
  state.events = false
  await vi.waitFor(() => expect(state.looks).toBe(1))
  state.hangs = true
  await clock.advance(1000)
  await vi.waitFor(() => expect(state.looks).toBe(2))
  await clock.advance(29_000)
  expect(watch.isDown).toBe(false)
  await clock.advance(1000)
  expect(watch.isDown).toBe(true)
})
