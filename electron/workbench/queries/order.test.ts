import { describe, expect, it } from 'vitest'
import type { ColumnInfo } from '#shared/ipc/queries.ts'
import { record } from '../testing/records.ts'
import { compareNaturally, orderOf, usualSort } from './order.ts'

const columns: ColumnInfo[] = [
  { id: 'restarts', title: 'Restarts', kind: 'number', priority: 0 },
  { id: 'age', title: 'Age', kind: 'age', priority: 0 },
]

describe('natural order', () => {
  it.each([
    [
      ['pod-10', 'pod-2'],
      ['pod-2', 'pod-10'],
    ],
    [
      ['b', 'A', 'a', 'C'],
      ['A', 'a', 'b', 'C'],
    ],
    [
      ['web-1a', 'web-1', 'web'],
      ['web', 'web-1', 'web-1a'],
    ],
    [
      ['1.30', '1.4', '1.30.1'],
      ['1.4', '1.30', '1.30.1'],
    ],
    [
      ['x007', 'x7', 'x08'],
      ['x007', 'x7', 'x08'],
    ],
    [
      ['7d4b9c', '7d4b10c'],
      ['7d4b9c', '7d4b10c'],
    ],
  ])('of %j', (given, expected) => {
    expect([...given].sort(compareNaturally)).toEqual(expected)
  })

  it('is an order: total, antisymmetric and transitive over random texts', () => {
    let seed = 3
    const next = (n: number) => (seed = (seed * 1103515245 + 12345) % 2147483648) % n
    const texts = Array.from({ length: 60 }, () => Array.from({ length: next(6) }, () => 'aB01-9'[next(6)]).join(''))
    for (const a of texts)
      for (const b of texts) {
        expect(Math.sign(compareNaturally(a, b)) + Math.sign(compareNaturally(b, a))).toBe(0)
        expect(compareNaturally(a, b) === 0).toBe(a === b)
        for (const c of texts)
          if (compareNaturally(a, b) < 0 && compareNaturally(b, c) < 0) expect(compareNaturally(a, c)).toBeLessThan(0)
      }
  })
})

it('puts the youngest first when age is sorted upwards', () => {
  const order = orderOf({ column: 'age', descending: false }, columns)
  expect(
    [record('old', { created: 1000 }), record('young', { created: 2000 })].sort(order).map((r) => r.row.name),
  ).toEqual(['young', 'old'])
})

it('puts what has no value before what has one, and falls back on names', () => {
  const order = orderOf({ column: 'restarts', descending: false }, columns)
  const rows = [record('b', { restarts: 2 }), record('a', { restarts: 2 }), record('c', { restarts: null })]
  expect(rows.sort(order).map((r) => r.row.name)).toEqual(['c', 'a', 'b'])
})

it('shows by name, and events by when they were last seen', () => {
  expect(usualSort(columns)).toEqual({ column: 'name', descending: false })
  expect(usualSort([{ id: 'last-seen', title: '', kind: 'age', priority: 0 }])).toEqual({
    column: 'last-seen',
    descending: false,
  })
})
