import type { ContainerStatus } from 'kubernetes-types/core/v1'
import type { Frozen } from '#shared/kube/object.ts'
import { podCondition, type PodView } from '../framework/support/pods.ts'
import { failureCount, ignoredFailureCount } from './pods.ts'

/** Failures in a row, and when the last of them was (milliseconds). */
export interface BackoffRecord {
  readonly failures: number
  readonly last: number
}

export const noFailures: BackoffRecord = { failures: 0, last: 0 }

/** The first wait after a failure and the longest, in milliseconds. */
const initial = 10_000
const longest = 600_000

/** The record after these pods have ended: a success forgets all failures before it. */
export function afterPods(
  record: BackoffRecord,
  succeeded: readonly PodView[],
  failed: readonly PodView[],
): BackoffRecord {
  const failures = failed.map(finishedAt)
  if (!succeeded.length) {
    if (!failures.length) return record
    return { failures: record.failures + failures.length, last: Math.max(...failures) }
  }
  const lastSuccess = Math.max(...succeeded.map(finishedAt))
  const since = failures.filter((at) => at > lastSuccess)
  return since.length ? { failures: since.length, last: Math.max(...since) } : noFailures
}

/** Milliseconds until the next pod may be made. */
export function waitOf({ failures, last }: BackoffRecord, now: number): number {
  if (failures === 0) return 0
  const delay = Math.min(longest, initial * 2 ** Math.min(failures - 1, 30))
  return Math.max(0, delay - (now - last))
}

/** The same for one index, of which the last failed pod is known. */
export const waitOfIndex = (lastFailed: PodView | undefined, now: number): number =>
  lastFailed
    ? waitOf(
        { failures: failureCount(lastFailed) + ignoredFailureCount(lastFailed) + 1, last: finishedAt(lastFailed) },
        now,
      )
    : 0

/**
 * When the pod ended, in milliseconds: its last container, or as the best guess the time when it became unready, was
 * deleted or was made. Sidecars end after the others. Source: getFinishedTime, pkg/controller/job/backoff_utils.go.
 */
export function finishedAt(pod: PodView): number {
  const unready = podCondition(pod, 'Ready')
  const { deletionTimestamp, deletionGracePeriodSeconds = 0, creationTimestamp = '' } = pod.metadata ?? {}
  return (
    lastExit(pod) ??
    (unready?.status === 'False' && unready.lastTransitionTime ? Date.parse(unready.lastTransitionTime) : undefined) ??
    (deletionTimestamp === undefined
      ? Date.parse(creationTimestamp) || 0
      : Date.parse(deletionTimestamp) - deletionGracePeriodSeconds * 1000)
  )
}

/** Undefined when any container still runs, or none is known. */
function lastExit({ spec, status }: PodView): number | undefined {
  const sidecars = new Set(
    (spec?.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === 'Always').map(({ name }) => name),
  )
  const statuses: readonly Frozen<ContainerStatus>[] = [
    ...(status?.containerStatuses ?? []),
    ...(status?.initContainerStatuses ?? []).filter(({ name }) => sidecars.has(name)),
  ]
  const exits = statuses.map(({ state }) => Date.parse(state?.terminated?.finishedAt ?? ''))
  return exits.length && !exits.some(Number.isNaN) ? Math.max(...exits) : undefined
}
