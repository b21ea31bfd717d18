import type { Amounts, Capacity, NodeCapacity } from '#shared/ipc/capacity.ts'
import type { Cell, ColumnInfo, Tone } from '#shared/ipc/queries.ts'
import type { RowRecord } from '../queries/record.ts'

/** Records of a kind and what their cells mean. */
export interface Records {
  columns: readonly ColumnInfo[]
  records: Iterable<RowRecord>
}

/** What nodes have, what the pods on them ask for, and what is used. */
export function capacityOf(nodes: Records, pods: Records): Omit<Capacity, 'freshness'> {
  const byName = new Map<string, NodeCapacity>()
  const node = cellsOf(nodes)
  for (const { row } of nodes.records) {
    const amounts = (resource: string): Amounts => {
      const used = node(row.cells, resource)
      return {
        used: typeof used === 'number' ? used : null,
        requested: 0,
        room: number(node(row.cells, `${resource}-allocatable`)),
      }
    }
    byName.set(row.name, {
      uid: row.uid,
      name: row.name,
      tone: row.tone,
      status: String(node(row.cells, 'status') ?? ''),
      cpu: amounts('cpu'),
      memory: amounts('memory'),
      pods: noPods(),
      podRoom: number(node(row.cells, 'pods')),
    })
  }
  const unplaced = { pods: 0, cpu: 0, memory: 0 }
  const pod = cellsOf(pods)
  for (const { row } of pods.records) {
    // A pod that has ended holds nothing.
    const phase = pod(row.cells, 'phase')
    if (phase === 'Succeeded' || phase === 'Failed') continue
    const cpu = number(pod(row.cells, 'cpu-request'))
    const memory = number(pod(row.cells, 'memory-request'))
    const name = pod(row.cells, 'node')
    const place = byName.get(String(name))
    if (place) {
      place.pods[row.tone]++
      place.cpu.requested += cpu
      place.memory.requested += memory
    } else if (name === null) {
      unplaced.pods++
      unplaced.cpu += cpu
      unplaced.memory += memory
    }
  }
  const all = [...byName.values()].sort((a, b) => (a.name < b.name ? -1 : 1))
  return { nodes: all, cpu: sum(all.map(({ cpu }) => cpu)), memory: sum(all.map(({ memory }) => memory)), unplaced }
}

const noPods = (): Record<Tone, number> => ({ ok: 0, busy: 0, warn: 0, bad: 0, off: 0 })
const number = (cell: Cell): number => (typeof cell === 'number' ? cell : Number(cell ?? 0) || 0)

function cellsOf({ columns }: Records): (cells: readonly Cell[], id: string) => Cell {
  const at = new Map(columns.map(({ id }, index) => [id, index]))
  return (cells, id) => cells[at.get(id) ?? -1] ?? null
}

/** What is used is known only where all of it is. */
function sum(amounts: readonly Amounts[]): Amounts {
  const known = amounts.length > 0 && amounts.every(({ used }) => used !== null)
  return {
    used: known ? amounts.reduce((total, { used }) => total + used!, 0) : null,
    requested: amounts.reduce((total, { requested }) => total + requested, 0),
    room: amounts.reduce((total, { room }) => total + room, 0),
  }
}
