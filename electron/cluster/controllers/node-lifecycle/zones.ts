import type { Node } from 'kubernetes-types/core/v1'
import type { Frozen } from '#shared/kube/object.ts'
import { findCondition } from '../framework/support/conditions.ts'

export type NodeView = Frozen<Node>

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

const zoneLabels = ['topology.kubernetes.io/region', 'topology.kubernetes.io/zone']
const excludedLabel = 'node.kubernetes.io/exclude-disruption'

export const isReady = (node: NodeView): boolean => findCondition(node.status?.conditions, 'Ready')?.status === 'True'

export const zoneOf = (node: NodeView): string =>
  zoneLabels.map((label) => node.metadata?.labels?.[label] ?? '').join('/')

interface Zone {
  ready: number
  down: number
  /** Who was tainted last, and when by the monotonic clock. */
  last?: { readonly node: string; readonly at: number }
}

/** What a node counts for; nothing when it is to be left out of account. */
interface Counted {
  readonly zone: string
  readonly ready: boolean
}

/** Whose nodes may be evicted sooner or later than before: one zone's, or everybody's. */
export type Upset = { readonly zone: string } | 'all' | undefined

/**
 * How the zones are, counted as nodes come, turn and go, and whose turn it is to be tainted so that pods are driven off:
 * one node of a zone after the other.
 */
export class Zones {
  readonly #zones = new Map<string, Zone>()
  readonly #counted = new Map<string, Counted>()
  #ready = 0

  /** A node was seen as it is. */
  see(node: NodeView): Upset {
    const isCounted = node.metadata?.labels?.[excludedLabel] === undefined
    return this.#count(node.metadata?.name ?? '', isCounted ? { zone: zoneOf(node), ready: isReady(node) } : undefined)
  }

  forget(name: string): Upset {
    return this.#count(name, undefined)
  }

  /** No node is ready: then the fault is rather ours or the network's, and nothing is evicted. */
  get allDown(): boolean {
    return this.#ready === 0
  }

  /**
   * Takes the zone's turn for this node, if it is free: then 0, and again 0 until the next turn is due. Otherwise
   * milliseconds until it is; Infinity while the zone is partly down.
   */
  turn(node: NodeView, now: number): number {
    const zone = this.#zone(zoneOf(node))
    const interval = paceOf(zone)
    if (interval === Infinity) return Infinity
    const name = node.metadata?.name ?? ''
    const left = zone.last ? zone.last.at + interval - now : 0
    if (left <= 0) zone.last = { node: name, at: now }
    return left <= 0 || zone.last?.node === name ? 0 : left
  }

  #count(name: string, next: Counted | undefined): Upset {
    const before = this.#counted.get(name)
    if (before?.zone === next?.zone && before?.ready === next?.ready) return undefined
    const touched = new Set([before?.zone, next?.zone].filter((zone) => zone !== undefined))
    const paces = new Map([...touched].map((zone) => [zone, paceOf(this.#zone(zone))]))
    const wasDown = this.allDown
    if (before) this.#add(before, -1)
    if (next) this.#add(next, 1)
    if (next) this.#counted.set(name, next)
    else this.#counted.delete(name)
    if (this.allDown !== wasDown) return 'all'
    const upset = [...paces].filter(([zone, pace]) => paceOf(this.#zone(zone)) !== pace)
    return upset.length > 1 ? 'all' : upset[0] && { zone: upset[0][0] }
  }

  #add({ zone, ready }: Counted, count: number): void {
    this.#zone(zone)[ready ? 'ready' : 'down'] += count
    if (ready) this.#ready += count
  }

  #zone(name: string): Zone {
    let zone = this.#zones.get(name)
    if (!zone) this.#zones.set(name, (zone = { ready: 0, down: 0 }))
    return zone
  }
}

/** Milliseconds between two nodes. Source: ComputeZoneState and its limiters, node_lifecycle_controller.go. */
function paceOf({ ready, down }: Zone): number {
  // A zone that is down altogether is evicted at the usual pace: other zones can take its pods.
  if (!ready || down <= 2 || down / (ready + down) < limits.unhealthy) return limits.interval
  return ready + down > limits.small ? limits.slowInterval : Infinity
}
