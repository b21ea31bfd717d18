import { expect, it, vi } from 'vitest'
import { FakeOutlet } from '../testing/outlet.ts'
import { follow } from './follow.ts'

function count() {
  const outlet = new FakeOutlet<number>()
  let value = 0
  let tell = () => {}
  const disposed = vi.fn()
  const done = follow(
    outlet,
    () => value,
    (changed) => {
      tell = changed
      return { [Symbol.dispose]: disposed }
    },
  )
  const up = () => {
    value++
    tell()
  }
  return { outlet, done, up, disposed }
}

it('tells the state at once, and the newest after changes', async () => {
  const { outlet, up } = count()
  expect(outlet.heard).toEqual([0])
  for (let i = 0; i < 100; i++) up()
  await vi.waitFor(() => expect(outlet.last).toBe(100))
  expect(outlet.heard).toEqual([0, 100])
  up()
  await vi.waitFor(() => expect(outlet.heard).toEqual([0, 100, 101]))
  outlet.close()
})

it('leaves out states while the other side lags', async () => {
  const { outlet, up } = count()
  outlet.congested = true
  for (let i = 0; i < 5; i++) {
    up()
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  expect(outlet.heard).toEqual([0])
  outlet.congested = false
  await vi.waitFor(() => expect(outlet.heard).toEqual([0, 5]))
  outlet.close()
})

it('ends, and listens no more, when the stream is closed', async () => {
  const { outlet, done, disposed } = count()
  outlet.close()
  await done
  expect(disposed).toHaveBeenCalledOnce()
})
