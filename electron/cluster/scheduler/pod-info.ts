import type { Pod } from 'kubernetes-types/core/v1'
import type { Frozen } from '#shared/kube/object.ts'
import { noTerms, termsOf, type Term, type Terms } from './pod-terms.ts'
import { hostPortsOf, podRequests, sameAmounts, scoredRequests, type Amounts, type HostPort } from './resources.ts'
import { signatureOf } from './signature.ts'

type Labels = Readonly<Record<string, string>>
const noLabels: Labels = {}

/** A pod with what the cycle asks of it over and over, computed once: quantities are numbers, selectors are parsed. */
export class PodInfo {
  /** The newest version that asks for the same. */
  pod: Frozen<Pod>
  readonly uid: string
  readonly namespace: string
  readonly name: string
  readonly labels: Labels
  readonly priority: number
  readonly requests: Amounts
  /** As requests, with the defaults that scores assume. */
  readonly scored: Amounts
  readonly hostPorts: readonly HostPort[]
  readonly terms: Terms
  readonly terminating: boolean

  constructor(pod: Frozen<Pod>) {
    const { metadata, spec } = pod
    this.pod = pod
    this.uid = metadata?.uid ?? ''
    this.namespace = metadata?.namespace ?? ''
    this.name = metadata?.name ?? ''
    this.labels = (metadata?.labels as Labels | undefined) ?? noLabels
    this.priority = spec?.priority ?? 0
    this.requests = podRequests(pod)
    this.scored = scoredRequests(pod)
    this.hostPorts = hostPortsOf(pod)
    this.terms = termsOf(this)
    this.terminating = metadata?.deletionTimestamp !== undefined
  }

  get key(): string {
    return `${this.namespace}/${this.name}`
  }

  /** Pods of one signature are alike in everything that may ever matter, all of their labels included. */
  get signature(): string {
    return signatureOf(this.pod)
  }

  /** Keys of labels by which the pod itself selects, and may be selected by its own rules. */
  get ownKeys(): ReadonlySet<string> {
    const keys = new Set<string>()
    for (const terms of Object.values(this.terms) as (readonly Term[])[])
      for (const { selector } of terms) for (const { key } of selector) keys.add(key)
    for (const { labelSelector, matchLabelKeys } of this.pod.spec?.topologySpreadConstraints ?? []) {
      for (const key in labelSelector?.matchLabels) keys.add(key)
      for (const { key } of labelSelector?.matchExpressions ?? []) keys.add(key)
      for (const key of matchLabelKeys ?? []) keys.add(key)
    }
    return keys
  }

  get usesClaims(): boolean {
    return (
      this.pod.spec?.volumes?.some(({ persistentVolumeClaim, ephemeral }) => persistentVolumeClaim ?? ephemeral) ??
      false
    )
  }

  get hasAffinity(): boolean {
    return this.terms !== noTerms
  }
}

/** Whether two versions of a pod take the same of a node and count the same for others. */
export const sameDemand = (a: Frozen<Pod>, b: Frozen<Pod>): boolean =>
  a.metadata?.deletionTimestamp === b.metadata?.deletionTimestamp &&
  sameLabels(a.metadata?.labels as Labels | undefined, b.metadata?.labels as Labels | undefined) &&
  sameRequests(a, b)

/** Of a pod that has a node, or is getting one, only the requests can still change, and what is granted of them. */
const sameRequests = (a: Frozen<Pod>, b: Frozen<Pod>): boolean =>
  (a.metadata?.generation === b.metadata?.generation && granted(a) === granted(b)) ||
  sameAmounts(podRequests(a), podRequests(b))

export function sameLabels(a: Labels = noLabels, b: Labels = noLabels): boolean {
  if (a === b) return true
  const keys = Object.keys(a)
  return keys.length === Object.keys(b).length && keys.every((key) => a[key] === b[key])
}

/** What the node says that it has granted, where that may differ from what is asked for. */
function granted({ status }: Frozen<Pod>): string {
  const statuses = status?.containerStatuses
  if (!statuses?.some(({ resources, allocatedResources }) => resources?.requests ?? allocatedResources)) return ''
  return JSON.stringify(statuses.map(({ resources, allocatedResources }) => [resources?.requests, allocatedResources]))
}
