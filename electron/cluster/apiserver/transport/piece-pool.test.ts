import { expect, it } from 'vitest'
import { gather } from './gather.ts'
import { PiecePool } from './piece-pool.ts'

it('gives a piece out again only after it came back, and only once', () => {
  const pool = new PiecePool()
  const first = pool.take()
  expect(pool.take().buffer).not.toBe(first.buffer)
  pool.give(first.subarray(0, 10))
  pool.give(first)
  expect(pool.take().buffer).toBe(first.buffer)
  expect(pool.take().buffer).not.toBe(first.buffer)
})

it('leaves alone what is not its own', () => {
  const pool = new PiecePool()
  const large = Buffer.alloc(300_000, 'x')
  for (const piece of gather(['a', large], undefined, pool.take)) pool.give(piece)
  expect(pool.take().buffer).not.toBe(large.buffer)
})
