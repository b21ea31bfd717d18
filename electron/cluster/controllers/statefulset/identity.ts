import type { StatefulSet } from 'kubernetes-types/apps/v1'
import type { Frozen, KubeObject } from '#shared/kube/object.ts'
import type { PodView } from '../framework/support/pods.ts'

export type SetView = Frozen<StatefulSet>

/** A place in the set, and the pod that has it or, `exists` being false, is to have it. */
export interface Place {
  readonly ordinal: number
  readonly pod: PodView
  readonly exists: boolean
}

export const podNameLabel = 'statefulset.kubernetes.io/pod-name'
export const podIndexLabel = 'apps.kubernetes.io/pod-index'
/** Of a pod: the name of the revision that it was made of. */
export const revisionLabel = 'controller-revision-hash'

const largestOrdinal = 2_147_483_647

export const podName = (set: SetView, ordinal: number): string => `${set.metadata?.name}-${ordinal}`

/** The number in the name of a pod of the set; undefined for names that no pod of the set can have. */
export function ordinalOf(set: SetView, pod: Frozen<KubeObject>): number | undefined {
  const name = pod.metadata?.name ?? ''
  const prefix = `${set.metadata?.name}-`
  if (!name.startsWith(prefix)) return undefined
  const digits = name.slice(prefix.length)
  const isOrdinal = /^(0|[1-9]\d*)$/.test(digits) && Number(digits) <= largestOrdinal
  return isOrdinal ? Number(digits) : undefined
}

export const replicasOf = (set: SetView): number => set.spec?.replicas ?? 1
export const startOf = (set: SetView): number => set.spec?.ordinals?.start ?? 0

export const isWanted = (set: SetView, ordinal: number): boolean =>
  ordinal >= startOf(set) && ordinal < startOf(set) + replicasOf(set)

export const revisionOf = (pod: PodView): string => pod.metadata?.labels?.[revisionLabel] ?? ''

/** What is repaired when somebody took it away. The host name is not: it cannot be changed. */
export const hasIdentity = (set: SetView, pod: PodView): boolean =>
  pod.metadata?.labels?.[podNameLabel] === pod.metadata?.name && ordinalOf(set, pod) !== undefined

export const withIdentity = (set: SetView, ordinal: number, pod: PodView): PodView => ({
  ...pod,
  metadata: { ...pod.metadata, labels: identityLabels(set, ordinal, pod) },
})

export const identityLabels = (set: SetView, ordinal: number, pod: PodView): Readonly<Record<string, string>> => ({
  ...pod.metadata?.labels,
  [podNameLabel]: podName(set, ordinal),
  [podIndexLabel]: String(ordinal),
})
