import { expect, it } from 'vitest'
import { seededRandom } from '../base/random.ts'
import { StoredEntry, ValueSlabs } from './value-slabs.ts'

const entry = (fill: number, size: number) => new StoredEntry('/k', Buffer.alloc(size, fill), 1, 1)

it('pins no more than a third beyond the live bytes, whatever dies', () => {
  const random = seededRandom(3)
  const slabs = new ValueSlabs()
  const live: StoredEntry[] = []
  for (let n = 0; n < 20_000; n++) {
    const size = 100 + Math.floor(random.next() * 4000)
    const placed = entry(n & 255, size)
    slabs.place(placed)
    // One in ten lives on; the others die at random, so that survivors lie scattered over all slabs.
    live.push(placed)
    if (live.length > 2000) slabs.release(live.splice(Math.floor(random.next() * live.length), 1)[0]!)
  }
  const memory = new Set(live.map((placed) => placed.value.buffer))
  const pinned = [...memory].reduce((sum, buffer) => sum + buffer.byteLength, 0)
  const used = live.reduce((sum, placed) => sum + placed.value.length, 0)
  expect(pinned / used).toBeLessThan(1.4)
  expect(live.every((placed) => placed.value.every((byte) => byte === placed.value[0]))).toBe(true)
})

it('leaves buffers that were read before a move as they were', () => {
  const slabs = new ValueSlabs()
  const survivor = entry(1, 1000)
  slabs.place(survivor)
  const read = survivor.value
  const others = Array.from({ length: 600 }, () => entry(2, 1000))
  for (const other of others) slabs.place(other)
  for (const other of others) slabs.release(other)
  expect(survivor.value).not.toBe(read)
  expect([read.equals(Buffer.alloc(1000, 1)), survivor.value.equals(read)]).toEqual([true, true])
})

it('gives a large value memory of its own', () => {
  const slabs = new ValueSlabs()
  const large = entry(5, 100_000)
  slabs.place(large)
  expect(large.value.buffer.byteLength).toBe(100_000)
})
