import type { NodeCapacity } from '#shared/ipc/capacity.ts'

export const measures = ['cpu.requested', 'memory.requested', 'cpu.used', 'memory.used', 'pods'] as const
export type Measure = (typeof measures)[number]

export const podsOn = ({ pods }: NodeCapacity): number => Object.values(pods).reduce((sum, count) => sum + count, 0)

/** How much of a node a measure takes, 0 to 1 and above; undefined where it is not known. */
export function shareOf(node: NodeCapacity, measure: Measure): number | undefined {
  if (measure === 'pods') return node.podRoom > 0 ? podsOn(node) / node.podRoom : undefined
  const [resource, part] = measure.split('.') as ['cpu' | 'memory', 'used' | 'requested']
  const { room, [part]: amount } = node[resource]
  return room > 0 && amount !== null ? amount / room : undefined
}

const byName = (a: NodeCapacity, b: NodeCapacity): number => a.name.localeCompare(b.name, 'en', { numeric: true })

/** By name, or the fullest first. */
export const ordered = (nodes: readonly NodeCapacity[], by: Measure | 'name'): NodeCapacity[] =>
  nodes.toSorted((a, b) => (by === 'name' ? 0 : (shareOf(b, by) ?? -1) - (shareOf(a, by) ?? -1)) || byName(a, b))
