import type { Cell, ColumnInfo, Row } from '#shared/ipc/queries.ts'

/** A cell by its column's id; null where the kind has no such column. */
export function cellOf(columns: readonly ColumnInfo[], row: Row, id: string): Cell {
  const index = columns.findIndex((column) => column.id === id)
  return index < 0 ? null : (row.cells[index] ?? null)
}

export const textOf = (columns: readonly ColumnInfo[], row: Row, id: string): string => {
  const cell = cellOf(columns, row, id)
  return cell === null ? '' : String(cell)
}
