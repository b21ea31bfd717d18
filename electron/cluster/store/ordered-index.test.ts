import { expect, it } from 'vitest'
import { seededRandom } from '../base/random.ts'
import { OrderedIndex } from './ordered-index.ts'

it('agrees with a sorted array after any sequence of changes', () => {
  const random = seededRandom(7)
  const index = new OrderedIndex<{ key: string; n: number }>()
  const model = new Map<string, number>()
  const anyKey = () => `/${'abc'[Math.floor(random.next() * 3)]}/${Math.floor(random.next() * 4000).toString(36)}`
  for (let n = 0; n < 30_000; n++) {
    const key = anyKey()
    // First it grows over many chunks, then it shrinks until some are gone.
    if (random.next() < (n < 15_000 ? 0.9 : 0.2)) {
      index.set({ key, n })
      model.set(key, n)
    } else {
      index.delete(key)
      model.delete(key)
    }
    if (n % 1500) continue
    const prefix = ['', '/', '/b', '/b/', '/c/1', '/z'][Math.floor(random.next() * 6)]!
    const after = anyKey()
    const expected = [...model.keys()].filter((k) => k.startsWith(prefix)).sort()
    expect(index.range(prefix).map((item) => item.key)).toEqual(expected)
    expect(index.range(prefix, after, 37).map((item) => item.key)).toEqual(
      expected.filter((k) => k > after).slice(0, 37),
    )
    expect(index.count(prefix)).toBe(expected.length)
    expect(index.count(prefix, after)).toBe(expected.filter((k) => k > after).length)
    expect(index.get(key)?.n).toBe(model.get(key))
  }
  expect(model.size).toBeGreaterThan(1000)
})

it('finds prefixes that end in the last code unit', () => {
  const index = new OrderedIndex<{ key: string }>()
  for (const key of ['a', 'a\uffff', 'a\uffffb', 'b']) index.set({ key })
  expect(index.range('a\uffff').map((item) => item.key)).toEqual(['a\uffff', 'a\uffffb'])
  expect(index.count('\uffff')).toBe(0)
})
