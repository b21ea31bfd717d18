import { defineComponent, h, type VNode } from 'vue'
import type { CellView, TableColumn } from './table.ts'

export interface RowProps {
  id: string
  /** -1: nothing to show. The element stays, out of sight, with what it showed last. */
  index: number
  /** Absent: not here yet. */
  row: unknown
  columns: readonly TableColumn[]
  cell: (row: unknown, column: TableColumn) => CellView
  rowHeight: number
  selected: boolean
  cursor: boolean
  /** Extra classes. */
  look?: string | undefined
  selectLabel: string
  on: {
    press(event: MouseEvent, index: number): void
    toggle(index: number, extend: boolean): void
    context(index: number): void
  }
}

const look =
  'group/row absolute inset-x-0 top-0 grid [contain:layout_size_style] items-center border-b border-line/60 hover:bg-hover ' +
  'aria-selected:bg-accent-wash data-cursor:bg-press data-cursor:shadow-[inset_2px_0_0_var(--color-accent)] ' +
  'aria-selected:data-cursor:bg-accent-wash'
const missing = (): VNode => h('span', { 'data-blank': '', class: 'block h-2.5 w-2/3 rounded-small bg-press' })

/**
 * Whether a text surely has room. To clip each of hundreds of cells is what most of a frame would go into, so that only
 * those are clipped that may need it.
 */
const fits = ({ content }: CellView, { width, min = width }: TableColumn): boolean =>
  typeof content === 'string' && content.length * widestLetter < min - 16
/** Pixels of the body text's capital W. */
const widestLetter = 14

/** One line of a DataTable: the only component that a row costs. A row that did not change is not drawn anew. */
export default defineComponent(
  (props: RowProps) => {
    const press = (event: MouseEvent): void => props.on.press(event, props.index)
    const context = (): void => props.on.context(props.index)
    const keep = (event: Event): void => event.preventDefault()
    function toggle(event: MouseEvent): void {
      event.stopPropagation()
      if (props.row) props.on.toggle(props.index, event.shiftKey)
    }
    const box = (): VNode =>
      h('input', {
        type: 'checkbox',
        tabindex: -1,
        class: 'size-3.5 accent-accent opacity-0 group-hover/row:opacity-100 checked:opacity-100',
        checked: props.selected,
        'aria-label': props.selectLabel,
        onClick: keep,
      })
    function cellOf(column: TableColumn): VNode {
      const view: CellView = props.row ? props.cell(props.row, column) : { content: [missing()] }
      const end = column.align === 'end' ? ' text-right' : ''
      const looks = `min-w-0 px-2${fits(view, column) ? '' : ' truncate'}${end} ${view.class ?? ''}`
      return h('span', { key: column.id, role: 'gridcell', class: looks, title: view.title }, view.content)
    }

    let cells: VNode[] = []
    return () => {
      const { index, row, rowHeight, cursor, selected } = props
      if (index < 0) return h('div', { hidden: true }, cells)
      cells = [
        h(
          'span',
          { key: '', role: 'gridcell', class: 'grid h-full place-items-center', onClick: toggle },
          row ? [box()] : [],
        ),
        ...props.columns.map(cellOf),
      ]
      return h(
        'div',
        {
          id: props.id,
          role: 'row',
          'aria-rowindex': index + 2,
          'aria-selected': row !== undefined && selected,
          'data-cursor': cursor || undefined,
          class: `${look} ${props.look ?? ''}`,
          style: {
            height: `${rowHeight}px`,
            transform: `translateY(${index * rowHeight}px)`,
            gridTemplateColumns: 'var(--columns)',
          },
          onClick: press,
          onContextmenu: context,
        },
        cells,
      )
    }
  },
  { props: ['id', 'index', 'row', 'columns', 'cell', 'rowHeight', 'selected', 'cursor', 'look', 'selectLabel', 'on'] },
)
