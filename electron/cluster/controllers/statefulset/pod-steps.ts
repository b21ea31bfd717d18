import type { Pod } from 'kubernetes-types/core/v1'
import type { Frozen } from '#shared/kube/object.ts'
import { persistentVolumeClaims, pods, statefulSets } from '#shared/kube/resources.ts'
import { isAlreadyExists } from '#shared/kube/status.ts'
import { referenceTo } from '../../client/event-recorder.ts'
import { create, event, remove, update, type EventAction, type Step } from '../framework/action.ts'
import { podFromTemplate } from '../framework/support/pod-template.ts'
import type { PodView } from '../framework/support/pods.ts'
import type { Template } from '../framework/support/template-hash.ts'
import { claimsOf, hasClaims, hasOtherController, isLeftOver, ownersFor, withClaims, type ClaimView } from './claims.ts'
import { hasIdentity, identityLabels, podName, revisionLabel, withIdentity, type SetView } from './identity.ts'

/** A claim of the set's namespace by its name. */
export type FindClaim = (name: string) => ClaimView | undefined

/** The pod of an ordinal: a name, a host name below the set's service, and claims that outlive it. */
export function newPod(set: SetView, ordinal: number, template: Template, revision: string): PodView {
  const pod: PodView = podFromTemplate(statefulSets, set, template)
  const name = podName(set, ordinal)
  const { serviceName } = set.spec ?? {}
  return withClaims(set, ordinal, {
    ...pod,
    metadata: { ...pod.metadata, name, labels: { ...identityLabels(set, ordinal, pod), [revisionLabel]: revision } },
    spec: { ...pod.spec!, hostname: name, ...(serviceName ? { subdomain: serviceName } : {}) },
  })
}

/** True while a claim of an earlier pod of the ordinal is still going. */
export const mustWait = (set: SetView, ordinal: number, find: FindClaim): boolean =>
  claimsOf(set, ordinal).some(({ metadata }) => {
    const found = find(metadata?.name ?? '')
    return found !== undefined && isLeftOver(found, set, podName(set, ordinal))
  })

/** The claims first, so that no pod waits for one that never comes. */
export const creation = (set: SetView, ordinal: number, pod: PodView, find: FindClaim): readonly Step[] => [
  ...missingClaims(set, ordinal, find, 'create'),
  create(pods, pod as Frozen<Pod>, {
    onSuccess: () => podEvent('create', set, ordinal),
    // One of that name that is not ours: it may go, and there is nothing to say until then.
    onFailure: (error) =>
      error.reason === 'AlreadyExists' ? undefined : podEvent('create', set, ordinal, error.message),
  }),
]

/**
 * Deletes the very pod that was seen: by the time the call arrives another may have its name. Whether that one must go,
 * too, is decided when it is seen.
 */
export const deletion = (set: SetView, ordinal: number, pod: PodView): Step =>
  remove(pods, pod, {
    options: { preconditions: { uid: pod.metadata?.uid } },
    tolerate: (error) => error.code === 404,
    onSuccess: () => podEvent('delete', set, ordinal),
    onFailure: (error) => (error.code === 409 ? undefined : podEvent('delete', set, ordinal, error.message)),
  })

/** Gives a pod that waits for its start the claims it lacks: they may have been deleted since it was created. */
export const claimsForPending = (set: SetView, ordinal: number, pod: PodView, find: FindClaim): readonly Step[] => [
  ...missingClaims(set, ordinal, find),
  ...retention(set, ordinal, pod, find),
]

/** Repairs what makes a pod the one of its ordinal. */
export function repair(set: SetView, ordinal: number, pod: PodView, find: FindClaim): readonly Step[] {
  const owners = retention(set, ordinal, pod, find)
  const stored = hasClaims(set, ordinal, pod)
  if (hasIdentity(set, pod) && stored && !owners.length) return []
  return [
    ...(stored ? [] : missingClaims(set, ordinal, find, 'update')),
    ...owners,
    update(pods, withClaims(set, ordinal, withIdentity(set, ordinal, pod)) as Frozen<Pod>, {
      onSuccess: () => podEvent('update', set, ordinal),
      onFailure: (error) => podEvent('update', set, ordinal, error.message),
    }),
  ]
}

/** Makes the claims of a pod go with the set or with the pod, by the set's retention policy. */
export function retention(set: SetView, ordinal: number, pod: PodView, find: FindClaim): readonly Step[] {
  return claimsOf(set, ordinal).flatMap(({ metadata }): readonly Step[] => {
    const found = find(metadata?.name ?? '')
    const ownerReferences = found && ownersFor(found, set, pod, ordinal)
    if (!ownerReferences) return []
    const change = update(
      persistentVolumeClaims,
      { ...found, metadata: { ...found.metadata, ownerReferences } },
      {
        onFailure: ({ message }) =>
          podEvent(
            'update',
            set,
            ordinal,
            `could not update claim ${metadata?.name} for delete policy ownerRefs: ${message}`,
          ),
      },
    )
    return hasOtherController(found, set, pod) ? [conflictEvent(set, found), change] : [change]
  })
}

type Verb = 'create' | 'update' | 'delete'

/** `verb`: what is done to the pod meanwhile, and fails with the claim. */
function missingClaims(set: SetView, ordinal: number, find: FindClaim, verb?: Verb): readonly Step[] {
  return claimsOf(set, ordinal).flatMap((claim): readonly Step[] => {
    const name = claim.metadata?.name ?? ''
    const fails = (message: string): readonly Step[] => [
      ...(verb ? [podEvent(verb, set, ordinal, message)] : []),
      { verb: 'fail', error: new Error(message) },
    ]
    const found = find(name)
    if (found) return found.metadata?.deletionTimestamp ? fails(`pvc ${name} is being deleted`) : []
    return [
      create(persistentVolumeClaims, claim, {
        tolerate: isAlreadyExists,
        onSuccess: () => claimEvent(set, ordinal, name),
        onFailure: (error) => claimEvent(set, ordinal, name, error.message),
        recover: (error) => fails(`failed to create PVC ${name}: ${error.message}`),
      }),
    ]
  })
}

const about = (set: SetView) => referenceTo(statefulSets, set)
const capital = (verb: Verb): string => verb.charAt(0).toUpperCase() + verb.slice(1)

function podEvent(verb: Verb, set: SetView, ordinal: number, error?: string): EventAction {
  const what = `${verb} Pod ${podName(set, ordinal)} in StatefulSet ${set.metadata?.name}`
  return error === undefined
    ? event(about(set), 'Normal', `Successful${capital(verb)}`, `${what} successful`)
    : event(about(set), 'Warning', `Failed${capital(verb)}`, `${what} failed error: ${error}`)
}

function claimEvent(set: SetView, ordinal: number, claim: string, error?: string): EventAction {
  const where = `Pod ${podName(set, ordinal)} in StatefulSet ${set.metadata?.name}`
  return error === undefined
    ? event(about(set), 'Normal', 'SuccessfulCreate', `create Claim ${claim} ${where} success`)
    : event(about(set), 'Warning', 'FailedCreate', `create Claim ${claim} for ${where} failed error: ${error}`)
}

const conflictEvent = (set: SetView, claim: ClaimView): EventAction =>
  event(
    about(set),
    'Warning',
    'ConflictingController',
    `PersistentVolumeClaim ${claim.metadata?.name} has a conflicting OwnerReference that acts as a manging controller, the retention policy is ignored for this claim`,
  )
