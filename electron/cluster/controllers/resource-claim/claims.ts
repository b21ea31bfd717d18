import { deleteProtection, type ClaimConsumer, type ResourceClaim } from '#shared/kube/devices.ts'
import type { Frozen, KubeObject } from '#shared/kube/object.ts'
import { pods, resourceClaims } from '#shared/kube/resources.ts'
import { internal } from '#shared/kube/status.ts'
import { nothing, objectKey, patch, remove, type Decision, type Step } from '../framework/action.ts'
import { controllerOf } from '../framework/support/owner-references.ts'
import { isPodTerminal, type PodView } from '../framework/support/pods.ts'

type Claim = Frozen<ResourceClaim>
type Consumer = Frozen<ClaimConsumer>

export interface Observed {
  readonly claim: Claim
  /** Of the claim's namespace, by name. */
  readonly pod: (name: string) => PodView | undefined
  /** Whether a pod is known to have been there and to be gone, by its uid. */
  readonly isGone: (uid: string) => boolean
}

/** None of its containers runs, and none will. */
export const isDone = (pod: PodView): boolean =>
  isPodTerminal(pod) || (pod.metadata?.deletionTimestamp !== undefined && !pod.spec?.nodeName)

/** Takes from a claim the pods that use it no more; without any it gives its devices back, and goes with its own pod. */
export function reconcileClaim(observed: Observed): Decision {
  const steps = review(observed, new Map())
  return steps.length ? { steps } : nothing
}

/** `read`: what the server said of pods that no cache knows, by uid: whether they are there. */
function review(observed: Observed, read: ReadonlyMap<string, boolean>): readonly Step[] {
  const { claim } = observed
  const { reservedFor = [] } = claim.status ?? {}
  const kept: Consumer[] = []
  for (const consumer of reservedFor) {
    const { apiGroup = '', resource, name = '', uid = '' } = consumer
    if (apiGroup || resource !== 'pods')
      return [{ verb: 'fail', error: internal(`unsupported ReservedFor entry: ${resource}.${apiGroup} ${name}`) }]
    const uses = isUsedBy(consumer, observed) ?? read.get(uid)
    if (uses === undefined) {
      // It may be too new for the caches: to take it away while the scheduler binds it would be bad.
      const key = { namespace: claim.metadata?.namespace, name }
      const next = (found: KubeObject | undefined) =>
        review(observed, new Map([...read, [uid, found?.metadata?.uid === uid]]))
      return [{ verb: 'read', type: pods, key, then: next }]
    }
    if (uses) kept.push(consumer)
  }
  const isFree = kept.length === 0
  if (!isFree || !claim.status?.allocation) {
    const steps = kept.length < reservedFor.length ? [setStatus(claim, { reservedFor: kept.length ? kept : null })] : []
    return isFree ? [...steps, ...unprotectGoing(claim), ...removeGenerated(observed)] : steps
  }
  // What was given devices and is used by nobody yet keeps them, unless it is going.
  const isLeft = reservedFor.length > 0 || claim.metadata?.deletionTimestamp !== undefined
  return [...(isLeft ? [leave(claim)] : []), ...removeGenerated(observed)]
}

/** What the scheduler has not given is not taken back. */
const leave = (claim: Claim): Step => (isProtected(claim) ? giveBack(claim) : setStatus(claim, { reservedFor: null }))

/** Undefined where only the server can say. */
function isUsedBy({ name = '', uid = '' }: Consumer, { pod, isGone }: Observed): boolean | undefined {
  if (isGone(uid)) return false
  const known = pod(name)
  return known && known.metadata?.uid === uid && !isDone(known) ? true : known ? false : undefined
}

const isProtected = ({ metadata }: Claim): boolean => metadata?.finalizers?.includes(deleteProtection) ?? false

/** Fails where the claim has changed since. */
function setStatus({ metadata }: Claim, status: object, then?: (answer: KubeObject) => readonly Step[]): Step {
  const { uid, resourceVersion } = metadata ?? {}
  const body = { metadata: { uid, resourceVersion }, status }
  return patch(resourceClaims, objectKey({ metadata } as Claim), 'merge', body, {
    subresource: 'status',
    ...(then ? { then } : {}),
  })
}

/** Its devices are free for others, then it need not be protected. */
const giveBack = (claim: Claim): Step =>
  setStatus(claim, { allocation: null, reservedFor: null, devices: null }, (answer) => [unprotect(answer)])

function unprotect({ metadata }: Claim): Step {
  const { uid, resourceVersion, finalizers = [] } = metadata ?? {}
  const left = finalizers.filter((each) => each !== deleteProtection)
  const body = { metadata: { uid, resourceVersion, finalizers: left.length ? left : null } }
  return patch(resourceClaims, objectKey({ metadata } as Claim), 'merge', body)
}

const unprotectGoing = (claim: Claim): Step[] =>
  claim.metadata?.deletionTimestamp && isProtected(claim) ? [unprotect(claim)] : []

/** The garbage collector would wait for the pod to be deleted. */
function removeGenerated({ claim, pod }: Observed): Step[] {
  const owner = controllerOf(claim)
  if (owner?.apiVersion !== 'v1' || owner.kind !== 'Pod' || claim.metadata?.deletionTimestamp) return []
  const known = pod(owner.name)
  if (!known || (known.metadata?.uid === owner.uid && !isDone(known))) return []
  const uid = claim.metadata?.uid
  return [
    remove(resourceClaims, claim, {
      options: uid ? { preconditions: { uid } } : {},
      tolerate: ({ code }) => code === 404,
    }),
  ]
}
