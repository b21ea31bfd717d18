import type { StatefulSetStatus } from 'kubernetes-types/apps/v1'
import type { Frozen } from '#shared/kube/object.ts'
import { nonZero } from '../framework/support/equality.ts'
import { isPodAvailable, isPodReady, type PodView } from '../framework/support/pods.ts'
import { replicasOf, revisionOf, type SetView } from './identity.ts'

export type Status = Frozen<StatefulSetStatus>

/** Names of the revisions that pods are of. */
export interface Revisions {
  /** That all pods were of when the last rollout was complete. */
  readonly current: string
  /** That of the template as it is. */
  readonly update: string
}

export const isRunningAndReady = (pod: PodView): boolean => pod.status?.phase === 'Running' && isPodReady(pod)

/** Does its work: neither going nor too young to be trusted. */
export const isAvailable = (set: SetView, pod: PodView, now: number): boolean =>
  !pod.metadata?.deletionTimestamp && isRunningAndReady(pod) && isPodAvailable(pod, set.spec?.minReadySeconds ?? 0, now)

/** `leaving`: the pods that are deleted for an update by this very decision. */
export function statusOf(
  set: SetView,
  pods: readonly PodView[],
  revisions: Revisions,
  leaving: readonly PodView[],
  now: number,
): Status {
  const ready = pods.filter(isRunningAndReady)
  const staying = pods.filter((pod) => !pod.metadata?.deletionTimestamp)
  const available = ready.filter((pod) => isPodAvailable(pod, set.spec?.minReadySeconds ?? 0, now))
  const of = (revision: string, among: readonly PodView[]) => among.filter((pod) => revisionOf(pod) === revision).length
  const updated = of(revisions.update, staying)
  const done = isComplete(set, { replicas: pods.length, ready: ready.length, updated })
  return {
    replicas: pods.length,
    availableReplicas: available.length,
    ...nonZero({
      readyReplicas: ready.length,
      currentReplicas: done ? updated : of(revisions.current, staying) - of(revisions.current, leaving),
      updatedReplicas: updated,
      observedGeneration: set.metadata?.generation ?? 0,
    }),
    currentRevision: done ? revisions.update : revisions.current,
    updateRevision: revisions.update,
    collisionCount: set.status?.collisionCount ?? 0,
  }
}

/** All pods are of the new revision and ready: from now on it is the one to hold on to. */
const isComplete = (set: SetView, { replicas, ready, updated }: Readonly<Record<string, number>>): boolean =>
  set.spec?.updateStrategy?.type === 'RollingUpdate' &&
  [replicas, ready, updated].every((count) => count === replicasOf(set))
