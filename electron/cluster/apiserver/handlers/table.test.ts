import { expect, it } from 'vitest'
import { configMap, smallCore } from '../testing/small-core.ts'
import { gather } from '../transport/gather.ts'
import { listEntries } from '../storage/list.ts'
import { tableView } from './table.ts'

interface Table {
  columnDefinitions: object[]
  rows: { cells: unknown[]; object?: object }[] | null
}

async function listed(names: readonly string[], includeObject: string | null): Promise<Table> {
  const small = smallCore()
  for (const name of names) await small.create(configMap(name, { data: { text: 'é' } }))
  const kind = small.kind('configmaps')
  const selected = { namespace: 'a', labels: [], fields: [], limit: 0, continue: '', revision: undefined, exact: false }
  const page = await listEntries(kind, selected, small.clock)
  const parts = await tableView(kind, 'v1', includeObject, small.clock).list(page)
  return JSON.parse(Buffer.concat([...gather(parts)]).toString()) as Table
}

const metadata = (name: string) => expect.objectContaining({ name, namespace: 'a' }) as object

it.each([
  [null, (name: string) => ({ kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata: metadata(name) })],
  [
    'Object',
    (name: string) => ({ kind: 'ConfigMap', apiVersion: 'v1', metadata: metadata(name), data: { text: 'é' } }),
  ],
  ['None', () => undefined],
])('lists rows that carry what includeObject=%s asks for', async (includeObject, carried) => {
  const { rows } = await listed(['x', 'y'], includeObject)
  expect(rows!.map(({ cells }) => cells[0])).toEqual(['x', 'y'])
  expect(rows!.map(({ object }) => object)).toEqual(['x', 'y'].map(carried))
})

it('lists no rows as upstream’s default printer does', async () => {
  expect((await listed([], null)).rows).toBeNull()
})
