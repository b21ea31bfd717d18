import { expect, it } from 'vitest'
import { gather, margin } from './gather.ts'

const text = (pieces: Iterable<Buffer>) => Buffer.concat([...pieces]).toString()

it('makes few pieces of many parts, in order', () => {
  const parts = Array.from({ length: 100 }, (_, i) => (i % 2 ? Buffer.from(`[${i}]`) : `“${i}”`))
  const pieces = [...gather(parts, 64)]
  expect(text(pieces)).toBe(parts.map(String).join(''))
  expect(pieces.length).toBeLessThan(20)
  expect(Math.max(...pieces.map(({ length }) => length))).toBeLessThanOrEqual(64)
})

it('passes on what is larger than a piece', () => {
  const large = Buffer.alloc(100, 'x')
  const pieces = [...gather(['a', large, '€'.repeat(50), 'b'], 64)]
  expect(text(pieces)).toBe(`a${String(large)}${'€'.repeat(50)}b`)
  expect(pieces).toContain(large)
})

it('is one empty piece of nothing', () => {
  expect([...gather([])].map(String)).toEqual([''])
})

it('asks for parts only when pieces are asked for', () => {
  let asked = 0
  const parts = (function* () {
    for (; asked < 1000; asked++) yield 'x'.repeat(20)
  })()
  gather(parts, 64).next()
  expect(asked).toBeLessThan(5)
})

it('leaves room around what it has gathered', () => {
  for (const piece of gather(['x'.repeat(40), 'y'.repeat(40)], 64)) {
    expect(piece.byteOffset).toBeGreaterThanOrEqual(margin.before)
    expect(piece.byteOffset + piece.length + margin.after).toBeLessThanOrEqual(piece.buffer.byteLength)
  }
})
