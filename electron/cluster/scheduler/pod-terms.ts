import type { Pod, PodAffinityTerm } from 'kubernetes-types/core/v1'
import type { Frozen } from '#shared/kube/object.ts'
import { matches, selectorOf, type Requirement, type Selector } from '#shared/kube/selectors.ts'

/** A term of pod affinity, parsed once. */
export interface Term {
  readonly topologyKey: string
  readonly selector: Selector
  readonly namespaces: ReadonlySet<string>
  /** Namespaces by their labels, beside those named; undefined selects none. */
  readonly namespaceSelector: Selector | undefined
  /** Of preferred terms; 0 where the term is required. */
  readonly weight: number
}

/** The terms by which a pod wants to be near other pods, or away from them. */
export interface Terms {
  readonly near: readonly Term[]
  readonly away: readonly Term[]
  readonly ratherNear: readonly Term[]
  readonly ratherAway: readonly Term[]
}

export const noTerms: Terms = { near: [], away: [], ratherNear: [], ratherAway: [] }

export type NamespaceLabels = (name: string) => Readonly<Record<string, string>> | undefined

/** What of a pod terms look at. */
interface Labelled {
  readonly namespace: string
  readonly labels: Readonly<Record<string, string>>
}

export function termsOf({ pod, namespace, labels }: Labelled & { readonly pod: Frozen<Pod> }): Terms {
  const { podAffinity, podAntiAffinity } = pod.spec?.affinity ?? {}
  if (!podAffinity && !podAntiAffinity) return noTerms
  const parse = (term: Frozen<PodAffinityTerm>, weight: number): Term => ({
    topologyKey: term.topologyKey,
    selector: withLabelKeys(selectorOf(term.labelSelector), labels, term.matchLabelKeys, term.mismatchLabelKeys),
    // Neither names nor a selector: the pod's own namespace. An empty selector selects all.
    namespaces: new Set(term.namespaces?.length || term.namespaceSelector ? term.namespaces : [namespace]),
    namespaceSelector: term.namespaceSelector ? selectorOf(term.namespaceSelector) : undefined,
    weight,
  })
  const required = (affinity: typeof podAffinity) =>
    (affinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []).map((term) => parse(term, 0))
  const preferred = (affinity: typeof podAffinity) =>
    (affinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map(({ weight, podAffinityTerm }) =>
      parse(podAffinityTerm, weight),
    )
  return {
    near: required(podAffinity),
    away: required(podAntiAffinity),
    ratherNear: preferred(podAffinity),
    ratherAway: preferred(podAntiAffinity),
  }
}

/** Adds what matchLabelKeys and mismatchLabelKeys say; keys that the pod does not carry are passed over. */
export function withLabelKeys(
  selector: Selector,
  labels: Readonly<Record<string, string>>,
  match: readonly string[] | undefined,
  mismatch?: readonly string[],
): Selector {
  if (!match?.length && !mismatch?.length) return selector
  const requirements = (keys: readonly string[] = [], operator: 'in' | 'notin'): Requirement[] =>
    keys.filter((key) => Object.hasOwn(labels, key)).map((key) => ({ key, operator, values: [labels[key]!] }))
  return [...selector, ...requirements(match, 'in'), ...requirements(mismatch, 'notin')]
}

export const termMatches = (term: Term, pod: Labelled, namespaceLabels: NamespaceLabels): boolean =>
  (term.namespaces.has(pod.namespace) ||
    (term.namespaceSelector !== undefined && matches(term.namespaceSelector, namespaceLabels(pod.namespace) ?? {}))) &&
  matches(term.selector, pod.labels)
