import type { DaemonSetStatus } from 'kubernetes-types/apps/v1'
import type { Frozen } from '#shared/kube/object.ts'
import { nonZero } from '../framework/support/equality.ts'
import { isPodAvailable, isPodReady } from '../framework/support/pods.ts'
import type { Placement } from './placement.ts'
import { bySeniority } from './pod.ts'

export type Status = Frozen<DaemonSetStatus>

/** Of each node the senior pod counts. `observed`: whether the set was acted upon as it is. */
export function statusOf({ set, places, isUpdated }: Placement, observed: boolean, now: number): Status {
  let desired = 0
  let current = 0
  let misscheduled = 0
  let ready = 0
  let updated = 0
  let available = 0
  for (const { fitness, pods } of places) {
    if (!fitness.run) {
      if (pods.length) misscheduled++
      continue
    }
    desired++
    const pod = pods.length > 1 ? [...pods].sort(bySeniority)[0] : pods[0]
    if (!pod) continue
    current++
    if (isPodReady(pod)) ready++
    if (isPodAvailable(pod, set.spec?.minReadySeconds ?? 0, now)) available++
    if (isUpdated(pod)) updated++
  }
  const { collisionCount, conditions, observedGeneration = 0 } = set.status ?? {}
  return {
    desiredNumberScheduled: desired,
    currentNumberScheduled: current,
    numberMisscheduled: misscheduled,
    numberReady: ready,
    ...nonZero({
      updatedNumberScheduled: updated,
      numberAvailable: available,
      numberUnavailable: desired - available,
      observedGeneration: observed ? (set.metadata?.generation ?? 0) : observedGeneration,
    }),
    ...(collisionCount === undefined ? {} : { collisionCount }),
    // Others' work: this controller sets none.
    ...(conditions ? { conditions } : {}),
  }
}
