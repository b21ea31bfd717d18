import type { KubeObject } from '#shared/kube/object.ts'
import { expect, it } from 'vitest'
import { job } from '../registry/batch/job.ts'
import { since, type CellValue } from '../registry/columns/since.ts'
import type { Column } from '../registry/kind.ts'
import { Row } from './row.ts'

const start = '2026-01-01T00:00:00Z'
const at = (seconds: number) => Date.parse(start) + seconds * 1000
const column = (cell: CellValue): Column => ({
  name: '',
  type: 'string',
  description: '',
  priority: 0,
  cell: () => cell,
})
const cellsOf = (row: Row, now: number) => (JSON.parse(`{${row.at(now)}}`) as { cells: unknown[] }).cells

it('grows older with the clock, and is written once otherwise', () => {
  const row = Row.of({} as KubeObject, [
    column('a "b"'),
    column(since(start)),
    column(3),
    column(since(start, '2 (', ' ago)')),
  ])
  expect(cellsOf(row, at(5))).toEqual(['a "b"', '5s', 3, '2 (5s ago)'])
  expect(cellsOf(row, at(600))).toEqual(['a "b"', '10m', 3, '2 (10m ago)'])
})

it('says that a time is unknown', () => {
  expect(cellsOf(Row.of({} as KubeObject, [column(since(undefined))]), at(0))).toEqual(['<unknown>'])
})

it('carries the conditions of its object behind the cells', () => {
  const conditions = [{ type: 'Completed', status: 'True' }]
  const row = Row.of({} as KubeObject, [column(null)], conditions)
  expect(JSON.parse(`{${row.at(0)}}`)).toEqual({ cells: [null], conditions })
})

it('shows the duration of a job, which ends with it', () => {
  const durationOf = (status: object) => {
    const columns = job.columns.filter(({ name }) => name === 'Duration') as readonly Column[]
    return cellsOf(Row.of({ status } as unknown as KubeObject, columns), at(5))
  }
  expect(durationOf({})).toEqual([''])
  expect(durationOf({ startTime: start })).toEqual(['5s'])
  expect(durationOf({ startTime: start, completionTime: '2026-01-01T00:00:03Z' })).toEqual(['3s'])
})
