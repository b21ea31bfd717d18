import type { DeploymentCondition, DeploymentStatus } from 'kubernetes-types/apps/v1'
import type { Frozen } from '#shared/kube/object.ts'
import { timestamp } from '../../base/clock.ts'
import { findCondition, withCondition, withoutCondition } from '../framework/support/conditions.ts'
import { nonZero } from '../framework/support/equality.ts'
import { maxUnavailable, progressDeadline, replicasOf, sum, type DeploymentView } from './limits.ts'
import { actual, type Rollout } from './rollout.ts'

export type ConditionView = Frozen<DeploymentCondition>
/** With the field that came after the types. */
export type Status = Frozen<DeploymentStatus> & { readonly terminatingReplicas?: number }

export const condition = (
  type: string,
  status: string,
  reason: string,
  message: string,
  now: number,
): ConditionView => ({
  type,
  status,
  reason,
  message,
  lastUpdateTime: timestamp(now),
  lastTransitionTime: timestamp(now),
})

/** A paused deployment makes no progress and must not be blamed for it; a deadline missed before stays missed. */
export function withPause(d: DeploymentView, now: number): readonly ConditionView[] {
  const conditions = d.status?.conditions ?? []
  const progressing = findCondition(conditions, 'Progressing')
  if (progressDeadline(d) === undefined || progressing?.reason === 'ProgressDeadlineExceeded') return conditions
  const noted = progressing?.reason === 'DeploymentPaused'
  if (d.spec?.paused && !noted)
    return withCondition(
      conditions,
      condition('Progressing', 'Unknown', 'DeploymentPaused', 'Deployment is paused', now),
    )
  if (!d.spec?.paused && noted)
    return withCondition(
      conditions,
      condition('Progressing', 'Unknown', 'DeploymentResumed', 'Deployment is resumed', now),
    )
  return conditions
}

/** Counts and availability; `conditions` are those known so far. */
export function countStatus(
  { deployment, all, current }: Rollout,
  conditions: readonly ConditionView[],
  now: number,
): Status {
  const available = sum(all, (draft) => actual(draft, 'availableReplicas'))
  const counted = all.filter(({ before }) => before)
  const terminating = counted.map(({ set }) => (set.status as Status | undefined)?.terminatingReplicas)
  const minimum = replicasOf(deployment) - maxUnavailable(deployment)
  const enough = available >= minimum
  const { collisionCount } = deployment.status ?? {}
  return {
    ...nonZero({
      observedGeneration: deployment.metadata?.generation ?? 0,
      replicas: sum(all, (draft) => actual(draft, 'replicas')),
      updatedReplicas: current ? actual(current, 'replicas') : 0,
      readyReplicas: sum(all, (draft) => actual(draft, 'readyReplicas')),
      availableReplicas: available,
      unavailableReplicas: Math.max(0, sum(all, ({ set }) => replicasOf(set)) - available),
    }),
    terminatingReplicas: sum(terminating, (count) => count ?? 0),
    ...(collisionCount === undefined ? {} : { collisionCount }),
    conditions: withCondition(
      conditions,
      enough
        ? condition('Available', 'True', 'MinimumReplicasAvailable', 'Deployment has minimum availability.', now)
        : condition(
            'Available',
            'False',
            'MinimumReplicasUnavailable',
            'Deployment does not have minimum availability.',
            now,
          ),
    ),
  }
}

export const isComplete = (d: DeploymentView, status: Status): boolean => {
  const wanted = replicasOf(d)
  return (
    (status.updatedReplicas ?? 0) === wanted &&
    (status.replicas ?? 0) === wanted &&
    (status.availableReplicas ?? 0) === wanted &&
    (status.observedGeneration ?? 0) >= (d.metadata?.generation ?? 0)
  )
}

function isProgressing(old: Status | undefined, next: Status): boolean {
  const count = (
    status: Status | undefined,
    field: 'replicas' | 'updatedReplicas' | 'readyReplicas' | 'availableReplicas',
  ) => status?.[field] ?? 0
  const outdated = (status: Status | undefined) => count(status, 'replicas') - count(status, 'updatedReplicas')
  return (
    count(next, 'updatedReplicas') > count(old, 'updatedReplicas') ||
    outdated(next) < outdated(old) ||
    count(next, 'readyReplicas') > count(old, 'readyReplicas') ||
    count(next, 'availableReplicas') > count(old, 'availableReplicas')
  )
}

function hasTimedOut(d: DeploymentView, status: Status, now: number): boolean {
  const progressing = findCondition(status.conditions, 'Progressing')
  const deadline = progressDeadline(d)
  if (deadline === undefined || !progressing || progressing.reason === 'NewReplicaSetAvailable') return false
  if (progressing.reason === 'ProgressDeadlineExceeded') return true
  return Date.parse(progressing.lastUpdateTime ?? '') + deadline < now
}

/** The whole status of a rollout, with its progress judged. Source: pkg/controller/deployment/progress.go. */
export function rolloutStatus(rollout: Rollout, known: readonly ConditionView[], now: number): Status {
  const { deployment, current } = rollout
  const counted = countStatus(rollout, known, now)
  const deadline = progressDeadline(deployment)
  const before = findCondition(known, 'Progressing')
  let conditions: readonly ConditionView[] = counted.conditions ?? []
  if (deadline === undefined) conditions = withoutCondition(conditions, 'Progressing')
  else if (counted.replicas !== counted.updatedReplicas || before?.reason !== 'NewReplicaSetAvailable') {
    const subject = current ? `ReplicaSet "${current.set.metadata?.name}"` : `Deployment "${deployment.metadata?.name}"`
    const progressing = (status: string, reason: string, what: string) =>
      condition('Progressing', status, reason, `${subject} ${what}`, now)
    if (isComplete(deployment, counted))
      conditions = withCondition(
        conditions,
        progressing('True', 'NewReplicaSetAvailable', 'has successfully progressed.'),
      )
    else if (isProgressing(deployment.status, counted)) {
      // The same reason again is news here: it restarts the deadline.
      const next = progressing('True', 'ReplicaSetUpdated', 'is progressing.')
      const since = before?.status === 'True' ? before.lastTransitionTime : undefined
      conditions = [
        ...withoutCondition(conditions, 'Progressing'),
        since ? { ...next, lastTransitionTime: since } : next,
      ]
    } else if (hasTimedOut(deployment, counted, now))
      conditions = withCondition(
        conditions,
        progressing('False', 'ProgressDeadlineExceeded', 'has timed out progressing.'),
      )
  }
  return { ...counted, conditions: withReplicaFailure(rollout, conditions) }
}

/** A failure of the new set, or else of any, is the deployment's. */
function withReplicaFailure({ current, all }: Rollout, conditions: readonly ConditionView[]): readonly ConditionView[] {
  for (const draft of current ? [current, ...all] : all) {
    const failure = findCondition(draft.set.status?.conditions, 'ReplicaFailure')
    if (!failure) continue
    const { type, status, reason = '', message = '', lastTransitionTime = '' } = failure
    return withCondition(conditions, {
      type,
      status,
      reason,
      message,
      lastTransitionTime,
      lastUpdateTime: lastTransitionTime,
    })
  }
  return withoutCondition(conditions, 'ReplicaFailure')
}

/** Milliseconds until the deadline has passed, for a rollout that nothing else may wake; a second more, against skew. */
export function deadlineIn(d: DeploymentView, status: Status, now: number): number | undefined {
  const progressing = findCondition(status.conditions, 'Progressing')
  const deadline = progressDeadline(d)
  if (deadline === undefined || !progressing || progressing.reason === 'ProgressDeadlineExceeded') return undefined
  if (d.spec?.paused || progressing.reason === 'NewReplicaSetAvailable' || isComplete(d, status)) return undefined
  return Math.max(0, Date.parse(progressing.lastUpdateTime ?? '') + deadline - now) + 1000
}
