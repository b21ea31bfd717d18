import type { VNodeArrayChildren } from 'vue'

export interface TableColumn {
  id: string
  title: string
  description?: string | undefined
  /** Pixels: what it likes to have. */
  width: number
  /** Pixels: what it makes do with where room is short. Absent: its width. */
  min?: number
  /** Takes what is left over. */
  grows?: boolean
  align?: 'start' | 'end'
  sortable?: boolean
  /** The higher, the sooner it gives way where even the least widths do not fit. Absent: never. */
  spare?: number
}

/** What a cell shows. Told by plain functions: a component in each cell is what a keystroke cannot pay. */
export interface CellView {
  text: string
  /** Plain elements in place of the text. */
  nodes?: () => VNodeArrayChildren
  /** What the nodes are made of, the text by default: while that stays the same they are not made again. */
  of?: string
  /** Pixels that they take at the most, by default those of the text. */
  width?: number
  class?: string
  title?: string
}

export interface TableSort {
  column: string
  descending: boolean
}

const outer = { checkbox: 28, end: 8 }

/** What the columns need at the least, in pixels. */
export const leastWidth = (columns: readonly TableColumn[]): number =>
  columns.reduce((sum, { min, width }) => sum + (min ?? width), outer.checkbox + outer.end)

/** The columns for which there is room, in their order: those that can best be spared give way. */
export function columnsFor<C extends TableColumn>(columns: readonly C[], available: number): readonly C[] {
  const gone = new Set<TableColumn>()
  const spares = columns.filter(({ spare }) => spare !== undefined).sort((a, b) => b.spare! - a.spare!)
  let excess = leastWidth(columns) - available
  for (const column of spares) {
    if (excess <= 0) break
    gone.add(column)
    excess -= column.min ?? column.width
  }
  return gone.size ? columns.filter((column) => !gone.has(column)) : columns
}

/**
 * The columns' widths in pixels for a table so wide: what they like where that fits; where it does not, each gives of what
 * it can spare; where more is left, columns that grow take most of it and the rest take a little.
 */
export function fitColumns(columns: readonly TableColumn[], available: number): number[] {
  const wanted = columns.reduce((sum, { width }) => sum + width, outer.checkbox + outer.end)
  const spare = wanted - leastWidth(columns)
  const room = available - wanted
  if (room < 0) {
    const share = spare === 0 ? 0 : Math.min(1, -room / spare)
    return columns.map(({ width, min = width }) => Math.floor(width - (width - min) * share))
  }
  const weight = ({ width, min = width, grows }: TableColumn) => (grows ? 3 * width : width > min ? width / 2 : 0)
  const all = columns.reduce((sum, column) => sum + weight(column), 0)
  return columns.map((column) => Math.floor(column.width + (all ? (room * weight(column)) / all : 0)))
}

/** Where the cells of a row stand, as custom properties of the table: it alone is touched when widths change. */
export function placesOf(widths: readonly number[]): Record<string, string> {
  const places: Record<string, string> = {}
  let left = outer.checkbox
  for (const [at, width] of widths.entries()) {
    places[`--x${at}`] = `${left}px`
    places[`--w${at}`] = `${width}px`
    left += width
  }
  return places
}

/** How many row elements a table so tall needs: a constant, so that scrolling and filtering make and move none. */
export const poolFor = (height: number, rowHeight: number, overscan: number): number =>
  Math.ceil(Math.max(0, height) / rowHeight) + 1 + 2 * overscan

/** Which of `count` equally tall rows such a pool shows at a scroll position: always the whole pool, where there are as many. */
export function visibleRange(
  scrollTop: number,
  rowHeight: number,
  count: number,
  pool: number,
  overscan: number,
): { first: number; last: number } {
  const wanted = Math.floor(scrollTop / rowHeight) - overscan
  const first = Math.max(0, Math.min(wanted, count - pool))
  return { first, last: Math.min(count, first + pool) }
}

/** Where to scroll so that the row is in full view below the sticky header; undefined when it is. */
export function scrollToShow(index: number, scrollTop: number, height: number, rowHeight: number): number | undefined {
  const top = index * rowHeight
  if (top < scrollTop) return top
  if (top + rowHeight > scrollTop + height) return top + rowHeight - height
  return undefined
}
