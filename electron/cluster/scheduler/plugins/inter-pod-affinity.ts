import { nodeBecame } from '../cluster-event.ts'
import type { ClusterState } from '../cluster-state.ts'
import type { NodeInfo } from '../node-info.ts'
import type { PodInfo } from '../pod-info.ts'
import { termMatches, type Term } from '../pod-terms.ts'
import { rejected, type Filter, type Plugin, type Rejection, type Score } from './api.ts'
import { TopologyCounts } from './topology-counts.ts'

const notNear = rejected("node(s) didn't match pod affinity rules", true)
const notAway = rejected("node(s) didn't match pod anti-affinity rules")
const unwelcome = rejected("node(s) didn't satisfy existing pods anti-affinity rules")

type Matches = (term: Term, pod: PodInfo) => boolean
const matcherFor =
  ({ surroundings }: ClusterState): Matches =>
  (term, pod) =>
    termMatches(term, pod, surroundings.namespaceLabels)

/** A pod that matches one term only is no company: all of them must hold of the same pod. */
const matchesAll = (terms: readonly Term[], pod: PodInfo, match: Matches): boolean =>
  terms.length > 0 && terms.every((term) => match(term, pod))

/** Required terms, in both directions: what the pod asks for, and what the pods that are there do not bear. */
class AffinityFilter implements Filter {
  readonly shared = true
  readonly #pod: PodInfo
  readonly #match: Matches
  /** Domains with pods that match all terms of affinity; with pods to keep away from; with pods that keep this one away. */
  readonly #company = new TopologyCounts()
  readonly #avoided = new TopologyCounts()
  readonly #forbidden = new TopologyCounts()
  readonly #first: boolean

  constructor(pod: PodInfo, state: ClusterState) {
    this.#pod = pod
    this.#match = matcherFor(state)
    this.#first = matchesAll(pod.terms.near, pod, this.#match)
    for (const node of state.nodesWithAntiAffinity)
      for (const existing of node.pods.values()) this.#countForbidden(existing, node, 1)
    const { near, away } = pod.terms
    for (const [existing, node] of candidates([...near, ...away], state)) this.#countWanted(existing, node, 1)
  }

  fits(node: NodeInfo): boolean {
    return this.#rejection(node) === undefined
  }

  why(node: NodeInfo): Rejection {
    return this.#rejection(node)!
  }

  moved(pod: PodInfo, node: NodeInfo, sign: 1 | -1): void {
    this.#countForbidden(pod, node, sign)
    this.#countWanted(pod, node, sign)
  }

  #rejection({ labels }: NodeInfo): Rejection | undefined {
    if (this.#pod.terms.near.length && !this.#hasCompany(labels)) return notNear
    if (this.#avoided.size && this.#avoided.touches(labels)) return notAway
    if (this.#forbidden.size && this.#forbidden.touches(labels)) return unwelcome
    return undefined
  }

  #hasCompany(labels: Readonly<Record<string, string>>): boolean {
    let everywhere = true
    for (const { topologyKey } of this.#pod.terms.near) {
      const value = labels[topologyKey]
      if (value === undefined) return false
      if (this.#company.get(topologyKey, value) <= 0) everywhere = false
    }
    // The first pod of a group that wants to be together must start somewhere.
    return everywhere || (this.#company.size === 0 && this.#first)
  }

  #countForbidden({ terms }: PodInfo, { labels }: NodeInfo, sign: 1 | -1): void {
    for (const term of terms.away)
      if (this.#match(term, this.#pod)) this.#forbidden.add(term.topologyKey, labels[term.topologyKey], sign)
  }

  #countWanted(pod: PodInfo, { labels }: NodeInfo, sign: 1 | -1): void {
    const { near, away } = this.#pod.terms
    if (matchesAll(near, pod, this.#match))
      for (const { topologyKey } of near) this.#company.add(topologyKey, labels[topologyKey], sign)
    for (const term of away)
      if (this.#match(term, pod)) this.#avoided.add(term.topologyKey, labels[term.topologyKey], sign)
  }
}

/** What a required term of an existing pod counts for a pod that it matches: hardPodAffinityWeight. */
const requiredWeight = 1

/** Preferred terms, in both directions. */
class AffinityScore implements Score {
  readonly shared = true
  readonly #pod: PodInfo
  readonly #match: Matches
  readonly #sums = new TopologyCounts()

  constructor(pod: PodInfo, state: ClusterState) {
    this.#pod = pod
    this.#match = matcherFor(state)
    for (const node of state.nodesWithAffinity)
      for (const existing of node.pods.values()) this.#countTheirs(existing, node, 1)
    const { ratherNear, ratherAway } = pod.terms
    for (const [existing, node] of candidates([...ratherNear, ...ratherAway], state)) this.#countOurs(existing, node, 1)
  }

  begin(): boolean {
    return this.#sums.size > 0
  }

  score({ labels }: NodeInfo): number {
    return this.#sums.sum(labels)
  }

  normalize(scores: Float64Array, count: number): void {
    let [least, most] = [Infinity, -Infinity]
    for (let i = 0; i < count; i++) {
      if (scores[i]! < least) least = scores[i]!
      if (scores[i]! > most) most = scores[i]!
    }
    const range = most - least
    for (let i = 0; i < count; i++) scores[i] = range > 0 ? Math.trunc(100 * ((scores[i]! - least) / range)) : 0
  }

  moved(pod: PodInfo, node: NodeInfo, sign: 1 | -1): void {
    this.#countTheirs(pod, node, sign)
    this.#countOurs(pod, node, sign)
  }

  #countTheirs({ terms }: PodInfo, { labels }: NodeInfo, sign: 1 | -1): void {
    const count = (list: readonly Term[], weightOf: (term: Term) => number) => {
      for (const term of list)
        if (this.#match(term, this.#pod))
          this.#sums.add(term.topologyKey, labels[term.topologyKey], sign * weightOf(term))
    }
    count(terms.near, () => requiredWeight)
    count(terms.ratherNear, ({ weight }) => weight)
    count(terms.ratherAway, ({ weight }) => -weight)
  }

  #countOurs(pod: PodInfo, { labels }: NodeInfo, sign: 1 | -1): void {
    const { ratherNear, ratherAway } = this.#pod.terms
    for (const term of ratherNear)
      if (this.#match(term, pod)) this.#sums.add(term.topologyKey, labels[term.topologyKey], sign * term.weight)
    for (const term of ratherAway)
      if (this.#match(term, pod)) this.#sums.add(term.topologyKey, labels[term.topologyKey], -sign * term.weight)
  }
}

/** Pods that the terms can match at all: those of the namespaces that they name. */
function* candidates(terms: readonly Term[], state: ClusterState): Generator<[PodInfo, NodeInfo]> {
  if (!terms.length) return
  const named = new Set(terms.flatMap(({ namespaces }) => [...namespaces]))
  const all = terms.some(({ namespaceSelector }) => namespaceSelector !== undefined)
  for (const namespace of all ? state.namespaces() : named) yield* state.podsIn(namespace)
}

/** Terms hold between pods of any namespace as far as hints go: a pod that is woken in vain only costs a cycle. */
const mightMatch = (term: Term, pod: PodInfo): boolean =>
  termMatches({ ...term, namespaceSelector: term.namespaceSelector && [] }, pod, () => ({}))

export const interPodAffinity: Plugin = {
  name: 'InterPodAffinity',
  weight: 2,
  filter: (pod, state) => new AffinityFilter(pod, state),
  score: (pod, state) => new AffinityScore(pod, state),
  mayHelp(event, pod) {
    const { near, away } = pod.terms
    switch (event.kind) {
      case 'pod changed':
        return true
      case 'pod assigned':
        return (
          near.some((term) => mightMatch(term, event.pod)) ||
          (event.old !== undefined && away.some((term) => mightMatch(term, event.old!)))
        )
      case 'pod gone':
        return (
          away.some((term) => mightMatch(term, event.pod)) ||
          event.pod.terms.away.some((term) => mightMatch(term, pod)) ||
          // The last of a group gone, the pod may be the first again.
          near.some((term) => mightMatch(term, event.pod) && mightMatch(term, pod))
        )
      default:
        return nodeBecame(event, 'labels')
    }
  },
}
