import {
  podClaimAnnotation,
  type ClaimConsumer,
  type ResourceClaim,
  type ResourceClaimTemplate,
} from '#shared/kube/devices.ts'
import type { Frozen, KubeObject } from '#shared/kube/object.ts'
import { claimNameOf, isReservedFor, notForPod, podClaims, type PodClaim } from '#shared/kube/pod-claims.ts'
import { pods, resourceClaims } from '#shared/kube/resources.ts'
import { internal } from '#shared/kube/status.ts'
import { referenceTo } from '../../client/event-recorder.ts'
import { create, event, nothing, objectKey, patch, type Decision, type Step } from '../framework/action.ts'
import { controllerReference } from '../framework/support/owner-references.ts'
import type { PodView } from '../framework/support/pods.ts'

type Claim = Frozen<ResourceClaim>

export interface Observed {
  readonly pod: PodView
  /** Of the pod's namespace, by name. */
  readonly claim: (name: string) => Claim | undefined
  readonly template: (name: string) => Frozen<ResourceClaimTemplate> | undefined
  /** Claims that the pod owns. */
  readonly owned: readonly Claim[]
}

/** Names that were given to claims which the pod's status does not know yet. */
type Names = readonly { readonly name: string; readonly resourceClaimName: string }[]

/**
 * Makes the claims that a pod has templates for, one after the other, and names them in its status; reserves claims with
 * devices for a pod that was put on its node by somebody else than the scheduler.
 */
export function reconcilePod(observed: Observed): Decision {
  const { pod } = observed
  if (pod.metadata?.deletionTimestamp) return nothing
  const steps = makeFrom(observed, 0, [])
  return steps.length ? { steps } : nothing
}

function makeFrom(observed: Observed, start: number, names: Names): readonly Step[] {
  const { pod, owned, template } = observed
  for (const [i, each] of podClaims(pod).entries()) {
    if (i < start || !isMissing(each, observed)) continue
    // It was made, and the pod's status could not be written then.
    const orphan = owned.find(({ metadata }) => metadata?.annotations?.[podClaimAnnotation] === each.name)
    if (orphan) return makeFrom(observed, i + 1, [...names, nameOf(each, orphan)])
    const found = template(each.resourceClaimTemplateName!)
    const failed = (problem: string) =>
      event(
        referenceTo(pods, pod),
        'Warning',
        'FailedResourceClaimCreation',
        `PodResourceClaim ${each.name}: ${problem}`,
      )
    if (!found) {
      const name = JSON.stringify(each.resourceClaimTemplateName)
      const problem = `resource claim template ${name}: resourceclaimtemplate.resource.k8s.io ${name} not found`
      return [...nameIn(pod, names), failed(problem), { verb: 'fail', error: internal(problem) }]
    }
    return [
      create(resourceClaims, claimFor(pod, each, found), {
        then: (made) => makeFrom(observed, i + 1, [...names, nameOf(each, made)]),
        onFailure: ({ message }) => failed(`create ResourceClaim : ${message}`),
      }),
    ]
  }
  return [...nameIn(pod, names), ...reserve(observed)]
}

const nameOf = ({ name }: PodClaim, { metadata }: Frozen<KubeObject>): Names[number] => ({
  name,
  resourceClaimName: metadata?.name ?? '',
})

/** Whether a claim has to be made: it has none, or that is gone or is somebody else's by now. */
export function isMissing(each: PodClaim, { pod, claim }: Pick<Observed, 'pod' | 'claim'>): boolean {
  if (each.resourceClaimTemplateName === undefined) return false
  const found = claimNameOf(pod, each)
  if (typeof found === 'string') return found === 'not created'
  const known = claim(found.name)
  return !known || notForPod(pod, known) !== undefined
}

/** In its random part the name has five characters. */
const longestBase = 57

function claimFor(pod: PodView, each: PodClaim, { spec }: Frozen<ResourceClaimTemplate>): Frozen<ResourceClaim> {
  const { labels, annotations } = spec?.metadata ?? {}
  return {
    metadata: {
      namespace: pod.metadata?.namespace ?? '',
      generateName: baseName(pod.metadata?.name ?? '', each.name),
      ...(labels ? { labels } : {}),
      annotations: { ...annotations, [podClaimAnnotation]: each.name },
      ownerReferences: [controllerReference(pods, pod)],
    },
    ...(spec?.spec ? { spec: spec.spec } : {}),
  }
}

/** Both names are cut where they are too long together, in proportion. */
export function baseName(pod: string, claim: string): string {
  const whole = `${pod}-${claim}-`
  if (whole.length <= longestBase) return whole
  const cut = (name: string) => name.slice(0, Math.floor((name.length * longestBase) / whole.length))
  return `${cut(pod)}-${cut(claim)}`
}

function nameIn(pod: PodView, names: Names): Step[] {
  if (!names.length) return []
  const body = { metadata: { uid: pod.metadata?.uid }, status: { resourceClaimStatuses: names } }
  return [patch(pods, objectKey(pod as KubeObject), 'strategic', body, { subresource: 'status' })]
}

/** Of a pod that has a node already, nobody else would. */
function reserve({ pod, claim }: Observed): Step[] {
  if (!pod.spec?.nodeName) return []
  const { name, uid } = pod.metadata ?? {}
  return podClaims(pod).flatMap((each) => {
    const found = claimNameOf(pod, each)
    const known = typeof found === 'string' ? undefined : claim(found.name)
    if (!known?.status?.allocation || isReservedFor(known, uid)) return []
    if (typeof found !== 'string' && found.generated && notForPod(pod, known)) return []
    const consumer: ClaimConsumer = { resource: 'pods', ...(name ? { name } : {}), ...(uid ? { uid } : {}) }
    const { uid: own, resourceVersion } = known.metadata ?? {}
    const body = { metadata: { uid: own, resourceVersion }, status: { reservedFor: [consumer] } }
    return [patch(resourceClaims, objectKey(known), 'strategic', body, { subresource: 'status' })]
  })
}
