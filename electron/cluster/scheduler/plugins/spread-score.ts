import type { ClusterState } from '../cluster-state.ts'
import type { NodeInfo } from '../node-info.ts'
import type { PodCounts } from '../pod-counts.ts'
import type { PodInfo } from '../pod-info.ts'
import type { Score } from './api.ts'
import { hasAllKeys, hostname, includes, type Constraint } from './spread-constraints.ts'

interface Spread {
  readonly constraint: Constraint
  readonly counts: PodCounts
  /** Matching pods in every domain; undefined for the hostname, whose domains are the nodes. */
  readonly domains: Map<string, number> | undefined
  /** Lets small topologies count as much as big ones. */
  weight: number
}

/** Soft constraints, a pod's own or those of the system: the fewer peers in a node's domains, the better. */
export class SpreadScore implements Score {
  readonly shared = true
  readonly #pod: PodInfo
  readonly #constraints: readonly Constraint[]
  readonly #spreads: readonly Spread[]
  /** The system's own constraints hold of nodes without a zone too. */
  readonly #allKeys: boolean

  constructor(pod: PodInfo, constraints: readonly Constraint[], state: ClusterState) {
    this.#pod = pod
    this.#constraints = constraints
    this.#allKeys = (pod.pod.spec?.topologySpreadConstraints?.length ?? 0) > 0
    this.#spreads = constraints.map((constraint) => ({
      constraint,
      counts: state.podCounts(pod.namespace, constraint.selector),
      domains: constraint.topologyKey === hostname ? undefined : new Map<string, number>(),
      weight: 0,
    }))
    for (const spread of this.#spreads)
      if (spread.domains) for (const node of state.nodes()) this.#count(spread, node, spread.counts.bySlot[node.slot]!)
  }

  moved(pod: PodInfo, node: NodeInfo, sign: 1 | -1): void {
    for (const spread of this.#spreads) if (spread.domains && spread.counts.counts(pod)) this.#count(spread, node, sign)
  }

  begin(fitting: readonly NodeInfo[]): boolean {
    const nodes = this.#allKeys ? fitting.filter((node) => !this.#ignores(node)) : fitting
    for (const spread of this.#spreads) {
      const { topologyKey } = spread.constraint
      const size = !spread.domains ? nodes.length : new Set(nodes.map(({ labels }) => labels[topologyKey])).size
      spread.weight = Math.log(size + 2)
    }
    return true
  }

  score(node: NodeInfo): number {
    if (this.#ignores(node)) return -1
    let sum = 0
    for (const { constraint, counts, domains, weight } of this.#spreads) {
      const domain = node.labels[constraint.topologyKey]
      if (domain === undefined) continue
      const count = domains ? (domains.get(domain) ?? 0) : counts.bySlot[node.slot]!
      sum += count * weight + (constraint.maxSkew - 1)
    }
    return Math.round(sum)
  }

  normalize(scores: Float64Array, count: number): void {
    let [least, most] = [Infinity, 0]
    for (let i = 0; i < count; i++) {
      const score = scores[i]!
      if (score < 0) continue
      if (score < least) least = score
      if (score > most) most = score
    }
    for (let i = 0; i < count; i++) {
      const score = scores[i]!
      if (score < 0) scores[i] = 0
      else scores[i] = most === 0 ? 100 : Math.floor((100 * (most + least - score)) / most)
    }
  }

  #count({ constraint, domains }: Spread, node: NodeInfo, by: number): void {
    if (by === 0 || this.#ignores(node) || !includes(constraint, this.#pod, node)) return
    const domain = node.labels[constraint.topologyKey] ?? ''
    domains!.set(domain, (domains!.get(domain) ?? 0) + by)
  }

  #ignores(node: NodeInfo): boolean {
    return this.#allKeys && !hasAllKeys(this.#constraints, node)
  }
}
