import type { Pod } from 'kubernetes-types/core/v1'
import type { Frozen } from '#shared/kube/object.ts'
import { bindCompleted, storageClassOf, type Claim } from '#shared/kube/storage.ts'
import type { ClusterEvent } from '../cluster-event.ts'
import type { PodInfo } from '../pod-info.ts'
import type { Surroundings } from '../surroundings.ts'

export interface ClaimName {
  readonly name: string
  /** Made for this pod alone, under its own name. */
  readonly ephemeral: boolean
}

export function claimNames({ metadata, spec }: Frozen<Pod>): readonly ClaimName[] {
  const names: ClaimName[] = []
  for (const { name, persistentVolumeClaim, ephemeral } of spec?.volumes ?? []) {
    if (persistentVolumeClaim) names.push({ name: persistentVolumeClaim.claimName, ephemeral: false })
    else if (ephemeral) names.push({ name: `${metadata?.name ?? ''}-${name}`, ephemeral: true })
  }
  return names
}

/** Whether it is one of the pod's own claims that has changed. */
export const isClaimOf = ({ pod, namespace }: PodInfo, { claim }: ClusterEvent & { kind: 'claim changed' }): boolean =>
  claim.metadata?.namespace === namespace && claimNames(pod).some(({ name }) => name === claim.metadata?.name)

export const notFoundText = (name: string): string => `persistentvolumeclaim ${JSON.stringify(name)} not found`

/** Bound for good: the volume controller has said so. */
export const isBound = ({ metadata, spec }: Claim): boolean =>
  !!spec?.volumeName && metadata?.annotations?.[bindCompleted] !== undefined

/** Whether the claim waits for its first consumer to have a node. */
export const waitsForConsumer = (claim: Claim, { storageClass }: Surroundings): boolean =>
  storageClass(storageClassOf(claim))?.volumeBindingMode === 'WaitForFirstConsumer'

/** Why a pod's claims keep it from every node; undefined where they do not. */
export function claimTrouble({ pod, namespace, uid }: PodInfo, surroundings: Surroundings): string | undefined {
  for (const { name, ephemeral } of claimNames(pod)) {
    const claim = surroundings.claim(namespace, name)
    const quoted = JSON.stringify(name)
    if (!claim)
      return ephemeral
        ? `waiting for ephemeral volume controller to create the persistentvolumeclaim ${quoted}`
        : notFoundText(name)
    if (claim.status?.phase === 'Lost')
      return `persistentvolumeclaim ${quoted} bound to non-existent persistentvolume ${JSON.stringify(claim.spec?.volumeName ?? '')}`
    if (claim.metadata?.deletionTimestamp) return `persistentvolumeclaim ${quoted} is being deleted`
    if (ephemeral && !claim.metadata?.ownerReferences?.some((owner) => owner.controller && owner.uid === uid))
      return `PVC ${namespace}/${name} was not created for pod ${namespace}/${pod.metadata?.name ?? ''} (pod is not owner)`
  }
  return undefined
}
