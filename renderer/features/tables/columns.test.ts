// @vitest-environment node
import { expect, it } from 'vitest'
import type { ColumnInfo, Row } from '#shared/ipc/queries.ts'
import { addMessages } from '../../app/i18n.ts'
import { applyChoice, shownColumns } from './columns.ts'
import { messages } from './messages.ts'

addMessages('tables', messages)

const infos: ColumnInfo[] = [
  { id: 'ready', title: 'Ready', kind: 'ratio', priority: 0 },
  { id: 'ip', title: 'IP', kind: 'text', priority: 1 },
  { id: 'age', title: 'Age', kind: 'age', priority: 0 },
]
const row: Row = {
  uid: 'u',
  name: 'web',
  namespace: 'shop',
  created: 0,
  cells: ['1/1', '10.0.0.1', 5],
  tone: 'ok',
  deleting: false,
}
const ids = (columns: readonly { id: string }[]) => columns.map(({ id }) => id)

it('puts name and namespace in front and finds each cell in its place', () => {
  const columns = shownColumns(infos, true)
  expect(ids(columns)).toEqual(['name', 'namespace', 'ready', 'ip', 'age'])
  expect(columns.map((column) => column.cell(row))).toEqual(['web', 'shop', '1/1', '10.0.0.1', 5])
  expect(ids(shownColumns(infos, false))).not.toContain('namespace')
})

it('hides the namespace when there is only one, and what is for later', () => {
  const columns = shownColumns(infos, true)
  expect(ids(applyChoice(columns, {}, false))).toEqual(['name', 'namespace', 'ready', 'age'])
  expect(ids(applyChoice(columns, {}, true))).toEqual(['name', 'ready', 'age'])
})

it('does what the person chose', () => {
  const shown = applyChoice(
    shownColumns(infos, true),
    { shown: { ip: true, age: false }, widths: { ready: 200 } },
    true,
  )
  expect(ids(shown)).toEqual(['name', 'ready', 'ip'])
  expect(shown.find(({ id }) => id === 'ready')!.width).toBe(200)
})

it('always has a column that takes the room that is left', () => {
  expect(shownColumns(infos, true).some(({ grows }) => grows)).toBe(true)
})

it('finds beside what is used the bounds it is held to, the strictest first', () => {
  const used = shownColumns(
    [
      { id: 'cpu', title: 'CPU', kind: 'cores', priority: 0 },
      { id: 'cpu-request', title: 'CPU requested', kind: 'cores', priority: 1 },
      { id: 'cpu-limit', title: 'CPU limit', kind: 'cores', priority: 1 },
    ],
    true,
  ).find(({ id }) => id === 'cpu')!
  expect(used.bounds?.map(({ id, cell }) => [id, cell({ ...row, cells: [0.1, 0.2, 0.5] })])).toEqual([
    ['limit', 0.5],
    ['request', 0.2],
  ])
})
