// @vitest-environment node
import { expect, it } from 'vitest'
import type { ColumnInfo, Row } from '#shared/ipc/queries.ts'
import { addMessages } from '../../app/i18n.ts'
import { shownColumns } from './columns.ts'
import { toCsv } from './csv.ts'
import { messages } from './messages.ts'

addMessages('tables', messages)

const infos: ColumnInfo[] = [
  { id: 'message', title: 'Message', kind: 'text', priority: 0 },
  { id: 'cpu', title: 'CPU', kind: 'cores', priority: 0 },
  { id: 'age', title: 'Age', kind: 'age', priority: 0 },
]
const row = (...cells: Row['cells']): Row => ({
  uid: 'u',
  name: 'web',
  namespace: 'shop',
  created: 0,
  cells,
  tone: 'ok',
  deleting: false,
})
const lines = (...rows: Row[]) => toCsv(shownColumns(infos, true), rows).split('\r\n')

it('has a line for the titles and one for each row, with numbers and moments as they are', () => {
  expect(lines(row('fine', 0.25, Date.UTC(2026, 0, 2)))).toEqual([
    'Name,Namespace,Message,CPU,Age',
    'web,shop,fine,0.25,2026-01-02T00:00:00.000Z',
    '',
  ])
})

it('quotes what would end a field, and leaves what is empty empty', () => {
  expect(lines(row('says "no", twice', null, null))[1]).toBe('web,shop,"says ""no"", twice",,')
})

it('gives a spreadsheet nothing that it would run', () => {
  expect(lines(row('=HYPERLINK("x")', null, null))[1]).toBe('web,shop,"\'=HYPERLINK(""x"")",,')
})
