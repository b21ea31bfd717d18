import type { KubeObject } from '#shared/kube/object.ts'
import { pods } from '#shared/kube/resources.ts'
import { referenceTo } from '../../client/event-recorder.ts'
import { event, nothing, objectKey, patch, remove, type Decision } from '../framework/action.ts'
import { disruptionTarget, type PodView } from '../framework/support/pods.ts'
import { toleratedFor, type TaintView } from '../framework/support/taints.ts'

export interface Observed {
  readonly pod: PodView
  /** The NoExecute taints of its node. */
  readonly taints: readonly TaintView[]
  /** Since when it has been under such taints, in milliseconds since the epoch. */
  readonly since: number
}

/** Deletes a pod when it has been under taints for longer than it tolerates. */
export function reconcile({ pod, taints, since }: Observed, now: number): Decision {
  if (!taints.length || pod.metadata?.deletionTimestamp) return nothing
  const left = since + toleratedFor(pod.spec?.tolerations, taints) - now
  if (left === Infinity) return nothing
  return left > 0 ? { steps: [], requeueAfter: left } : evict(pod, now)
}

function evict(pod: PodView, now: number): Decision {
  const { namespace, name, uid } = pod.metadata ?? {}
  const tolerate = (error: { code: number }) => error.code === 404
  const message = 'Taint manager: deleting due to NoExecute taint'
  const condition = disruptionTarget(pod, { status: 'True', reason: 'DeletionByTaintManager', message }, now)
  const body = { metadata: { uid }, status: { conditions: [condition] } }
  return {
    steps: [
      event(referenceTo(pods, pod), 'Normal', 'TaintManagerEviction', `Marking for deletion Pod ${namespace}/${name}`),
      patch(pods, objectKey(pod as KubeObject), 'strategic', body, { subresource: 'status', tolerate }),
      remove(pods, pod as KubeObject, { options: { preconditions: { uid } }, tolerate }),
    ],
  }
}
