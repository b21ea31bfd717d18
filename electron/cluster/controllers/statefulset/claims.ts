import type { PersistentVolumeClaim, Volume } from 'kubernetes-types/core/v1'
import type { Frozen, OwnerReference } from '#shared/kube/object.ts'
import { apiVersionOf, pods, statefulSets, type ResourceType } from '#shared/kube/resources.ts'
import { controllerReference } from '../framework/support/owner-references.ts'
import type { PodView } from '../framework/support/pods.ts'
import { isWanted, type SetView } from './identity.ts'

export type ClaimView = Frozen<PersistentVolumeClaim>

const templatesOf = (set: SetView): readonly ClaimView[] => set.spec?.volumeClaimTemplates ?? []

const claimName = (set: SetView, template: ClaimView, ordinal: number): string =>
  `${template.metadata?.name}-${set.metadata?.name}-${ordinal}`

/** What the names of a set's claims begin with, before the dash and the ordinal. */
export const claimPrefixes = (set: SetView): readonly string[] =>
  templatesOf(set).map((template) => `${template.metadata?.name}-${set.metadata?.name}`)

/** The claims of an ordinal, as they are created. */
export const claimsOf = (set: SetView, ordinal: number): readonly ClaimView[] =>
  templatesOf(set).map((template) => ({
    ...template,
    metadata: {
      ...template.metadata,
      name: claimName(set, template, ordinal),
      namespace: set.metadata?.namespace ?? '',
      labels: { ...template.metadata?.labels, ...set.spec?.selector.matchLabels },
    },
  }))

/** With a volume for each claim, in place of the template's own of that name. */
export function withClaims<P extends PodView>(set: SetView, ordinal: number, pod: P): P {
  const volumes = templatesOf(set).map((template): Frozen<Volume> => ({
    name: template.metadata?.name ?? '',
    persistentVolumeClaim: { claimName: claimName(set, template, ordinal) },
  }))
  if (!volumes.length) return pod
  const taken = new Set(volumes.map(({ name }) => name))
  const others = (pod.spec?.volumes ?? []).filter(({ name }) => !taken.has(name))
  return { ...pod, spec: { ...pod.spec, volumes: [...volumes, ...others] } }
}

export const hasClaims = (set: SetView, ordinal: number, pod: PodView): boolean =>
  templatesOf(set).every((template) =>
    pod.spec?.volumes?.some(
      ({ name, persistentVolumeClaim }) =>
        name === template.metadata?.name && persistentVolumeClaim?.claimName === claimName(set, template, ordinal),
    ),
  )

const deletes = (set: SetView, when: 'whenScaled' | 'whenDeleted'): boolean =>
  set.spec?.persistentVolumeClaimRetentionPolicy?.[when] === 'Delete'

/**
 * The claim belongs to a pod of this name that was scaled away, and goes with it: the new pod must wait, or it would
 * lose its claim.
 */
export const isLeftOver = (claim: ClaimView, set: SetView, podName: string): boolean =>
  deletes(set, 'whenScaled') && referenceOf(claim, pods, podName) !== undefined

/**
 * The owner references that make the garbage collector keep or delete a claim by the set's retention policy: the set
 * owns the claims that go with it, a pod that is scaled away owns those that go with the pod. Undefined when they are
 * so, or when the claim is somebody else's affair. Source: isClaimOwnerUpToDate, updateClaimOwnerRefForSetAndPod.
 */
export function ownersFor(
  claim: ClaimView,
  set: SetView,
  pod: PodView,
  ordinal: number,
): readonly Frozen<OwnerReference>[] | undefined {
  const references = claim.metadata?.ownerReferences ?? []
  const ofSet = referenceOf(claim, statefulSets, set.metadata?.name)
  const ofPod = referenceOf(claim, pods, pod.metadata?.name)
  // Of an earlier set or pod of the name: the garbage collector decides.
  if ((ofSet && ofSet.uid !== set.metadata?.uid) || (ofPod && ofPod.uid !== pod.metadata?.uid)) return undefined
  const others = references.filter((reference) => reference !== ofSet && reference !== ofPod)
  if (hasOtherController(claim, set, pod)) return ofSet || ofPod ? others : undefined
  const scaledAway = !isWanted(set, ordinal)
  const byPod = deletes(set, 'whenScaled') && scaledAway
  const bySet = deletes(set, 'whenDeleted') && !byPod
  const isSo = (reference: Frozen<OwnerReference> | undefined, wanted: boolean) =>
    wanted ? reference?.controller === true : reference === undefined
  if (isSo(ofSet, bySet) && isSo(ofPod, byPod)) return undefined
  return [
    ...others,
    ...(bySet ? [controllerReference(statefulSets, set)] : []),
    ...(byPod ? [controllerReference(pods, pod)] : []),
  ]
}

/** Somebody else controls the claim although the policy of the set would delete it. */
export function hasOtherController(claim: ClaimView, set: SetView, pod: PodView): boolean {
  if (!deletes(set, 'whenScaled') && !deletes(set, 'whenDeleted')) return false
  const own = [referenceOf(claim, statefulSets, set.metadata?.name), referenceOf(claim, pods, pod.metadata?.name)]
  return (claim.metadata?.ownerReferences ?? []).some(
    (reference) => reference.controller === true && !own.includes(reference),
  )
}

const referenceOf = (
  claim: ClaimView,
  type: ResourceType,
  name: string | undefined,
): Frozen<OwnerReference> | undefined =>
  claim.metadata?.ownerReferences?.find(
    (reference) =>
      reference.apiVersion === apiVersionOf(type) && reference.kind === type.kind && reference.name === name,
  )
