import { jobs, pods } from '#shared/kube/resources.ts'
import { selectorOf } from '#shared/kube/selectors.ts'
import { timestamp } from '../../base/clock.ts'
import { referenceTo } from '../../client/event-recorder.ts'
import { event, type Decision, type EventAction, type Step } from '../framework/action.ts'
import { claim } from '../framework/claim.ts'
import type { PodView } from '../framework/support/pods.ts'
import type { BackoffRecord } from './backoff.ts'
import { takeCensus, type Census } from './census.ts'
import { ensureCondition, newCondition } from './conditions.ts'
import { manage, nothing, removeAll, type Counts } from './manage.ts'
import { isTracked, trackingFinalizer } from './pods.ts'
import { none, track, type Findings } from './track.ts'
import { isSuspended, specOf, type Condition, type JobView } from './types.ts'
import { deadlineIn, verdictOf } from './verdict.ts'

export interface Observed {
  readonly job: JobView
  /** Pods that the job controls and those of its namespace that nobody does. */
  readonly candidates: readonly PodView[]
  /** Failures in a row before this look. */
  readonly backoff: BackoffRecord
  /** Called when status has been written with all that this record counts. */
  readonly remember: (backoff: BackoffRecord) => void
}

/** Milliseconds of rest per pod: with many, a burst of events is one look and one write of status. */
const restPerPod = 0.1
const longestRest = 1000

/** For jobs that are not over. */
export function reconcile({ job, candidates, backoff, remember }: Observed, now: number): Decision {
  const { completionMode = 'NonIndexed' } = specOf(job)
  if (completionMode !== 'NonIndexed' && completionMode !== 'Indexed') {
    const message = 'Skipped Job sync because completion mode is unknown'
    return { steps: [event(referenceTo(jobs, job), 'Warning', 'UnknownCompletionMode', message)] }
  }
  const owner = { type: jobs, object: job, selector: selectorOf(job.spec?.selector), finalizers: [trackingFinalizer] }
  const claimed = claim(owner, pods, candidates)
  const census = takeCensus(
    job,
    claimed.owned.map((pod) => asAdopted(job, pod)),
    backoff,
  )
  const verdict = verdictOf(census, now)
  const managed = !verdict && !job.metadata?.deletionTimestamp
  const change = verdict ? removeAll(census) : managed ? manage(census, now) : nothing(census)
  const conclude = (counts: Counts): Step[] => {
    // As long as pods that should go may still run, the job is not over.
    const over = verdict && counts.active > 0 ? undefined : (verdict ?? completion(census, counts, now))
    const findings = { ...counts, verdict: over, ...lifeOf(census, managed && !over, now) }
    return track(census, { ...findings, onRecorded: () => remember(census.backoff) }, now)
  }
  const { batch } = change
  return {
    steps: [
      ...claimed.steps,
      ...(batch
        ? [{ ...batch, conclude: (done: Parameters<typeof change.after>[0]) => conclude(change.after(done)) }]
        : conclude(change.after(new Set()))),
    ],
    ...nextLook(job, change.wait, now),
    rest: Math.min(longestRest, Math.trunc(census.pods.length * restPerPod)),
  }
}

/** What the adoption that is part of this look will have done. */
function asAdopted(job: JobView, pod: PodView): PodView {
  const owned = pod.metadata?.ownerReferences?.some(({ uid }) => uid === job.metadata?.uid)
  if (owned || isTracked(pod)) return pod
  return { ...pod, metadata: { ...pod.metadata, finalizers: [...(pod.metadata?.finalizers ?? []), trackingFinalizer] } }
}

/** All that had to succeed has, and nothing runs. */
function completion({ job, succeeded }: Census, { active }: Counts, now: number): Condition | undefined {
  const { completions = 1 } = specOf(job)
  if (active > 0 || succeeded < completions) return undefined
  const message = 'Reached expected number of succeeded pods'
  return newCondition('SuccessCriteriaMet', { reason: 'CompletionsReached', message }, now)
}

/**
 * When the job began, and whether it is suspended: `current` when this look has acted on it. A job that is suspended has
 * not begun: it begins when it is resumed, and its deadline is counted from there.
 */
function lifeOf({ job }: Census, current: boolean, now: number): Pick<Findings, 'conditions' | 'startTime' | 'events'> {
  const conditions: readonly Condition[] = job.status?.conditions ?? none
  const startTime = job.status?.startTime ?? (isSuspended(job) ? undefined : timestamp(now))
  if (!current) return { conditions, startTime, events: [] }
  const [status, reason, message, word] = isSuspended(job)
    ? (['True', 'JobSuspended', 'Job suspended', 'Suspended'] as const)
    : (['False', 'JobResumed', 'Job resumed', 'Resumed'] as const)
  const changed = ensureCondition(conditions, newCondition('Suspended', { status, reason, message }, now))
  const isNew = changed !== conditions
  const events: EventAction[] = isNew ? [event(referenceTo(jobs, job), 'Normal', word, message)] : []
  return { conditions: changed, startTime: isSuspended(job) ? undefined : isNew ? timestamp(now) : startTime, events }
}

/** No event tells that a deadline has passed or a back-off is over. */
function nextLook(job: JobView, wait: number | undefined, now: number): { requeueAfter?: number } {
  const waits = [wait, deadlineIn(job, now)].filter((each) => each !== undefined && each > 0) as number[]
  return waits.length ? { requeueAfter: Math.min(...waits) } : {}
}
