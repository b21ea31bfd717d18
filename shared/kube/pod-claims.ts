import type { Pod } from 'kubernetes-types/core/v1'
import type { ResourceClaim } from './devices.ts'
import type { Frozen } from './object.ts'

/** A claim that a pod names, or has made for it. */
export interface PodClaim {
  readonly name: string
  readonly resourceClaimName?: string
  readonly resourceClaimTemplateName?: string
}

/** The extended resources of containers that a claim stands for. */
export interface ExtendedClaimStatus {
  readonly resourceClaimName: string
  readonly requestMappings: readonly { containerName: string; resourceName: string; requestName: string }[]
}

type PodView = Frozen<Pod>

interface Statuses {
  readonly resourceClaimStatuses?: readonly { readonly name: string; readonly resourceClaimName?: string }[]
  readonly extendedResourceClaimStatus?: ExtendedClaimStatus
}

const none: readonly PodClaim[] = []

/** The typed client knows an older shape of both. */
export const podClaims = ({ spec }: PodView): readonly PodClaim[] =>
  (spec as { readonly resourceClaims?: readonly PodClaim[] } | undefined)?.resourceClaims ?? none

export const claimStatuses = ({ status }: PodView): Statuses['resourceClaimStatuses'] =>
  (status as Statuses | undefined)?.resourceClaimStatuses

export const extendedClaimStatus = ({ status }: PodView): ExtendedClaimStatus | undefined =>
  (status as Statuses | undefined)?.extendedResourceClaimStatus

/** Under which name a pod's claim is found. */
export type ClaimName =
  | { readonly name: string; readonly generated: boolean }
  /** The pod does without it. */
  | 'not needed'
  /** It has yet to be made of its template. */
  | 'not created'

/** Source: resourceclaim.Name. */
export function claimNameOf(pod: PodView, claim: PodClaim): ClaimName {
  if (claim.resourceClaimName !== undefined) return { name: claim.resourceClaimName, generated: false }
  const status = claimStatuses(pod)?.find(({ name }) => name === claim.name)
  if (!status) return 'not created'
  return status.resourceClaimName === undefined ? 'not needed' : { name: status.resourceClaimName, generated: true }
}

/** `namespace/name` of every claim that a pod uses, as far as they have names. */
export function claimKeysOfPod(pod: PodView): readonly string[] {
  const claims = podClaims(pod)
  const extended = extendedClaimStatus(pod)?.resourceClaimName
  if (!claims.length && extended === undefined) return []
  const names = claims.flatMap((claim) => {
    const found = claimNameOf(pod, claim)
    return typeof found === 'string' ? [] : [found.name]
  })
  return [...names, ...(extended === undefined ? [] : [extended])].map((name) => `${pod.metadata?.namespace}/${name}`)
}

type ClaimView = Frozen<ResourceClaim>

/** Why a claim that was generated is not this pod's; undefined where it is. Source: resourceclaim.IsForPod. */
export function notForPod({ metadata: pod }: PodView, { metadata: claim }: ClaimView): string | undefined {
  const isOwned = claim?.ownerReferences?.some(({ controller, uid }) => controller && uid === pod?.uid)
  if (claim?.namespace === pod?.namespace && isOwned) return undefined
  return `ResourceClaim ${claim?.namespace}/${claim?.name} was not created for pod ${pod?.namespace}/${pod?.name} (pod is not owner)`
}

export const isReservedFor = ({ status }: ClaimView, uid: string | undefined): boolean =>
  status?.reservedFor?.some((consumer) => consumer.uid === uid) ?? false
