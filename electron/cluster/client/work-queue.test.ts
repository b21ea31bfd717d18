import { expect, it } from 'vitest'
import { FakeClock } from '../base/fake-clock.ts'
import { WorkQueue } from './work-queue.ts'

const setup = () => {
  const clock = new FakeClock()
  return { clock, queue: new WorkQueue({ clock }) }
}

it('hands a key out once, however often it was added', async () => {
  const { queue } = setup()
  queue.add('a')
  queue.add('a')
  queue.add('b')
  expect([await queue.get(), await queue.get(), queue.length]).toEqual(['a', 'b', 0])
})

it('hands a key that was added while being worked on out again, after it is done and to one worker only', async () => {
  const { queue } = setup()
  queue.add('a')
  await queue.get()
  queue.add('a')
  queue.add('a')
  expect(queue.length).toBe(0)
  queue.done('a')
  expect([await queue.get(), queue.length]).toEqual(['a', 0])
})

it('wakes waiting workers in order', async () => {
  const { queue } = setup()
  const workers = [queue.get(), queue.get()]
  queue.add('a')
  queue.add('b')
  expect(await Promise.all(workers)).toEqual(['a', 'b'])
})

it('keeps the earliest of several delays of a key', async () => {
  const { clock, queue } = setup()
  queue.addAfter('a', 1000)
  queue.addAfter('a', 100)
  queue.addAfter('a', 5000)
  await clock.advance(99)
  expect(queue.length).toBe(0)
  await clock.advance(1)
  expect(queue.length).toBe(1)
  expect(clock.pending).toBe(0)
})

it('doubles the delay with every failure of a key, until it is forgotten', async () => {
  const { clock, queue } = setup()
  for (const delay of [5, 10, 20]) {
    queue.addRateLimited('a')
    await clock.advance(delay - 1)
    expect(queue.length).toBe(0)
    await clock.advance(1)
    queue.done((await queue.get())!)
  }
  expect(queue.failures('a')).toBe(3)
  queue.forget('a')
  expect(queue.failures('a')).toBe(0)
})

it('shuts down when the keys being worked on are done, and leaves no timer behind', async () => {
  const { clock, queue } = setup()
  queue.add('a')
  await queue.get()
  queue.addAfter('b', 1000)
  const waiting = queue.get()
  let down = false
  const stopping = queue.shutDown().then(() => (down = true))
  await clock.advance(0)
  expect([down, await waiting, clock.pending]).toEqual([false, undefined, 0])
  queue.done('a')
  await stopping
  queue.add('c')
  expect(await queue.get()).toBeUndefined()
})
