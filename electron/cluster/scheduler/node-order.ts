import type { NodeInfo } from './node-info.ts'

const zoneOf = ({ labels }: NodeInfo): string => {
  const region = labels['topology.kubernetes.io/region'] ?? labels['failure-domain.beta.kubernetes.io/region'] ?? ''
  const zone = labels['topology.kubernetes.io/zone'] ?? labels['failure-domain.beta.kubernetes.io/zone'] ?? ''
  return `${region}:${zone}`
}

/**
 * One node of every zone in turn, so that a search that stops early has looked into all zones. Source: the node tree
 * of the scheduler's cache.
 */
export function inZoneOrder(nodes: Iterable<NodeInfo>): NodeInfo[] {
  const zones = new Map<string, NodeInfo[]>()
  for (const node of nodes) {
    const zone = zoneOf(node)
    const known = zones.get(zone)
    if (known) known.push(node)
    else zones.set(zone, [node])
  }
  const lists = [...zones.values()]
  if (lists.length <= 1) return lists[0] ?? []
  const longest = Math.max(...lists.map(({ length }) => length))
  const ordered: NodeInfo[] = []
  for (let i = 0; i < longest; i++) for (const list of lists) if (i < list.length) ordered.push(list[i]!)
  return ordered
}
