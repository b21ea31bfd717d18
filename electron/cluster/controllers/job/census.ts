import { isPodReady, type PodView } from '../framework/support/pods.ts'
import { afterPods, finishedAt, type BackoffRecord } from './backoff.ts'
import { judge } from './failure-policy.ts'
import { countIndexes, hasIndex, parseIndexes, withIndexes, type Intervals } from './indexes.ts'
import {
  activePods,
  failureCount,
  ignoredFailureCount,
  indexesOf,
  isPodFailed,
  isTracked,
  terminatingPods,
  uidOf,
  validIndex,
} from './pods.ts'
import { hasLimitPerIndex, isIndexed, specOf, type JobView } from './types.ts'

/** Everything counted once, for the rest of the look. */
export interface Census {
  readonly job: JobView
  readonly pods: readonly PodView[]
  readonly active: readonly PodView[]
  readonly ready: number
  readonly terminating: number
  /** Those counted in status, those about to be, and those that have just ended. */
  readonly succeeded: number
  readonly failed: number
  /** Failures in a row, the new ones included. */
  readonly backoff: BackoffRecord
  readonly indexes: Indexes | undefined
}

export interface Indexes {
  /** As status had it. */
  readonly before: Intervals
  readonly succeeded: Intervals
  /** Undefined without a limit per index. */
  readonly failed: Intervals | undefined
  /**
   * The last failed pod of each index that waits for a successor: kept until that is there, because it alone knows how
   * often the index has failed.
   */
  readonly delayed: ReadonlyMap<number, PodView>
}

export function takeCensus(job: JobView, pods: readonly PodView[], record: BackoffRecord): Census {
  const active = activePods(pods)
  const uncounted = job.status?.uncountedTerminatedPods
  const uncountedSucceeded = new Set(uncounted?.succeeded)
  const uncountedFailed = new Set(uncounted?.failed)
  const eligible = pods.filter((pod) => isTracked(pod) && (!isIndexed(job) || validIndex(pod, job) !== undefined))
  const newSucceeded = eligible.filter(
    (pod) => pod.status?.phase === 'Succeeded' && !uncountedSucceeded.has(uidOf(pod)),
  )
  const newFailed = eligible.filter((pod) => isPodFailed(pod, job) && !uncountedFailed.has(uidOf(pod)))
  const counted = newFailed.filter((pod) => judge(job, pod).counted)
  const indexes = isIndexed(job) ? countByIndex(job, pods, eligible, active) : undefined
  return {
    job,
    pods,
    active,
    ready: active.filter(isPodReady).length,
    terminating: terminatingPods(pods).length,
    succeeded: indexes
      ? countIndexes(indexes.succeeded)
      : (job.status?.succeeded ?? 0) + newSucceeded.length + uncountedSucceeded.size,
    failed: (job.status?.failed ?? 0) + counted.length + uncountedFailed.size,
    backoff: afterPods(record, newSucceeded, newFailed),
    indexes,
  }
}

function countByIndex(
  job: JobView,
  pods: readonly PodView[],
  eligible: readonly PodView[],
  active: readonly PodView[],
): Indexes {
  const { completions = 0 } = specOf(job)
  const before = parseIndexes(job.status?.completedIndexes, completions)
  const ended = eligible.filter(({ status }) => status?.phase === 'Succeeded')
  const succeeded = withIndexes(before, indexesOf(ended))
  if (!hasLimitPerIndex(job)) return { before, succeeded, failed: undefined, delayed: new Map() }
  const failing = eligible.filter((pod) => isIndexFailed(job, pod))
  const failed = withIndexes(parseIndexes(job.status?.failedIndexes, completions), indexesOf(failing))
  return { before, succeeded, failed, delayed: awaitingSuccessor(job, eligible, { succeeded, failed, active }) }
}

function isIndexFailed(job: JobView, pod: PodView): boolean {
  if (!isPodFailed(pod, job)) return false
  const { action, counted } = judge(job, pod)
  return action === 'FailIndex' || (counted && failureCount(pod) >= (job.spec?.backoffLimitPerIndex ?? 0))
}

function awaitingSuccessor(
  job: JobView,
  eligible: readonly PodView[],
  { succeeded, failed, active }: { succeeded: Intervals; failed: Intervals; active: readonly PodView[] },
): Map<number, PodView> {
  const running = new Set(indexesOf(active))
  const latest = new Map<number, PodView>()
  for (const pod of eligible) {
    if (!isPodFailed(pod, job)) continue
    const index = validIndex(pod, job)!
    if (running.has(index) || hasIndex(succeeded, index) || hasIndex(failed, index)) continue
    const other = latest.get(index)
    if (!other || isLater(pod, other)) latest.set(index, pod)
  }
  return latest
}

const failuresAt = (pod: PodView): number => failureCount(pod) + ignoredFailureCount(pod)

const isLater = (pod: PodView, other: PodView): boolean =>
  failuresAt(other) <= failuresAt(pod) && finishedAt(pod) >= finishedAt(other)
