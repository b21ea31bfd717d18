import { expect, it, vi } from 'vitest'
import { h } from 'vue'
import { TableRow, type RowsLook, type RowState } from './TableRow.ts'
import type { CellView, TableColumn } from './table.ts'

const columns: TableColumn[] = [
  { id: 'name', title: 'Name', width: 400 },
  { id: 'state', title: 'State', width: 400 },
]
type Row = Record<string, CellView>
const table = (some: Partial<RowsLook> = {}): RowsLook => ({
  id: 't',
  columns,
  widths: columns.map(({ width }) => width),
  rowHeight: 28,
  cell: (row, column) => (row as Row)[column.id]!,
  selectLabel: 'Select row',
  ...some,
})
const state = (row: Row | undefined, some: Partial<RowState> = {}): RowState => ({
  index: 0,
  row,
  selected: false,
  cursor: false,
  look: '',
  ...some,
})
const cells = ({ element }: TableRow) => [...element.querySelectorAll<HTMLElement>('[role=gridcell]')].slice(1)

it('changes a text in its place, and touches no cell whose view is the same', () => {
  const row = new TableRow()
  row.show(state({ name: { text: 'a' }, state: { text: 'Running' } }), table())
  const [name, running] = cells(row).map(({ firstChild }) => firstChild as Text)
  const set = vi.spyOn(CharacterData.prototype, 'data', 'set')
  row.show(state({ name: { text: 'b' }, state: { text: 'Running' } }), table())
  expect(cells(row).map(({ firstChild }) => firstChild)).toEqual([name, running])
  expect(name!.data).toBe('b')
  expect(set).toHaveBeenCalledOnce()
  set.mockRestore()
})

it('makes nodes again only when what they are made of changed', () => {
  const row = new TableRow()
  const nodes = vi.fn(() => [h('b', 'Running')])
  const show = (of: string) =>
    row.show(state({ name: { text: 'a' }, state: { text: 'Running', of, nodes } }), table({}))
  show('ok Running')
  show('ok Running')
  expect(nodes).toHaveBeenCalledOnce()
  show('bad Running')
  expect(nodes).toHaveBeenCalledTimes(2)
  expect(cells(row)[1]!.innerHTML).toContain('<b>Running</b>')
})

it('goes from a bar to a text to nodes and back', () => {
  const row = new TableRow()
  const show = (name: CellView | undefined) => {
    row.show(state(name && { name, state: { text: '' } }), table())
    return cells(row)[0]!
  }
  expect(show(undefined).querySelector('[data-blank]')).not.toBeNull()
  expect(show({ text: 'a' }).innerHTML).toBe('a')
  expect(show({ text: 'b', nodes: () => [h('i', 'b')] }).innerHTML).toContain('<i>b</i>')
  expect(show({ text: 'c' }).innerHTML).toBe('c')
  expect(show({ text: '' }).innerHTML).toBe('')
  expect(show({ text: 'd' }).innerHTML).toBe('d')
  expect(show(undefined).querySelector('[data-blank]')).not.toBeNull()
})

it('clips only what may not fit', () => {
  const row = new TableRow()
  const long = 'x'.repeat(200)
  row.show(state({ name: { text: long }, state: { text: 'Running' } }), table())
  const clipped = () => cells(row).map(({ classList }) => classList.contains('truncate'))
  expect(clipped()).toEqual([true, false])
  row.show(state({ name: { text: 'short' }, state: { text: '', nodes: () => [long], width: Infinity } }), table())
  expect(clipped()).toEqual([false, true])
  row.show(state({ name: { text: 'short' }, state: { text: 'Running' } }), table({ widths: [40, 400] }))
  expect(clipped()).toEqual([true, false])
})

it('takes a title away with the row that had it', () => {
  const row = new TableRow()
  row.show(state({ name: { text: 'a', title: 'all of a' }, state: { text: '' } }), table())
  expect(cells(row)[0]!.title).toBe('all of a')
  row.show(state({ name: { text: 'a' }, state: { text: '' } }), table())
  expect(cells(row)[0]!.hasAttribute('title')).toBe(false)
})

it('has no cell of a column that went', () => {
  const row = new TableRow()
  const some = { name: { text: 'a' }, state: { text: 'b' } }
  row.show(state(some), table())
  row.show(state(some), table({ columns: [columns[1]!] }))
  expect(cells(row).map(({ textContent }) => textContent)).toEqual(['b'])
  row.show(state(some), table())
  expect(cells(row).map(({ textContent }) => textContent)).toEqual(['a', 'b'])
})

it('draws anew what looks the same in another column', () => {
  const row = new TableRow()
  row.show(state({ name: { text: '1' }, state: { text: '' } }), table())
  const number: TableColumn = { id: 'restarts', title: 'Restarts', width: 400, align: 'end' }
  const nodes = () => [h('b', '1')]
  const show = (column: TableColumn, view: CellView) =>
    row.show(state({ [column.id]: view }), table({ columns: [column], widths: [400] }))
  show(number, { text: '1' })
  expect(cells(row)[0]!.classList.contains('text-right')).toBe(true)
  show(columns[0]!, { text: '1', nodes: () => [h('i', '1')] })
  show(number, { text: '1', nodes })
  expect(cells(row)[0]!.innerHTML).toContain('<b>1</b>')
})

it('is not selected any more when it comes back from out of sight as another row', () => {
  const row = new TableRow()
  const some = { name: { text: 'a' }, state: { text: '' } }
  row.show(state(some, { selected: true, cursor: true, look: 'leaving' }), table())
  row.show(state(undefined, { index: -1 }), table())
  row.show(state(some, { index: 3 }), table())
  expect(row.element.getAttribute('aria-selected')).toBe('false')
  expect(row.element.hasAttribute('data-cursor')).toBe(false)
  expect(row.element.classList.contains('leaving')).toBe(false)
})

it('is out of sight and of the accessibility tree while it shows nothing, and comes back as another row', () => {
  const row = new TableRow()
  const some = { name: { text: 'a' }, state: { text: '' } }
  row.show(state(some), table())
  row.show(state(undefined, { index: -1 }), table())
  expect(row.element.hidden).toBe(true)
  expect(row.element.id).toBe('')
  row.show(state(some, { index: 7, selected: true, cursor: true }), table())
  expect(row.element.hidden).toBe(false)
  expect(row.element.getAttribute('aria-rowindex')).toBe('9')
  expect(row.element.getAttribute('aria-selected')).toBe('true')
  expect(row.element.hasAttribute('data-cursor')).toBe(true)
  expect(row.element.querySelector('input')!.checked).toBe(true)
  row.show(state(some, { index: 7 }), table())
  expect(row.element.getAttribute('aria-selected')).toBe('false')
  expect(row.element.querySelector('input')!.checked).toBe(false)
})
