import { jobs } from '#shared/kube/resources.ts'
import { referenceTo } from '../../client/event-recorder.ts'
import { event, updateStatus, type EventAction, type Step } from '../framework/action.ts'
import { nonZero } from '../framework/support/equality.ts'
import type { PodView } from '../framework/support/pods.ts'
import type { Census } from './census.ts'
import { ensureCondition, newCondition, trueCondition } from './conditions.ts'
import { judge } from './failure-policy.ts'
import { countIndexes, formatIndexes, hasIndex, withIndexes } from './indexes.ts'
import { removeFinalizer, type Counts } from './manage.ts'
import { completionIndex, isPodFailed, isTracked, uidOf, validIndex } from './pods.ts'
import { hasLimitPerIndex, isIndexed, specOf, type Condition, type JobView, type Status } from './types.ts'

/** What a look has found out that status must say. */
export interface Findings extends Counts {
  /** Why the job is over, once nothing of it is left to count. */
  readonly verdict: Condition | undefined
  readonly conditions: readonly Condition[]
  readonly startTime: string | undefined
  readonly events: readonly EventAction[]
  /** Called when status has been written: what is in it will not be looked at again. */
  readonly onRecorded: () => void
}

/** So many uids in status at a time: they are long, and other jobs wait. */
const mostUncounted = 500

/**
 * The account of pods that have ended, so that none is lost and none counted twice: their uids are written into
 * status, then their finalizers go, then the uids of those without one become numbers. Whatever comes between, the
 * next look goes on from status and finalizers alone.
 * Source: trackJobStatusAndRemoveFinalizers, pkg/controller/job/job_controller.go.
 */
export function track(census: Census, findings: Findings, now: number): Step[] {
  const { job, pods } = census
  const held = new Set(pods.filter(isTracked).map(uidOf))
  const { startTime: _, ...rest } = job.status ?? {}
  const settled = settle(
    {
      ...rest,
      ...(findings.startTime === undefined ? {} : { startTime: findings.startTime }),
      conditions: [...findings.conditions],
    },
    held,
  )
  const tally = tallyOf(census, settled.status, findings.verdict)
  const { interim, final } = endOf(job, findings.verdict, now)
  const conditions = interim ? [...findings.conditions, interim] : findings.conditions
  const status: Status = { ...tally.status, ...countsOf(findings), conditions }
  const write = settled.changed || tally.changed || interim !== undefined || showsChange(job, findings)
  const outlook = { held, releasable: tally.releasable, final: tally.complete ? final : undefined, now }
  if (!write) return release({ ...job, status }, outlook)
  return [
    updateStatus(
      jobs,
      { ...job, status: presentable(status) },
      {
        then(answer) {
          findings.onRecorded()
          return [...findings.events, ...release(answer as JobView, outlook)]
        },
      },
    ),
  ]
}

const countsOf = ({ active, ready, terminating }: Counts) => ({ active, ready, terminating })

const showsChange = ({ status }: JobView, { active, ready, terminating, conditions, startTime }: Findings): boolean =>
  active !== (status?.active ?? 0) ||
  ready !== status?.ready ||
  terminating !== status.terminating ||
  startTime !== status.startTime ||
  conditions !== (status.conditions ?? none)

/** Shared, so that conditions that did not change are the same list. */
export const none: readonly Condition[] = []

/** Uids of pods without a finalizer become numbers. */
function settle(status: Status, held: ReadonlySet<string>): { status: Status; changed: boolean } {
  const { succeeded = [], failed = [] } = status.uncountedTerminatedPods ?? {}
  const left = { succeeded: succeeded.filter((uid) => held.has(uid)), failed: failed.filter((uid) => held.has(uid)) }
  const [more, worse] = [succeeded.length - left.succeeded.length, failed.length - left.failed.length]
  const counted = {
    ...status,
    succeeded: (status.succeeded ?? 0) + more,
    failed: (status.failed ?? 0) + worse,
    uncountedTerminatedPods: left,
  }
  return { status: counted, changed: more + worse > 0 }
}

interface Tally {
  readonly status: Status
  readonly changed: boolean
  readonly releasable: readonly PodView[]
  /** False when there were more pods than may be dealt with at once. */
  readonly complete: boolean
}

/** Adds the pods that have ended to the uncounted, and says whose finalizers may go when that is written. */
function tallyOf(census: Census, status: Status, verdict: Condition | undefined): Tally {
  const { job, pods, indexes } = census
  const { succeeded: known = [], failed: knownFailed = [] } = status.uncountedTerminatedPods ?? {}
  const [succeeded, failed] = [new Set(known), new Set(knownFailed)]
  const releasable: PodView[] = []
  const newIndexes: number[] = []
  let complete = true
  for (const pod of isIndexed(job) ? byIndex(pods) : pods) {
    if (!isTracked(pod) || !mayRelease(census, pod, verdict)) continue
    releasable.push(pod)
    const uid = uidOf(pod)
    const index = validIndex(pod, job)
    const counts = !isIndexed(job) || index !== undefined
    if (pod.status?.phase === 'Succeeded' && !failed.has(uid)) {
      if (!indexes) succeeded.add(uid)
      else if (index !== undefined && !hasIndex(indexes.before, index)) newIndexes.push(index)
    } else if (counts && endsAsFailure(job, pod, verdict) && judge(job, pod).counted) failed.add(uid)
    if (newIndexes.length + succeeded.size + failed.size < mostUncounted) continue
    complete = false
    break
  }
  const uncountedTerminatedPods = { succeeded: [...succeeded], failed: [...failed] }
  const changed = succeeded.size > known.length || failed.size > knownFailed.length
  const counted = { ...status, uncountedTerminatedPods }
  if (!indexes) return { status: counted, changed, releasable, complete }
  const intervals = withIndexes(indexes.succeeded, newIndexes)
  const completedIndexes = formatIndexes(intervals)
  const failedIndexes = indexes.failed && formatIndexes(indexes.failed)
  return {
    status: {
      ...counted,
      succeeded: countIndexes(intervals),
      completedIndexes,
      ...(failedIndexes === undefined ? {} : { failedIndexes }),
    },
    changed:
      changed ||
      newIndexes.length > 0 ||
      completedIndexes !== (status.completedIndexes ?? '') ||
      failedIndexes !== status.failedIndexes,
    releasable,
    complete,
  }
}

const byIndex = (pods: readonly PodView[]): readonly PodView[] =>
  [...pods].sort((a, b) => (completionIndex(a) ?? -1) - (completionIndex(b) ?? -1))

/** A pod that has failed stays as long as only it knows how often its index has. */
function mayRelease({ job, indexes }: Census, pod: PodView, verdict: Condition | undefined): boolean {
  if (job.metadata?.deletionTimestamp || verdict || pod.status?.phase === 'Succeeded') return true
  if (!isPodFailed(pod, job)) return false
  const index = completionIndex(pod)
  return (
    !hasLimitPerIndex(job) || index === undefined || indexes?.delayed.get(index)?.metadata?.uid !== pod.metadata?.uid
  )
}

/** When the job has failed, every pod that had not ended counts as failed with it. */
const endsAsFailure = (job: JobView, pod: PodView, verdict: Condition | undefined): boolean =>
  isPodFailed(pod, job) || (verdict !== undefined && verdict.type !== 'SuccessCriteriaMet')

/** The condition that says that the job is about to end, where it is new, and the one that says that it has. */
function endOf(
  job: JobView,
  verdict: Condition | undefined,
  now: number,
): { interim?: Condition | undefined; final?: Condition } {
  if (!verdict) return {}
  const { type, reason, message } = verdict
  if (type === 'FailureTarget') return { interim: verdict, final: newCondition('Failed', { reason, message }, now) }
  if (type !== 'SuccessCriteriaMet') return { final: verdict }
  const interim = trueCondition(job, 'SuccessCriteriaMet') ? undefined : verdict
  return { interim, final: newCondition('Complete', { reason, message }, now) }
}

interface Outlook {
  readonly held: ReadonlySet<string>
  readonly releasable: readonly PodView[]
  readonly final: Condition | undefined
  readonly now: number
}

/** `stored` is the job with the status that names all these pods. */
function release(stored: JobView, { held, releasable, final, now }: Outlook): Step[] {
  const released = new Map(
    releasable.map((pod) => [
      { ...removeFinalizer(pod), tolerate: (error: { code: number }) => error.code === 404 },
      pod,
    ]),
  )
  const conclude = (done: ReadonlySet<unknown>): Step[] => {
    const rest = new Set(held)
    for (const [action, pod] of released) if (done.has(action)) rest.delete(uidOf(pod))
    const { status, changed } = settle(stored.status ?? {}, rest)
    const all = done.size === released.size
    const end = all && final && isSettled(status) ? final : undefined
    if (!end) return changed ? [updateStatus(jobs, { ...stored, status: presentable(status) })] : []
    return [
      updateStatus(
        jobs,
        { ...stored, status: presentable(withEnd(status, end, now)) },
        { then: () => farewell(stored, status, end) },
      ),
    ]
  }
  if (!released.size) return conclude(new Set())
  return [{ verb: 'batch', pace: 'parallel', actions: [...released.keys()], conclude }]
}

/** Nothing is left to count, and no pod is still on its way out. */
const isSettled = ({ uncountedTerminatedPods: uncounted, terminating = 0 }: Status): boolean =>
  !uncounted?.succeeded?.length && !uncounted?.failed?.length && terminating === 0

const withEnd = (status: Status, end: Condition, now: number): Status => ({
  ...status,
  conditions: ensureCondition(status.conditions ?? none, newCondition(end.type as 'Complete' | 'Failed', end, now)),
  ...(end.type === 'Complete' && end.lastTransitionTime ? { completionTime: end.lastTransitionTime } : {}),
})

function farewell(
  job: JobView,
  { succeeded = 0 }: Status,
  { type, reason = '', message = '' }: Condition,
): EventAction[] {
  const about = referenceTo(jobs, job)
  if (type !== 'Complete') return [event(about, 'Warning', reason, message)]
  const { completions } = specOf(job)
  const tooMany = 'Too many succeeded pods running after completion count reached'
  return [
    ...(completions !== undefined && succeeded > completions
      ? [event(about, 'Warning', 'TooManySucceededPods', tooMany)]
      : []),
    event(about, 'Normal', 'Completed', 'Job completed'),
  ]
}

/** As the API answers it: without counts of zero, but with the zeros that mean "counted". */
function presentable({ active = 0, succeeded = 0, failed = 0, completedIndexes, ...rest }: Status): Status {
  const { succeeded: good = [], failed: bad = [] } = rest.uncountedTerminatedPods ?? {}
  return {
    ...rest,
    ...nonZero({ active, succeeded, failed }),
    ...(completedIndexes ? { completedIndexes } : {}),
    uncountedTerminatedPods: { ...(good.length ? { succeeded: good } : {}), ...(bad.length ? { failed: bad } : {}) },
  }
}
