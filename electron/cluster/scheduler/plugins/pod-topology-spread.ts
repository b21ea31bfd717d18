import { matches } from '#shared/kube/selectors.ts'
import { nodeBecame } from '../cluster-event.ts'
import type { ClusterState } from '../cluster-state.ts'
import type { NodeInfo } from '../node-info.ts'
import type { PodCounts } from '../pod-counts.ts'
import type { PodInfo } from '../pod-info.ts'
import { rejected, type Filter, type Plugin, type Rejection } from './api.ts'
import { constraintsOf, hasAllKeys, includes, type Constraint } from './spread-constraints.ts'
import { SpreadScore } from './spread-score.ts'

const unlabelled = rejected("node(s) didn't match pod topology spread constraints (missing required label)", true)
const skewed = rejected("node(s) didn't match pod topology spread constraints")

/** Matching pods in every domain of a constraint, with the least of them always at hand. */
class Domains {
  readonly constraint: Constraint
  readonly counts: PodCounts
  readonly self: number
  readonly #counts = new Map<string, number>()
  #least = 0
  /** Domains that have the least. */
  #atLeast = 0

  constructor(constraint: Constraint, pod: PodInfo, state: ClusterState) {
    this.constraint = constraint
    this.counts = state.podCounts(pod.namespace, constraint.selector)
    this.self = matches(constraint.selector, pod.labels) ? 1 : 0
  }

  /** Only before anything is counted. */
  open(domain: string): void {
    if (this.#counts.has(domain)) return
    this.#counts.set(domain, 0)
    this.#atLeast++
  }

  add(domain: string, by: number): void {
    const before = this.#counts.get(domain)
    if (before === undefined) return
    const now = before + by
    this.#counts.set(domain, now)
    if (now < this.#least) {
      this.#least = now
      this.#atLeast = 1
    } else {
      if (now === this.#least) this.#atLeast++
      if (before === this.#least && --this.#atLeast === 0) this.#findLeast()
    }
  }

  skewIn(domain: string): number {
    // Fewer domains than there should be: as though one of those to come were empty.
    const least = this.#counts.size < this.constraint.minDomains ? 0 : this.#least
    return (this.#counts.get(domain) ?? 0) + this.self - least
  }

  #findLeast(): void {
    this.#least = Infinity
    for (const count of this.#counts.values()) {
      if (count < this.#least) {
        this.#least = count
        this.#atLeast = 1
      } else if (count === this.#least) this.#atLeast++
    }
  }
}

/** Hard constraints: no domain may get further ahead of the emptiest one than maxSkew. */
class SpreadFilter implements Filter {
  readonly shared = true
  readonly #pod: PodInfo
  readonly #constraints: readonly Constraint[]
  readonly #domains: readonly Domains[]

  constructor(pod: PodInfo, constraints: readonly Constraint[], state: ClusterState) {
    this.#pod = pod
    this.#constraints = constraints
    this.#domains = constraints.map((constraint) => new Domains(constraint, pod, state))
    for (const node of state.nodes()) {
      if (!hasAllKeys(constraints, node)) continue
      for (const domains of this.#domains)
        if (includes(domains.constraint, pod, node)) domains.open(node.labels[domains.constraint.topologyKey]!)
    }
    for (const domains of this.#domains)
      for (const node of state.nodes()) this.#count(domains, node, domains.counts.bySlot[node.slot]!)
  }

  fits(node: NodeInfo): boolean {
    return this.#rejection(node) === undefined
  }

  why(node: NodeInfo): Rejection {
    return this.#rejection(node)!
  }

  moved(pod: PodInfo, node: NodeInfo, sign: 1 | -1): void {
    for (const domains of this.#domains) if (domains.counts.counts(pod)) this.#count(domains, node, sign)
  }

  #count(domains: Domains, node: NodeInfo, by: number): void {
    if (by === 0 || !hasAllKeys(this.#constraints, node) || !includes(domains.constraint, this.#pod, node)) return
    domains.add(node.labels[domains.constraint.topologyKey]!, by)
  }

  #rejection({ labels }: NodeInfo): Rejection | undefined {
    for (const domains of this.#domains) {
      const domain = labels[domains.constraint.topologyKey]
      if (domain === undefined) return unlabelled
      if (domains.skewIn(domain) > domains.constraint.maxSkew) return skewed
    }
    return undefined
  }
}

export const podTopologySpread: Plugin = {
  name: 'PodTopologySpread',
  weight: 2,
  filter(pod, state) {
    const constraints = constraintsOf(pod, state, 'DoNotSchedule')
    return constraints.length ? new SpreadFilter(pod, constraints, state) : undefined
  },
  score(pod, state) {
    const constraints = constraintsOf(pod, state, 'ScheduleAnyway')
    return constraints.length ? new SpreadScore(pod, constraints, state) : undefined
  },
  mayHelp(event, pod) {
    switch (event.kind) {
      case 'pod changed':
      // A domain that is gone holds the others back no more.
      case 'node gone':
        return true
      case 'pod assigned':
      case 'pod leaving':
      case 'pod gone':
        return event.pod.namespace === pod.namespace
      default:
        return nodeBecame(event, 'labels', 'taints')
    }
  },
}
