// @vitest-environment node
import { expect, it } from 'vitest'
import { columnsFor, fitColumns, leastWidth, poolFor, scrollToShow, visibleRange } from './table.ts'

const range = (scrollTop: number, count: number) => visibleRange(scrollTop, 28, count, poolFor(280, 28, 5), 5)

it('draws what is in view and a little around it', () => {
  expect(range(2800, 100_000)).toEqual({ first: 95, last: 116 })
  expect(range(0, 3)).toEqual({ first: 0, last: 3 })
})

it('shows as many rows at every scroll position, so that no element comes or goes', () => {
  const sizes = Array.from({ length: 900 }, (_, pixel) => range(pixel, 1000)).map(({ first, last }) => last - first)
  expect(new Set(sizes)).toEqual(new Set([21]))
})

it('shows the last rows when rows went away while one was far down', () => {
  expect(range(28_000, 10)).toEqual({ first: 0, last: 10 })
  expect(range(28_000, 100)).toEqual({ first: 79, last: 100 })
})

it('scrolls no further than it takes to show a row', () => {
  expect(scrollToShow(5, 0, 280, 28)).toBeUndefined()
  expect(scrollToShow(10, 0, 280, 28)).toBe(28)
  expect(scrollToShow(2, 280, 280, 28)).toBe(56)
})

const columns = [
  { id: 'name', title: 'Name', width: 200, min: 100, grows: true },
  { id: 'node', title: 'Node', width: 100, min: 50 },
  { id: 'age', title: 'Age', width: 64 },
]
const sum = (some: readonly number[]) => some.reduce((a, b) => a + b, 0)

it('gives every column what it likes where that fits', () => {
  expect(fitColumns(columns, 400)).toEqual([200, 100, 64])
})

it('takes of each what it can spare where room is short, and scrolls only below that', () => {
  expect(fitColumns(columns, 325)).toEqual([150, 75, 64])
  expect(fitColumns(columns, 100)).toEqual([100, 50, 64])
  expect(leastWidth(columns)).toBe(250)
})

it('gives most of what is left to columns that grow, and fills the table', () => {
  const fitted = fitColumns(columns, 1000)
  expect(fitted[0]! - 200).toBeGreaterThan(5 * (fitted[1]! - 100))
  expect(fitted[2]).toBe(64)
  expect(sum(fitted)).toBeGreaterThan(1000 - 36 - 3)
  expect(sum(fitted)).toBeLessThanOrEqual(1000 - 36)
})

it('leaves out what can best be spared where there is no room for all, and brings it back', () => {
  const some = [
    { id: 'name', title: 'Name', width: 200, min: 100 },
    { id: 'node', title: 'Node', width: 100, min: 50, spare: 2 },
    { id: 'owner', title: 'Owner', width: 100, min: 50, spare: 3 },
    { id: 'age', title: 'Age', width: 64, spare: 1 },
  ]
  const ids = (available: number) => columnsFor(some, available).map(({ id }) => id)
  expect(ids(300)).toEqual(['name', 'node', 'owner', 'age'])
  expect(ids(299)).toEqual(['name', 'node', 'age'])
  expect(ids(249)).toEqual(['name', 'age'])
  expect(ids(10)).toEqual(['name'])
})
