import type { Cell, ColumnInfo } from '#shared/ipc/queries.ts'
import type { KubeList, KubeObject } from '#shared/kube/object.ts'
import type { RowShape } from './record.ts'

/** How a kind's rows come from the server: as objects whose cells we compute, or as the server's own Table. */
export interface RowSource {
  readonly accept: string
  readonly shape: RowShape
  objects(answer: KubeList<KubeObject> | KubeObject): KubeObject[]
  /** The resourceVersion to watch on from. */
  version(object: KubeObject): string | undefined
}

/** Kinds that we know better than the server's table does. */
export const objectSource = (shape: RowShape): RowSource => ({
  accept: 'application/json',
  // A copy: which columns are shown at first depends on what the cluster tells.
  shape: { ...shape, columns: shape.usage?.without ?? shape.columns },
  objects: (answer) => ('items' in answer ? answer.items : [answer]),
  version: (object) => object.metadata?.resourceVersion,
})

interface TableRow {
  cells: Cell[]
  object: KubeObject
}

interface Table extends KubeObject {
  columnDefinitions?: { name: string; type: string; format?: string; description?: string; priority?: number }[]
  rows?: TableRow[]
}

/** An object of a table: its metadata, and the cells that came with it. */
type Tabled = KubeObject & { cells: Cell[] }

/** Any kind: the columns are the server's. Ages are drawn from the creation time, so that they do not go stale. */
export function tableSource(): RowSource {
  let positions: number[] = []
  const shape: RowShape = {
    columns: [],
    cells: (object) => [...positions.map((at) => plain((object as Tabled).cells[at])), createdAt(object)],
    tone: (object) => (object.metadata?.deletionTimestamp ? 'busy' : 'off'),
  }
  const learn = (definitions: Table['columnDefinitions']) => {
    if (!definitions?.length) return
    const shown = definitions
      .map((definition, at) => ({ ...definition, at }))
      .filter(({ name }) => name !== 'Name' && name !== 'Age')
    const columns: ColumnInfo[] = [
      ...shown.map(({ name, type, priority = 0, description }): ColumnInfo => ({
        id: name.toLowerCase().replace(/\W+/g, '-'),
        title: name,
        kind: type === 'integer' || type === 'number' ? 'number' : 'text',
        priority: priority > 0 ? 1 : 0,
        ...(description ? { description } : {}),
      })),
      { id: 'age', title: 'Age', kind: 'age', priority: 0 },
    ]
    if (JSON.stringify(columns) === JSON.stringify(shape.columns)) return
    positions = shown.map(({ at }) => at)
    shape.columns = columns
  }
  return {
    accept: 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json',
    shape,
    objects(answer) {
      const table = answer as Table
      learn(table.columnDefinitions)
      return (table.rows ?? []).map(({ cells, object }): Tabled => ({ ...object, cells }))
    },
    version: (object) =>
      (object as Table).rows?.at(-1)?.object.metadata?.resourceVersion ?? object.metadata?.resourceVersion,
  }
}

const plain = (cell: unknown): Cell =>
  cell === null || typeof cell === 'number' || typeof cell === 'string'
    ? cell
    : cell === undefined
      ? null
      : typeof cell === 'boolean'
        ? String(cell)
        : JSON.stringify(cell)

export const createdAt = (object: KubeObject): number =>
  object.metadata?.creationTimestamp ? Date.parse(object.metadata.creationTimestamp) : 0
