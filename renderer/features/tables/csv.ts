import type { Row } from '#shared/ipc/queries.ts'
import type { ShownColumn } from './columns.ts'

/** Rows as RFC 4180 has them: numbers as numbers (cores, bytes), moments in time as ISO 8601, everything in the columns' order. */
export function toCsv(columns: readonly ShownColumn[], rows: readonly Row[]): string {
  const lines = [
    columns.map(({ title }) => field(title)),
    ...rows.map((row) => columns.map((column) => field(valueOf(column, row)))),
  ]
  return lines.map((line) => `${line.join(',')}\r\n`).join('')
}

function valueOf(column: ShownColumn, row: Row): string | number {
  const cell = column.cell(row)
  if (cell === null) return ''
  return column.kind === 'age' && typeof cell === 'number' && cell > 0 ? new Date(cell).toISOString() : cell
}

function field(value: string | number): string {
  if (typeof value === 'number') return String(value)
  // A spreadsheet takes these for formulas, and anybody who may write an object could put one there.
  const safe = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
}
