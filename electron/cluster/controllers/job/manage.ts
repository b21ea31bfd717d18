import type { KubeObject } from '#shared/kube/object.ts'
import { jobs, pods as podType } from '#shared/kube/resources.ts'
import { objectKey, patch, type Batch, type PatchAction, type WriteAction } from '../framework/action.ts'
import { deletePod } from '../framework/support/pod-template.ts'
import { isPodReady, type PodView } from '../framework/support/pods.ts'
import { waitOf, waitOfIndex } from './backoff.ts'
import type { Census, Indexes } from './census.ts'
import { firstFree, mergeIndexes, withIndexes } from './indexes.ts'
import { indexesOf, isTracked, terminatingPods, trackingFinalizer } from './pods.ts'
import { podsToRemove } from './removal.ts'
import { createJobPod } from './template.ts'
import { hasLimitPerIndex, isSuspended, replacesFailedOnly, specOf, type JobView } from './types.ts'

/** As status will show them. */
export interface Counts {
  readonly active: number
  readonly ready: number
  readonly terminating: number
}

export interface Change {
  readonly batch?: Omit<Batch, 'conclude'>
  /** What is there once these of the batch have succeeded. */
  readonly after: (done: ReadonlySet<WriteAction>) => Counts
  /** Nothing is created for so many milliseconds, because pods have failed. */
  readonly wait?: number
}

/** The most pods created or deleted in one go. */
const burst = 500

/** Brings the number of active pods to what the job asks for: by creating or by deleting, never both at once. */
export function manage(census: Census, now: number): Change {
  const { job, active } = census
  const surplus = isSuspended(job) ? active.length : Math.max(0, active.length - wantedOf(census))
  const doomed = podsToRemove(job, active, surplus)
  if (doomed.length) {
    const some = isSuspended(job) ? doomed : doomed.slice(0, burst)
    return deletion(census, some, (pod) => (isTracked(pod) ? release(job, pod) : deletePod(jobs, job, pod)))
  }
  return isSuspended(job) ? nothing(census) : creation(census, now)
}

/** The job is ending: its pods go, but keep their finalizers until they have been counted. */
export const removeAll = (census: Census): Change =>
  census.active.length ? deletion(census, census.active, (pod) => deletePod(jobs, census.job, pod)) : nothing(census)

export const nothing = ({ active, ready, terminating }: Census): Change => ({
  after: () => ({ active: active.length, ready, terminating }),
})

function wantedOf({ job, active, succeeded }: Census): number {
  const { parallelism = 1, completions } = specOf(job)
  // A work queue: its pods find out for themselves when the work is done, and then no new ones begin.
  if (completions === undefined) return succeeded > 0 ? active.length : parallelism
  return Math.max(0, Math.min(completions - succeeded, parallelism))
}

function deletion(census: Census, doomed: readonly PodView[], removal: (pod: PodView) => WriteAction): Change {
  const podOf = new Map(doomed.map((pod) => [removal(pod), pod]))
  const { active, ready, terminating } = census
  return {
    batch: { verb: 'batch', pace: 'parallel', actions: [...podOf.keys()] },
    after: (done) => ({
      active: active.length - done.size,
      ready: ready - [...done].filter((action) => isPodReady(podOf.get(action)!)).length,
      terminating: terminating + done.size,
    }),
  }
}

/**
 * Pods that are deleted because they are too many are nobody's failure, and not counted: unless they have ended
 * meanwhile, and the cache does not show it yet. Then this fails, and the next look counts them.
 */
const release = (job: JobView, pod: PodView): PatchAction => ({
  ...removeFinalizer(pod, { resourceVersion: pod.metadata?.resourceVersion ?? '' }),
  tolerate: (error) => error.code === 404,
  then: () => [deletePod(jobs, job, pod)],
})

/** `metadata`: further conditions on the pod. */
export const removeFinalizer = (pod: PodView, metadata: { resourceVersion?: string } = {}): PatchAction =>
  patch(podType, objectKey(pod as KubeObject), 'strategic', {
    metadata: { uid: pod.metadata?.uid, ...metadata, '$deleteFromPrimitiveList/finalizers': [trackingFinalizer] },
  })

function creation(census: Census, now: number): Change {
  const { job, active, ready, terminating, backoff, indexes } = census
  const leaving = replacesFailedOnly(job) ? terminating : 0
  const missing = Math.min(burst, wantedOf(census) - leaving - active.length)
  if (missing <= 0) return nothing(census)
  const wait = hasLimitPerIndex(job) ? 0 : waitOf(backoff, now)
  if (wait > 0) return { ...nothing(census), wait }
  const chosen = indexes && chooseIndexes(census, indexes, missing, now)
  if (chosen?.wait) return { ...nothing(census), wait: chosen.wait }
  const actions = chosen
    ? chosen.now.map((index) => createJobPod(census, index))
    : Array.from({ length: missing }, () => createJobPod(census, undefined))
  if (!actions.length) return nothing(census)
  return {
    batch: { verb: 'batch', pace: 'slow-start', actions },
    after: (done) => ({ active: active.length + done.size, ready, terminating }),
  }
}

/** The lowest indexes that nobody works on: of those that may begin now, or how long until the first may. */
function chooseIndexes(
  { job, pods, active }: Census,
  { succeeded, failed, delayed }: Indexes,
  count: number,
  now: number,
): { now: readonly number[]; wait: number } {
  const leaving = replacesFailedOnly(job) ? terminatingPods(pods) : []
  const taken = withIndexes(succeeded, [...indexesOf(active), ...indexesOf(leaving)])
  const free = firstFree(mergeIndexes(taken, failed ?? []), count, specOf(job).completions ?? 0)
  if (!failed) return { now: free, wait: 0 }
  const waits = free.map((index) => waitOfIndex(delayed.get(index), now))
  const ready = free.filter((_, at) => waits[at] === 0)
  return { now: ready, wait: ready.length || !waits.length ? 0 : Math.min(...waits) }
}
