import { t } from '../../app/i18n.ts'
import type { TableColumn } from '../../ui/table.ts'
import type { Cell, ColumnInfo, Row } from '#shared/ipc/queries.ts'

/** A column of the table and where its cell comes from. */
export interface ShownColumn extends TableColumn {
  kind: ColumnInfo['kind'] | 'name'
  /** Hidden at first. */
  extra: boolean
  cell(row: Row): Cell
  /** What a usage is held to, the strictest first. */
  bounds?: readonly { id: BoundId; cell(row: Row): Cell }[]
}

/** As the workbench names the columns beside one of usage: `cpu-limit`. */
const boundIds = ['limit', 'request', 'allocatable'] as const
export type BoundId = (typeof boundIds)[number]

/** Liked and least width in pixels; one number for both. */
type Widths = number | readonly [liked: number, least: number]

const widths: Record<ShownColumn['kind'], Widths> = {
  name: [250, 190],
  text: [150, 80],
  number: 84,
  bytes: 92,
  cores: 92,
  percent: 84,
  age: [76, 64],
  status: [168, 124],
  ratio: [92, 88],
  labels: [220, 100],
}

const known: Record<string, Widths> = {
  namespace: [120, 84],
  message: [420, 160],
  node: [130, 88],
  images: [240, 110],
  reason: [140, 100],
  object: [220, 120],
  owner: [180, 88],
  cpu: [116, 96],
  memory: [124, 104],
  'cpu-allocatable': [112, 100],
  'memory-allocatable': [132, 120],
  version: [170, 90],
  runtime: [180, 90],
  'cluster-ip': [120, 96],
  type: [120, 84],
  ports: [170, 100],
  external: [130, 80],
  keys: [260, 120],
  roles: [100, 60],
  'last-seen': 108,
}
/** Which columns give way where room is short, the highest first. Name, status and what an event says stay. */
const spares: Partial<Record<string, number>> = {
  labels: 7,
  owner: 6,
  node: 5,
  text: 4,
  namespace: 3,
  number: 2,
  bytes: 4,
  cores: 4,
  percent: 4,
  ratio: 2,
  age: 1,
}
const kept = new Set(['name', 'object', 'message', 'last-seen'])
function spareOf(id: string, kind: ShownColumn['kind']): { spare?: number } {
  const spare = kept.has(id) ? undefined : (spares[id] ?? spares[kind])
  return spare === undefined ? {} : { spare }
}
const widthOf = (of: Widths): { width: number; min: number } =>
  typeof of === 'number' ? { width: of, min: of } : { width: of[0], min: of[1] }
const numeric = new Set<ShownColumn['kind']>(['number', 'bytes', 'cores', 'percent', 'age'])
const growing = new Set(['message', 'images', 'keys', 'selector'])

/** Name and namespace stand in front of what the workbench tells of a kind. */
export function shownColumns(infos: readonly ColumnInfo[], namespaced: boolean): ShownColumn[] {
  const column = (info: ColumnInfo, cell: (row: Row) => Cell, bounds: ShownColumn['bounds'] = []): ShownColumn => ({
    id: info.id,
    title: info.title,
    description: info.description,
    kind: info.kind,
    extra: info.priority > 0,
    ...widthOf(known[info.id] ?? widths[info.kind]),
    ...spareOf(info.id, info.kind),
    sortable: true,
    ...(numeric.has(info.kind) && !bounds.length ? { align: 'end' as const } : {}),
    ...(growing.has(info.id) ? { grows: true } : {}),
    cell,
    ...(bounds.length ? { bounds } : {}),
  })
  const boundsOf = ({ id }: ColumnInfo): ShownColumn['bounds'] =>
    boundIds.flatMap((bound) => {
      const at = infos.findIndex((info) => info.id === `${id}-${bound}`)
      return at < 0 ? [] : [{ id: bound, cell: (row: Row) => row.cells[at] ?? null }]
    })
  const own = infos
    .map((info, index) => column(info, (row) => row.cells[index] ?? null, boundsOf(info)))
    .filter(({ id }) => id !== 'name' && id !== 'namespace')
  const name: ShownColumn = {
    id: 'name',
    title: t('tables.name'),
    kind: 'name',
    extra: false,
    ...widthOf(widths.name),
    sortable: true,
    cell: (row) => row.name,
  }
  const namespace = column(
    { id: 'namespace', title: t('tables.namespace'), kind: 'text', priority: 0 },
    (row) => row.namespace,
  )
  // An event's own name and age tell nothing: what it is about and when it was last seen do.
  const lastSeen = own.find(({ id }) => id === 'last-seen')
  for (const one of [name, ...own]) if (lastSeen && (one.id === 'name' || one.id === 'age')) one.extra = true
  const rest = own.filter((one) => one !== lastSeen)
  const all = [...(lastSeen ? [lastSeen] : []), name, ...(namespaced ? [namespace] : []), ...rest]
  // Something takes the room that is left: a long text where there is one, the name otherwise.
  if (!all.some((one) => one.grows && !one.extra)) name.grows = true
  return all
}

/** What a person changed about a kind's columns. */
export interface ColumnChoice {
  /** Ids shown or hidden against the default. */
  shown?: Record<string, boolean>
  widths?: Record<string, number>
}

export function applyChoice(
  columns: readonly ShownColumn[],
  choice: ColumnChoice,
  oneNamespace: boolean,
): ShownColumn[] {
  return columns
    .filter(({ id, extra }) => choice.shown?.[id] ?? (id === 'namespace' ? !oneNamespace : !extra))
    .map((column) => {
      const width = choice.widths?.[column.id]
      return width ? { ...column, width, min: width, grows: false } : column
    })
}
