import type { KubeObject } from '#shared/kube/object.ts'
import { nodes, pods } from '#shared/kube/resources.ts'
import { objectKey, patch, remove, type Decision, type Step } from '../framework/action.ts'
import { disruptionTarget, isPodTerminal, type PodView } from '../framework/support/pods.ts'

/** Pods that have ended are kept for their logs and exit codes, up to so many. */
export const terminatedThreshold = 12_500
/** A node may come back under its name: its pods are orphans only after so many milliseconds. */
export const quarantine = 40_000

const tolerate = (error: { code: number }) => error.code === 404

/** The oldest pods that have ended, as far as they are too many. */
export function collectTerminated(terminated: readonly PodView[]): Decision {
  const excess = terminated.length - terminatedThreshold
  if (excess <= 0) return { steps: [] }
  const created = ({ metadata }: PodView) => `${metadata?.creationTimestamp}/${metadata?.name}`
  const oldest = [...terminated].sort((a, b) => (created(a) < created(b) ? -1 : 1)).slice(0, excess)
  return { steps: oldest.flatMap((pod) => forceDelete(pod)) }
}

/** Pods of a node that the caches do not know. The server has the last word: the node may have come just now. */
export function collectOrphans(nodeName: string, orphans: readonly PodView[], now: number): Decision {
  if (!orphans.length) return { steps: [] }
  return {
    steps: [
      {
        verb: 'read',
        type: nodes,
        key: { name: nodeName },
        then: (node) => (node ? [] : orphans.flatMap((pod) => [...fail(pod, now), ...forceDelete(pod)])),
      },
    ],
  }
}

/** No agent will ever confirm that a pod ended which no node has seen. */
export const collectUnscheduled = (pod: PodView): Decision => ({
  steps: pod.metadata?.deletionTimestamp && !pod.spec?.nodeName ? forceDelete(pod) : [],
})

function fail(pod: PodView, now: number): Step[] {
  if (isPodTerminal(pod)) return []
  const message = 'PodGC: node no longer exists'
  const condition = disruptionTarget(pod, { status: 'True', reason: 'DeletionByPodGC', message }, now)
  const body = { metadata: { uid: pod.metadata?.uid }, status: { phase: 'Failed', conditions: [condition] } }
  return [patch(pods, objectKey(pod as KubeObject), 'strategic', body, { subresource: 'status', tolerate })]
}

const forceDelete = (pod: PodView): Step[] => [
  remove(pods, pod as KubeObject, {
    options: { gracePeriodSeconds: 0, preconditions: { uid: pod.metadata?.uid } },
    tolerate,
  }),
]
