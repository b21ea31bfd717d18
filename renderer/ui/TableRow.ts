import { Fragment, h, render, type VNodeArrayChildren } from 'vue'
import { textWidth } from './textWidth.ts'
import type { CellView, TableColumn } from './table.ts'

/** What all rows of a table share. */
export interface RowsLook {
  /** Elements are named by it and their row's index. */
  id: string
  columns: readonly TableColumn[]
  /** Pixels of each column. */
  widths: readonly number[]
  rowHeight: number
  cell(row: unknown, column: TableColumn): CellView
  selectLabel: string
}

export interface RowState {
  /** -1: nothing to show. The element stays, out of sight, with what it showed last. */
  index: number
  /** Absent: not here yet. */
  row: unknown
  selected: boolean
  cursor: boolean
  /** Extra classes. */
  look: string
}

const rowLook =
  'group/row absolute inset-x-0 [contain:layout_size_style] border-b border-line/60 hover:bg-hover ' +
  'aria-selected:bg-accent-wash data-cursor:bg-press data-cursor:shadow-[inset_2px_0_0_var(--color-accent)] ' +
  'aria-selected:data-cursor:bg-accent-wash'
/** Each stands by itself: a text that changes lays out and paints its own cell and no other. */
const cellLook = 'absolute inset-y-0 whitespace-nowrap [contain:layout_size_style]'
/** Clicks go to its cell: what is checked is for the selection to say. */
const boxLook = 'pointer-events-none invisible size-3.5 accent-accent group-hover/row:visible checked:visible'
const padding = 16
const blank: CellView = {
  text: '',
  nodes: () => [h('span', { 'data-blank': '', class: 'block h-2.5 w-2/3 rounded-small bg-press' })],
  class: 'flex items-center',
}

/**
 * One line of a DataTable. Written to the document by hand, and only where it differs from what stands there: of a
 * keystroke's time, comparing trees of hundreds of cells would be the largest part.
 */
export class TableRow {
  readonly element = document.createElement('div')
  readonly #box = document.createElement('input')
  readonly #boxCell = document.createElement('span')
  #cells: TableCell[] = []
  #shown: Partial<RowState & RowsLook> = {}

  constructor() {
    this.element.setAttribute('role', 'row')
    this.#boxCell.setAttribute('role', 'gridcell')
    this.#boxCell.className = `${cellLook} left-0 grid w-7 place-items-center`
    this.#boxCell.dataset['box'] = ''
    Object.assign(this.#box, { type: 'checkbox', tabIndex: -1, className: boxLook })
    this.#boxCell.append(this.#box)
    this.element.append(this.#boxCell)
  }

  show(state: RowState, table: RowsLook): void {
    const { element } = this
    const { index, row, selected, cursor, look } = state
    const was = this.#shown
    if (index < 0) {
      if (was.index === -1) return
      element.hidden = true
      element.removeAttribute('id')
      // All else stays as it was shown last.
      this.#shown = { ...was, index }
      return
    }
    this.#shown = { ...state, ...table }
    if (was.index === -1) element.hidden = false
    if (was.index !== index || was.id !== table.id || was.rowHeight !== table.rowHeight) {
      const { rowHeight } = table
      element.id = `${table.id}-${index}`
      element.setAttribute('aria-rowindex', String(index + 2))
      element.style.cssText = `top:${index * rowHeight}px;height:${rowHeight}px;line-height:${rowHeight - 1}px`
    }
    if (was.look !== look) element.className = `${rowLook} ${look}`
    if (was.cursor !== cursor) element.toggleAttribute('data-cursor', cursor)
    if (was.selected !== selected) {
      this.#box.checked = selected
      element.setAttribute('aria-selected', String(selected))
    }
    if (was.row === undefined || row === undefined) this.#box.hidden = row === undefined
    if (was.selectLabel !== table.selectLabel) this.#box.setAttribute('aria-label', table.selectLabel)
    this.#showCells(row, table)
  }

  #showCells(row: unknown, { columns, widths, cell }: RowsLook): void {
    for (const gone of this.#cells.splice(columns.length)) gone.element.remove()
    for (const [at, column] of columns.entries()) {
      let one = this.#cells[at]
      if (!one) {
        this.#cells.push((one = new TableCell(at)))
        this.element.append(one.element)
      }
      one.show(row === undefined ? blank : cell(row, column), column, widths[at] ?? column.width)
    }
  }
}

class TableCell {
  readonly element = document.createElement('span')
  /** Where it shows nothing else. */
  #text: Text | undefined
  /** The text, or what the nodes are made of. */
  #content: string | undefined
  #column: string | undefined
  #title = ''
  #own: string | undefined
  #room = 0
  #look = ''

  constructor(at: number) {
    this.element.setAttribute('role', 'gridcell')
    this.element.style.cssText = `left:var(--x${at});width:var(--w${at})`
  }

  show(view: CellView, { id, align }: TableColumn, room: number): void {
    const { text, nodes, of = text, width, class: own = '', title = '' } = view
    const { element } = this
    if (this.#title !== title) {
      this.#title = title
      if (title) element.title = title
      else element.removeAttribute('title')
    }
    const content = nodes ? of : text
    const changed =
      this.#column !== id || this.#content !== content || (nodes !== undefined) === (this.#text !== undefined)
    if (!changed && this.#own === own && this.#room === room) return
    if (changed && nodes) this.#showNodes(nodes())
    else if (changed) this.#showText(text)
    this.#column = id
    this.#content = content
    this.#own = own
    this.#room = room
    // To clip each of hundreds of cells is what most of a frame would go into: only those are that need it.
    const fits = (width ?? textWidth(text)) <= room - padding
    const look = `${cellLook} px-2${fits ? '' : ' truncate'}${align === 'end' ? ' text-right' : ''} ${own}`
    if (this.#look !== look) element.className = this.#look = look
  }

  #showText(text: string): void {
    if (this.#text) this.#text.data = text
    else {
      if (this.#content !== undefined) render(null, this.element)
      this.element.append((this.#text = document.createTextNode(text)))
    }
  }

  #showNodes(nodes: VNodeArrayChildren): void {
    this.#text?.remove()
    this.#text = undefined
    render(h(Fragment, nodes), this.element)
  }
}
