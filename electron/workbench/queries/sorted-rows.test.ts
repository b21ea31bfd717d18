import { expect, it } from 'vitest'
import type { ColumnInfo } from '#shared/ipc/queries.ts'
import { record } from '../testing/records.ts'
import { orderOf } from './order.ts'
import type { RowRecord } from './record.ts'
import { SortedRows } from './sorted-rows.ts'

const columns: ColumnInfo[] = [
  { id: 'restarts', title: 'Restarts', kind: 'number', priority: 0 },
  { id: 'age', title: 'Age', kind: 'age', priority: 0 },
]
const byName = orderOf({ column: 'name', descending: false }, columns)
const names = (rows: SortedRows) => rows.slice(0, 1000).map((r) => r.row.name)

it('arrives at the same by updates as from scratch, over random changes of records, filter and order', () => {
  const orders = [byName, orderOf({ column: 'restarts', descending: true }, columns)]
  const filters = [() => true, (r: RowRecord) => r.row.cells[0] !== 3, (r: RowRecord) => r.row.name.includes('1')]
  const narrowings = [undefined, (r: RowRecord) => r.row.tone === 'bad']
  const incremental = new SortedRows(byName)
  const state = new Map<string, RowRecord>()
  let seed = 7
  const next = (n: number) => (seed = (seed * 1103515245 + 12345) % 2147483648) % n
  let [order, filter, narrowing] = [0, 0, 0]
  for (let round = 0; round < 500; round++) {
    const before = new Map<string, RowRecord | undefined>()
    const size = next(2) ? 3 : 20
    for (let i = 0; i < size; i++) {
      const made = record(`pod-${next(40)}`, { restarts: next(6), tone: next(3) ? 'ok' : 'bad' })
      if (!before.has(made.row.uid)) before.set(made.row.uid, state.get(made.row.uid))
      if (next(4) === 0) state.delete(made.row.uid)
      else state.set(made.row.uid, made)
    }
    incremental.update([...before].map(([uid, held]) => ({ before: held, after: state.get(uid) })))
    if (next(10) === 0) incremental.filter(filters[(filter = next(3))]!, narrowings[(narrowing = next(2))])
    if (next(20) === 0) incremental.replace(state.values(), orders[(order = next(2))]!)
    const full = new SortedRows(byName)
    full.filter(filters[filter]!, narrowings[narrowing])
    full.replace(state.values(), orders[order]!)
    expect(names(incremental)).toEqual(names(full))
    expect([incremental.total, incremental.length, incremental.tones]).toEqual([full.total, full.length, full.tones])
  }
})

it('counts the tones of what matches, whatever the narrowing leaves of it: the counts are the choices', () => {
  const rows = new SortedRows(byName)
  rows.replace(
    [record('a', { tone: 'bad' }), record('b'), record('c', { tone: 'warn' }), record('x', { tone: 'bad' })],
    byName,
  )
  rows.filter(
    (r) => r.row.name !== 'x',
    (r) => r.row.tone === 'bad',
  )
  expect(names(rows)).toEqual(['a'])
  expect(rows.tones).toEqual({ ok: 1, busy: 0, warn: 1, bad: 1, off: 0 })
  expect([rows.total, rows.length]).toEqual([4, 1])
})
