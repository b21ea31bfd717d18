import type { Node } from 'kubernetes-types/core/v1'
import type { Frozen } from '#shared/kube/object.ts'
import { findCondition } from '../framework/support/conditions.ts'

export type NodeView = Frozen<Node>

const zoneLabels = ['topology.kubernetes.io/region', 'topology.kubernetes.io/zone']

/** Upstream's defaults of the controller manager. */
const limits = {
  /** Milliseconds between two nodes of a zone being tainted (0.1 per second). */
  interval: 10_000,
  /** The same while a large zone is partly down (0.01 per second). */
  slowInterval: 100_000,
  /** Zones of at most so many nodes stop evicting while they are partly down. */
  small: 50,
  /** Share of nodes that are not ready from which a zone is partly down, if there are more than two of them. */
  unhealthy: 0.55,
}

/** No node is ready: then the fault is rather ours or the network's, and nothing is evicted. */
export const allDown = (all: readonly NodeView[]): boolean => !all.some(isReady)

/** Whose turn it is to be tainted so that pods are driven off: one node of a zone after the other. */
export class Zones {
  readonly #turns = new Map<string, { node: string; at: number }>()

  /**
   * Takes the zone's turn for this node, if it is free: then 0, and again 0 until the next turn is due. Otherwise
   * milliseconds until it is; Infinity while the zone is partly down.
   */
  turn(node: NodeView, all: readonly NodeView[], now: number): number {
    const zone = zoneOf(node)
    const interval = pace(all.filter((other) => zoneOf(other) === zone))
    if (interval === Infinity) return Infinity
    const name = node.metadata?.name ?? ''
    const last = this.#turns.get(zone)
    const left = last ? last.at + interval - now : 0
    if (left <= 0) this.#turns.set(zone, { node: name, at: now })
    return left <= 0 || last?.node === name ? 0 : left
  }
}

function pace(zone: readonly NodeView[]): number {
  const down = zone.filter((node) => !isReady(node)).length
  // A zone that is down altogether is evicted at the usual pace: other zones can take its pods.
  if (down === zone.length || down <= 2 || down / zone.length < limits.unhealthy) return limits.interval
  return zone.length > limits.small ? limits.slowInterval : Infinity
}

export const isReady = (node: NodeView): boolean => findCondition(node.status?.conditions, 'Ready')?.status === 'True'

const zoneOf = (node: NodeView): string => zoneLabels.map((label) => node.metadata?.labels?.[label] ?? '').join('/')
