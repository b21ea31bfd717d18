import type { PersistentVolumeClaimSpec } from 'kubernetes-types/core/v1'
import type { Frozen, ObjectMeta } from '#shared/kube/object.ts'
import { persistentVolumeClaims, pods } from '#shared/kube/resources.ts'
import { internal } from '#shared/kube/status.ts'
import type { Claim } from '#shared/kube/storage.ts'
import { referenceTo } from '../../client/event-recorder.ts'
import { create, event, nothing, type Decision, type Step } from '../framework/action.ts'
import { controllerReference, isControlledBy } from '../framework/support/owner-references.ts'
import type { PodView } from '../framework/support/pods.ts'

export interface Observed {
  readonly pod: PodView
  /** The claim of that name in the pod's namespace. */
  readonly claim: (name: string) => Claim | undefined
}

type PodVolume = NonNullable<NonNullable<PodView['spec']>['volumes']>[number]

/** The type lacks what it is a template for. */
interface Template {
  readonly metadata?: Pick<Frozen<ObjectMeta>, 'labels' | 'annotations'>
  readonly spec: Frozen<PersistentVolumeClaimSpec>
}

export const hasEphemeralVolumes = ({ spec }: PodView): boolean =>
  (spec?.volumes ?? []).some(({ ephemeral }) => ephemeral !== undefined)

/** In the order of the volumes; the first conflict stops the rest. */
export function reconcile({ pod, claim }: Observed): Decision {
  if (pod.metadata?.deletionTimestamp) return nothing
  const steps = (pod.spec?.volumes ?? [])
    .filter(({ ephemeral }) => ephemeral)
    .flatMap((volume) => stepsFor(volume, pod, claim))
  return steps.length ? { steps } : nothing
}

function stepsFor(volume: PodVolume, pod: PodView, claimOf: Observed['claim']): Step[] {
  const { namespace = '', name: podName = '' } = pod.metadata ?? {}
  const name = `${podName}-${volume.name}`
  const failed = (problem: string) =>
    event(referenceTo(pods, pod), 'Warning', 'FailedBinding', `ephemeral volume ${volume.name}: ${problem}`)
  const existing = claimOf(name)
  if (existing && isControlledBy(existing, pod)) return []
  if (existing) {
    const problem = `PVC ${namespace}/${name} was not created for pod ${namespace}/${podName} (pod is not owner)`
    return [failed(problem), { verb: 'fail', error: internal(`ephemeral volume ${volume.name}: ${problem}`) }]
  }
  const { metadata, spec } = (volume.ephemeral as { readonly volumeClaimTemplate: Template }).volumeClaimTemplate
  const made = {
    metadata: {
      namespace,
      name,
      ...(metadata?.labels ? { labels: metadata.labels } : {}),
      ...(metadata?.annotations ? { annotations: metadata.annotations } : {}),
      ownerReferences: [controllerReference(pods, pod)],
    },
    spec,
  }
  const onFailure = ({ message }: Error) => failed(`create PVC ${name}: ${message}`)
  return [create(persistentVolumeClaims, made, { onFailure })]
}
