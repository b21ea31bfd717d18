import type { Node } from 'kubernetes-types/core/v1'
import type { Frozen } from '#shared/kube/object.ts'
import type { Index } from '../../client/cache.ts'
import type { Informer } from '../../client/informer.ts'
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

const ready = 'ready'
const down = 'down'
const downIn = (zone: string): string => `down in ${zone}`
const memberOf = (zone: string): string => `in ${zone}`

/** Whose turn it is to be tainted so that pods are driven off: one node of a zone after the other. No node is looked for. */
export class Zones {
  readonly #index: Index<Node>
  readonly #turns = new Map<string, { node: string; at: number }>()
  /** What decided about the nodes of a zone when it was last looked at. */
  readonly #moods = new Map<string, string>()

  constructor(nodes: Informer<Node>) {
    this.#index = nodes.index('readiness', (node) => {
      const zone = zoneOf(node)
      return isReady(node) ? [ready, memberOf(zone)] : [down, memberOf(zone), downIn(zone)]
    })
  }

  /** No node is ready: then the fault is rather ours or the network's, and nothing is evicted. */
  get allDown(): boolean {
    return this.#index.count(ready) === 0
  }

  /** Nodes whose fate has changed with a node of this zone: those that are not ready, where the pace is another than before. */
  stirredBy(node: NodeView): readonly NodeView[] {
    const zone = zoneOf(node)
    const mood = `${this.#pace(zone)} ${this.allDown}`
    if (this.#moods.get(zone) === mood) return []
    this.#moods.set(zone, mood)
    return this.#index.get(down)
  }

  /**
   * Takes the zone's turn for this node, if it is free: then 0, and again 0 until the next turn is due. Otherwise
   * milliseconds until it is; Infinity while the zone is partly down.
   */
  turn(node: NodeView, now: number): number {
    const zone = zoneOf(node)
    const interval = this.#pace(zone)
    if (interval === Infinity) return Infinity
    const name = node.metadata?.name ?? ''
    const last = this.#turns.get(zone)
    const left = last ? last.at + interval - now : 0
    if (left <= 0) this.#turns.set(zone, { node: name, at: now })
    return left <= 0 || last?.node === name ? 0 : left
  }

  #pace(zone: string): number {
    const all = this.#index.count(memberOf(zone))
    const lost = this.#index.count(downIn(zone))
    // A zone that is down altogether is evicted at the usual pace: other zones can take its pods.
    if (lost === all || lost <= 2 || lost / all < limits.unhealthy) return limits.interval
    return all > limits.small ? limits.slowInterval : Infinity
  }
}

export const isReady = (node: NodeView): boolean => findCondition(node.status?.conditions, 'Ready')?.status === 'True'

const zoneOf = (node: NodeView): string => zoneLabels.map((label) => node.metadata?.labels?.[label] ?? '').join('/')
