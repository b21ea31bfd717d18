import type { Cell, ColumnInfo } from '#shared/ipc/queries.ts'
import type { ResourceType } from '#shared/kube/resources.ts'
import type { RowRecord, UsageShape } from './record.ts'
import type { Usage } from './usage-feed.ts'

/** The shape from columns named `cpu`, `cpu-limit`, `cpu-of-limit` and so on. */
export function usageShape(columns: readonly (ColumnInfo & { usage?: boolean })[], metrics: ResourceType): UsageShape {
  const at = (id: string) => columns.findIndex((column) => column.id === id)
  return {
    metrics,
    with: columns.map(({ usage: _usage, ...column }) => column),
    without: columns.map(({ usage, ...column }) => (usage ? { ...column, priority: 1 } : column)),
    places: (['cpu', 'memory'] as const).map((resource) => ({
      resource,
      at: at(resource),
      shares: columns
        .filter(({ id }) => id.startsWith(`${resource}-of-`))
        .map(({ id }) => ({ bound: at(id.replace('-of-', '-')), at: at(id) })),
    })),
  }
}

/** The record with this usage; itself when that is what it shows already. */
export function withUsage(record: RowRecord, { places }: UsageShape, usage: Usage | undefined): RowRecord {
  const { cells } = record.row
  let changed: Cell[] | undefined
  const put = (at: number, cell: Cell) => {
    if (cells[at] !== cell) (changed ??= [...cells])[at] = cell
  }
  for (const { resource, at, shares } of places) {
    const used = usage?.[resource] ?? null
    put(at, used)
    for (const share of shares) put(share.at, percent(used, cells[share.bound] ?? null))
  }
  return changed ? { ...record, row: { ...record.row, cells: changed } } : record
}

const percent = (used: Cell, bound: Cell): number | null =>
  typeof used === 'number' && typeof bound === 'number' && bound > 0 ? Math.round((used / bound) * 100) : null
