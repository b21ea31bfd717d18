import type { Frozen, KubeObject } from '#shared/kube/object.ts'
import { persistentVolumeClaims } from '#shared/kube/resources.ts'
import { claimProtection, type Claim } from '#shared/kube/storage.ts'
import { update, type Step } from '../framework/action.ts'
import { controllerOf } from '../framework/support/owner-references.ts'
import type { PodView } from '../framework/support/pods.ts'

const isProtected = ({ metadata }: Claim): boolean => metadata?.finalizers?.includes(claimProtection) ?? false

/** It is being deleted, and nothing but the protection may hold it. */
export const isDeletionCandidate = (claim: Claim): boolean =>
  claim.metadata?.deletionTimestamp !== undefined && isProtected(claim)

/** Claims older than the admission plug-in that protects them. */
export const lacksProtection = (claim: Claim): boolean => !claim.metadata?.deletionTimestamp && !isProtected(claim)

/** A node may have mounted the claim for the pod. Pods without a node are not started with a claim that goes. */
export function usesClaim(pod: PodView, claim: Claim): boolean {
  const { name } = claim.metadata ?? {}
  if (!pod.spec?.nodeName || pod.metadata?.namespace !== claim.metadata?.namespace) return false
  return (pod.spec.volumes ?? []).some(({ persistentVolumeClaim, ephemeral, name: volume }) =>
    ephemeral
      ? `${pod.metadata?.name}-${volume}` === name && isMadeFor(claim, pod) && !isShutDown(pod)
      : persistentVolumeClaim?.claimName === name,
  )
}

const isMadeFor = (claim: Claim, pod: PodView): boolean =>
  controllerOf(claim as Frozen<KubeObject>)?.uid === pod.metadata?.uid

/** Its agent is done with it, or somebody said that it need not be. */
const isShutDown = ({ metadata }: PodView): boolean =>
  metadata?.deletionTimestamp !== undefined && metadata.deletionGracePeriodSeconds === 0

const withFinalizers = (claim: Claim, finalizers: readonly string[]): Step =>
  update(persistentVolumeClaims, { ...claim, metadata: { ...claim.metadata, finalizers } })

export const unprotect = (claim: Claim): Step =>
  withFinalizers(
    claim,
    (claim.metadata?.finalizers ?? []).filter((each) => each !== claimProtection),
  )

export const protect = (claim: Claim): Step =>
  withFinalizers(claim, [...(claim.metadata?.finalizers ?? []), claimProtection])
