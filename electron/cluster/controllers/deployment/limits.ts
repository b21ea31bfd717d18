import type { Deployment, ReplicaSet } from 'kubernetes-types/apps/v1'
import type { Frozen } from '#shared/kube/object.ts'
import { scaledIntOrPercent } from '#shared/kube/int-or-string.ts'

export type DeploymentView = Frozen<Deployment>
export type SetView = Frozen<ReplicaSet>

/** What int32 fields hold when they mean "without limit". */
const unlimited = 2_147_483_647

export const replicasOf = (object: { readonly spec?: { readonly replicas?: number } }): number =>
  object.spec?.replicas ?? 1

export const isRolling = (d: DeploymentView): boolean => d.spec?.strategy?.type !== 'Recreate'

/** Surge is rounded up and unavailability down; when both come to 0, one pod may be unavailable, or nothing would move. */
function fenceposts(d: DeploymentView): { surge: number; unavailable: number } {
  const { maxSurge = '25%', maxUnavailable = '25%' } = d.spec?.strategy?.rollingUpdate ?? {}
  const surge = scaledIntOrPercent(maxSurge as number | string, replicasOf(d), true)
  const unavailable = scaledIntOrPercent(maxUnavailable as number | string, replicasOf(d), false)
  return { surge, unavailable: surge === 0 && unavailable === 0 ? 1 : unavailable }
}

export const maxSurge = (d: DeploymentView): number => (isRolling(d) ? fenceposts(d).surge : 0)

export const maxUnavailable = (d: DeploymentView): number =>
  isRolling(d) && replicasOf(d) > 0 ? Math.min(fenceposts(d).unavailable, replicasOf(d)) : 0

/** Milliseconds without progress that are a failure; undefined without a deadline. */
export function progressDeadline(d: DeploymentView): number | undefined {
  const seconds = d.spec?.progressDeadlineSeconds
  return seconds === undefined || seconds === unlimited ? undefined : seconds * 1000
}

export function revisionHistoryLimit(d: DeploymentView): number | undefined {
  const limit = d.spec?.revisionHistoryLimit
  return limit === unlimited ? undefined : limit
}

/** Older before newer; within a second, by name. */
export function byCreation(a: SetView, b: SetView): number {
  const left = a.metadata?.creationTimestamp ?? ''
  const right = b.metadata?.creationTimestamp ?? ''
  if (left !== right) return left < right ? -1 : 1
  return (a.metadata?.name ?? '') < (b.metadata?.name ?? '') ? -1 : 1
}

export const sum = <T>(items: readonly T[], value: (item: T) => number): number =>
  items.reduce((total, item) => total + value(item), 0)
