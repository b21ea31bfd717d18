import type { Node, PersistentVolume, PersistentVolumeClaim, Pod } from 'kubernetes-types/core/v1'
import type { CSINode, StorageClass } from 'kubernetes-types/storage/v1'
import type { DeviceClass, ResourceClaim, ResourceSlice } from '#shared/kube/devices.ts'
import type { Frozen } from '#shared/kube/object.ts'
import { claimStatuses } from '#shared/kube/pod-claims.ts'
import { sameLabels, type PodInfo } from './pod-info.ts'

/** What of a node a change may have made better. */
export type NodeAspect = 'allocatable' | 'labels' | 'taints' | 'schedulable' | 'features'

/** Something that happened in the cluster and may let a waiting pod fit. Source: the framework's ClusterEvent. */
export type ClusterEvent =
  | { readonly kind: 'node added'; readonly node: Frozen<Node> }
  | { readonly kind: 'node gone'; readonly node: Frozen<Node> }
  | {
      readonly kind: 'node changed'
      readonly node: Frozen<Node>
      readonly old: Frozen<Node>
      readonly aspects: ReadonlySet<NodeAspect>
    }
  /** A pod got its node, or its labels changed there. */
  | { readonly kind: 'pod assigned'; readonly pod: PodInfo; readonly old?: PodInfo }
  /** A pod left its node, or asks for less of it. */
  | { readonly kind: 'pod gone'; readonly pod: PodInfo }
  /** A pod has begun to leave its node, which it still takes its share of. */
  | { readonly kind: 'pod leaving'; readonly pod: PodInfo }
  /** The waiting pod itself changed. */
  | { readonly kind: 'pod changed'; readonly pod: PodInfo; readonly old: PodInfo }
  | { readonly kind: 'claim changed'; readonly claim: Frozen<PersistentVolumeClaim> }
  | { readonly kind: 'volume changed'; readonly volume: Frozen<PersistentVolume> }
  | { readonly kind: 'storage class changed'; readonly storageClass: Frozen<StorageClass> }
  | { readonly kind: 'CSI node changed'; readonly csiNode: Frozen<CSINode> }
  /** `old` is absent of a new one. */
  | {
      readonly kind: 'resource claim changed'
      readonly claim: Frozen<ResourceClaim>
      readonly old?: Frozen<ResourceClaim>
    }
  | { readonly kind: 'resource claim gone'; readonly claim: Frozen<ResourceClaim> }
  | { readonly kind: 'resource slice changed'; readonly slice: Frozen<ResourceSlice> }
  | { readonly kind: 'device class changed'; readonly deviceClass: Frozen<DeviceClass> }

/** Whether a change of a node was one to a plug-in that looks at one aspect of it, a new node included. */
export const nodeBecame = (
  event: ClusterEvent,
  ...aspects: NodeAspect[]
): event is Extract<ClusterEvent, { kind: 'node added' | 'node changed' }> =>
  event.kind === 'node added' || (event.kind === 'node changed' && aspects.some((aspect) => event.aspects.has(aspect)))

/** A name that has been given to a claim of the pod. */
const claimsNamed = (pod: Frozen<Pod>, old: Frozen<Pod>): boolean => !same(claimStatuses(pod), claimStatuses(old))

const same = (a: unknown, b: unknown): boolean => a === b || JSON.stringify(a) === JSON.stringify(b)

export function changesOf(node: Frozen<Node>, old: Frozen<Node>): Set<NodeAspect> {
  const aspects = new Set<NodeAspect>()
  if (!same(node.status?.allocatable, old.status?.allocatable)) aspects.add('allocatable')
  const labels = ({ metadata }: Frozen<Node>) => metadata?.labels as Record<string, string> | undefined
  if (!sameLabels(labels(node), labels(old))) aspects.add('labels')
  if (!same(node.spec?.taints, old.spec?.taints)) aspects.add('taints')
  if (!node.spec?.unschedulable && old.spec?.unschedulable) aspects.add('schedulable')
  const features = ({ status }: Frozen<Node>) =>
    (status as { declaredFeatures?: unknown } | undefined)?.declaredFeatures
  if (!same(features(node), features(old))) aspects.add('features')
  return aspects
}

/** Whether a pending pod asks for something else than before; our own condition coming back is no news. */
export function asksAnew(pod: Frozen<Pod>, old: Frozen<Pod>): boolean {
  return (
    pod.metadata?.generation !== old.metadata?.generation ||
    claimsNamed(pod, old) ||
    !sameLabels(
      pod.metadata?.labels as Record<string, string> | undefined,
      old.metadata?.labels as Record<string, string> | undefined,
    )
  )
}
