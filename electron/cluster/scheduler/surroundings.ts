import type { PersistentVolume, PersistentVolumeClaim } from 'kubernetes-types/core/v1'
import type { PodDisruptionBudget } from 'kubernetes-types/policy/v1'
import type { CSINode, StorageClass } from 'kubernetes-types/storage/v1'
import type { DeviceClass, ResourceClaim } from '#shared/kube/devices.ts'
import type { Frozen } from '#shared/kube/object.ts'
import type { Selector } from '#shared/kube/selectors.ts'
import type { CachedClaims } from './devices/assumed-claims.ts'
import type { Slices } from './devices/pools.ts'
import type { NamespaceLabels } from './pod-terms.ts'

/** What the scheduler knows of the cluster beside nodes and pods. Reads caches only. */
export interface Surroundings {
  readonly namespaceLabels: NamespaceLabels
  /** Selectors of the Services in a namespace. */
  services(namespace: string): readonly Selector[]
  /** The selector of a controller that owns pods; undefined when it is unknown. */
  ownerSelector(namespace: string, kind: string, name: string): Selector | undefined
  claim(namespace: string, name: string): Frozen<PersistentVolumeClaim> | undefined
  volume(name: string): Frozen<PersistentVolume> | undefined
  /** All volumes of a class. */
  volumes(storageClass: string): readonly Frozen<PersistentVolume>[]
  storageClass(name: string): Frozen<StorageClass> | undefined
  csiNode(name: string): Frozen<CSINode> | undefined
  budgets(namespace: string): readonly Frozen<PodDisruptionBudget>[]
  readonly deviceClaims: CachedClaims
  /** The claim that was made for the extended resources of a pod, by the pod's uid. */
  extendedClaim(podUid: string): Frozen<ResourceClaim> | undefined
  deviceClass(name: string): Frozen<DeviceClass> | undefined
  /** The class whose devices an extended resource stands for. */
  classOfResource(resource: string): Frozen<DeviceClass> | undefined
  readonly deviceSlices: Slices
}

export const emptySurroundings: Surroundings = {
  namespaceLabels: () => undefined,
  services: () => [],
  ownerSelector: () => undefined,
  claim: () => undefined,
  volume: () => undefined,
  volumes: () => [],
  storageClass: () => undefined,
  csiNode: () => undefined,
  budgets: () => [],
  deviceClaims: { get: () => undefined, on: () => [] },
  extendedClaim: () => undefined,
  deviceClass: () => undefined,
  classOfResource: () => undefined,
  deviceSlices: { reachedFrom: () => [], ofPool: () => [] },
}
