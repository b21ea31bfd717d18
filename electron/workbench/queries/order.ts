import type { Cell, ColumnInfo, QuerySort } from '#shared/ipc/queries.ts'
import type { RowRecord } from './record.ts'

export type Order = (a: RowRecord, b: RowRecord) => number

const zero = 48
const nine = 57

/**
 * As people count: `pod-2` before `pod-10`, upper and lower case alike. Names are ASCII, and Intl.Collator is some ten
 * times slower over them.
 */
export function compareNaturally(a: string, b: string): number {
  if (a === b) return 0
  let i = 0
  let j = 0
  while (i < a.length && j < b.length) {
    let x = a.charCodeAt(i)
    let y = b.charCodeAt(j)
    if (x >= zero && x <= nine && y >= zero && y <= nine) {
      while (a.charCodeAt(i) === zero && isDigit(a.charCodeAt(i + 1))) i++
      while (b.charCodeAt(j) === zero && isDigit(b.charCodeAt(j + 1))) j++
      let first = 0
      for (;;) {
        x = a.charCodeAt(i)
        y = b.charCodeAt(j)
        if (!isDigit(x) || !isDigit(y)) break
        first ||= x - y
        i++
        j++
      }
      // The longer number is the greater.
      if (isDigit(x)) return 1
      if (isDigit(y)) return -1
      if (first) return first
    } else {
      if (x >= 65 && x <= 90) x += 32
      if (y >= 65 && y <= 90) y += 32
      if (x !== y) return x - y
      i++
      j++
    }
  }
  return a.length - i - (b.length - j) || (a < b ? -1 : 1)
}

const isDigit = (code: number): boolean => code >= zero && code <= nine

/** Namespace, then name, then uid: the order below every other order, so that order is total. */
const byName: Order = (a, b) =>
  compareNaturally(a.row.namespace, b.row.namespace) ||
  compareNaturally(a.row.name, b.row.name) ||
  (a.row.uid < b.row.uid ? -1 : a.row.uid > b.row.uid ? 1 : 0)

/** What is shown when nobody chose: the order by name; for events the latest first (ages grow downwards). */
export const usualSort = (columns: readonly ColumnInfo[]): QuerySort =>
  columns.some(({ id }) => id === 'last-seen')
    ? { column: 'last-seen', descending: false }
    : { column: 'name', descending: false }

export function orderOf(sort: QuerySort, columns: readonly ColumnInfo[]): Order {
  const sign = sort.descending ? -1 : 1
  if (sort.column === 'name') return (a, b) => sign * compareNaturally(a.row.name, b.row.name) || byName(a, b)
  if (sort.column === 'namespace')
    return (a, b) => sign * compareNaturally(a.row.namespace, b.row.namespace) || byName(a, b)
  const index = columns.findIndex((column) => column.id === sort.column)
  if (index < 0) return byName
  // Age grows as the moment falls.
  const direction = columns[index]!.kind === 'age' ? -sign : sign
  return (a, b) => direction * compareCells(a.row.cells[index], b.row.cells[index]) || byName(a, b)
}

function compareCells(a: Cell | undefined, b: Cell | undefined): number {
  if (typeof a === 'number' && typeof b === 'number') return a - b
  if (a === null || a === undefined) return b === null || b === undefined ? 0 : -1
  if (b === null || b === undefined) return 1
  return compareNaturally(String(a), String(b))
}
