import type { CronJobStatus } from 'kubernetes-types/batch/v1'
import type { ObjectReference } from 'kubernetes-types/core/v1'
import type { Frozen, KubeObject } from '#shared/kube/object.ts'
import { cronJobs, jobs } from '#shared/kube/resources.ts'
import { parseSchedule, ScheduleError } from '#shared/kube/schedule/parse.ts'
import { utc, zoneNamed } from '#shared/kube/schedule/zone.ts'
import type { StatusError } from '#shared/kube/status.ts'
import { timestamp } from '../../base/clock.ts'
import { referenceTo } from '../../client/event-recorder.ts'
import { create, event, remove, updateStatus, type Decision, type EventAction, type Step } from '../framework/action.ts'
import { equal } from '../framework/support/equality.ts'
import { isControlledBy } from '../framework/support/owner-references.ts'
import { beyondHistory, endOf, type JobView } from './jobs.ts'
import { jobFor, jobName, scheduledAt } from './template.ts'
import { dueTime, InvalidScheduleError, nextLook, type CronJobView, type Timetable } from './times.ts'

type Status = Frozen<CronJobStatus>
type Reference = Frozen<ObjectReference>

export interface Observed {
  readonly cronJob: CronJobView
  /** The jobs that it controls. */
  readonly children: readonly JobView[]
  /** Uids of those in its list of active jobs that the server does not have any more. */
  readonly missing: ReadonlySet<string>
}

export function reconcile({ cronJob, children, missing }: Observed, now: number): Decision {
  const { successfulJobsHistoryLimit: successful, failedJobsHistoryLimit: failed } = cronJob.spec ?? {}
  const old = beyondHistory(children, { successful, failed })
  const reviewed = review(cronJob, children, new Set([...missing, ...old.map(uidOf)]), missing)
  const { steps, requeueAfter } = start(cronJob, reviewed.status, now)
  return {
    steps: [...old.flatMap((job) => deletion(cronJob, job)), ...reviewed.events, ...steps],
    ...(requeueAfter === undefined ? {} : { requeueAfter }),
  }
}

const uidOf = ({ metadata }: JobView): string => metadata?.uid ?? ''

const activeIn = (status: Status, uid: string): boolean => status.active?.some((each) => each.uid === uid) ?? false

const withoutActive = (status: Status, gone: (reference: Reference) => boolean): Status => ({
  ...status,
  active: (status.active ?? []).filter((each) => !gone(each)),
})

const tell = (cronJob: CronJobView, type: 'Normal' | 'Warning', reason: string, message: string): EventAction =>
  event(referenceTo(cronJobs, cronJob), type, reason, message)

/** What has become of the jobs since the last look. */
function review(
  cronJob: CronJobView,
  children: readonly JobView[],
  gone: ReadonlySet<string>,
  missing: ReadonlySet<string>,
): { status: Status; events: EventAction[] } {
  const before = cronJob.status ?? {}
  const events: EventAction[] = []
  let status: Status = withoutActive(before, ({ uid = '' }) => gone.has(uid))
  for (const job of children) {
    const { name } = job.metadata ?? {}
    const end = endOf(job)
    const listed = activeIn(status, uidOf(job))
    if (!end && !listed) {
      events.push(
        tell(cronJob, 'Warning', 'UnexpectedJob', `Saw a job that the controller did not create or forgot: ${name}`),
      )
      status = takenUpAgain(status, job)
    }
    if (end && listed) {
      status = withoutActive(status, ({ uid }) => uid === job.metadata?.uid)
      events.push(tell(cronJob, 'Normal', 'SawCompletedJob', `Saw completed job: ${name}, condition: ${end}`))
    }
    const { completionTime } = job.status ?? {}
    const { lastSuccessfulTime } = status
    if (
      end === 'Complete' &&
      completionTime &&
      !(lastSuccessfulTime && Date.parse(lastSuccessfulTime) >= Date.parse(completionTime))
    )
      status = { ...status, lastSuccessfulTime: completionTime }
  }
  for (const { uid = '', name } of before.active ?? [])
    if (missing.has(uid)) events.push(tell(cronJob, 'Normal', 'MissingJob', `Active job went missing: ${name}`))
  return { status, events }
}

/**
 * A job that the schedule made counts as running though what was to be written of it was lost: else the next would run
 * beside it where that is forbidden. (Upstream leaves it out, and so it would.)
 */
function takenUpAgain(status: Status, job: JobView): Status {
  const time = Date.parse(job.metadata?.annotations?.[scheduledAt] ?? '')
  if (Number.isNaN(time)) return status
  const last = Math.max(time, Date.parse(status.lastScheduleTime ?? '') || 0)
  return {
    ...status,
    active: [...(status.active ?? []), referenceTo(jobs, job)],
    lastScheduleTime: timestamp(last),
  }
}

/** Starts the job that is due, when it may; in any case what was found out is written down. */
function start(cronJob: CronJobView, status: Status, now: number): { steps: Step[]; requeueAfter?: number } {
  const rest = (...events: EventAction[]) => ({ steps: [...events, ...save(cronJob, status)] })
  const { spec, metadata } = cronJob
  if (metadata?.deletionTimestamp) return rest()
  const timetable = timetableOf(cronJob)
  if ('verb' in timetable) return rest(timetable)
  if (spec?.suspend) return rest()
  const later = (...events: EventAction[]) => ({
    ...rest(...events),
    requeueAfter: nextLook({ ...cronJob, status }, timetable, now),
  })
  const found = findDue(cronJob, timetable, now)
  if ('verb' in found) return rest(found)
  const { due, tooManyMissed } = found
  if (due === undefined) return later()
  const events = tooManyMissed ? [tell(cronJob, 'Warning', 'TooManyMissedTimes', tooManyMissedText)] : []
  const { startingDeadlineSeconds: deadline, concurrencyPolicy } = spec ?? {}
  if (deadline !== undefined && due + deadline * 1000 < now) {
    const text = `Missed scheduled time to start a job: ${new Date(due).toUTCString().replace('GMT', '+0000')}`
    return later(...events, tell(cronJob, 'Warning', 'MissSchedule', text))
  }
  if (status.active?.some(({ name }) => name === jobName(cronJob, due))) return later(...events)
  if (concurrencyPolicy === 'Forbid' && status.active?.length) {
    const text = 'Not starting job because prior execution is running and concurrency policy is Forbid'
    return later(...events, tell(cronJob, 'Normal', 'JobAlreadyActive', text))
  }
  const launch = (current: Status) => creation(cronJob, current, timetable, due)
  const steps =
    concurrencyPolicy === 'Replace' ? replacement(cronJob, status, status.active ?? [], launch) : launch(status)
  return {
    steps: [...events, ...steps],
    requeueAfter: nextLook({ ...cronJob, status: { ...status, lastScheduleTime: timestamp(due) } }, timetable, now),
  }
}

const tooManyMissedText =
  'too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check clock skew'

/** Or the event that says why there is none. */
export function timetableOf(cronJob: CronJobView): Timetable | EventAction {
  const { timeZone, schedule = '' } = cronJob.spec ?? {}
  const zone = timeZone === undefined ? utc : zoneNamed(timeZone)
  if (!zone) {
    const text = `invalid timeZone: ${JSON.stringify(timeZone)}: unknown time zone ${timeZone}`
    return tell(cronJob, 'Warning', 'UnknownTimeZone', text)
  }
  try {
    return { schedule: parseSchedule(schedule), zone }
  } catch (error) {
    if (!(error instanceof ScheduleError)) throw error
    const text = `unparseable schedule: ${JSON.stringify(schedule)} : ${error.message}`
    return tell(cronJob, 'Warning', 'UnparseableSchedule', text)
  }
}

function findDue(cronJob: CronJobView, timetable: Timetable, now: number): ReturnType<typeof dueTime> | EventAction {
  try {
    return dueTime(cronJob, timetable, now)
  } catch (error) {
    if (!(error instanceof InvalidScheduleError)) throw error
    const text = `invalid schedule: ${cronJob.spec?.schedule} : ${error.message}`
    return tell(cronJob, 'Warning', 'InvalidSchedule', text)
  }
}

function save(cronJob: CronJobView, status: Status): Step[] {
  if (equal(status, cronJob.status ?? {})) return []
  const { active, ...rest } = status
  return [updateStatus(cronJobs, { ...cronJob, status: { ...rest, ...(active?.length ? { active } : {}) } })]
}

function deletion(
  cronJob: CronJobView,
  job: JobView,
  then: readonly Step[] = [],
  otherwise: readonly Step[] = [],
): Step[] {
  return [
    remove(jobs, job as KubeObject, {
      options: { propagationPolicy: 'Background' },
      then: () => [tell(cronJob, 'Normal', 'SuccessfulDelete', `Deleted job ${job.metadata?.name}`), ...then],
      recover: (error) => [tell(cronJob, 'Warning', 'FailedDelete', `Deleted job: ${error.message}`), ...otherwise],
    }),
  ]
}

/** Ends the jobs that still run, one after the other, and goes on when all are gone. */
function replacement(
  cronJob: CronJobView,
  status: Status,
  running: readonly Reference[],
  launch: (status: Status) => Step[],
): Step[] {
  const [first, ...others] = running
  if (!first) return launch(status)
  const { namespace, name = '' } = first
  const next = withoutActive(status, ({ uid }) => uid === first.uid)
  return [
    {
      verb: 'read',
      type: jobs,
      key: { namespace, name },
      then(live) {
        if (!live) {
          const message = `jobs.batch ${JSON.stringify(name)} not found`
          return [
            tell(cronJob, 'Warning', 'FailedGet', `Get job: ${message}`),
            ...save(cronJob, status),
            { verb: 'fail', error: new Error(message) },
          ]
        }
        return deletion(cronJob, live as JobView, replacement(cronJob, next, others, launch), [
          ...save(cronJob, status),
          { verb: 'fail', error: new Error(`could not replace job ${namespace}/${name}`) },
        ])
      },
    },
  ]
}

function creation(cronJob: CronJobView, status: Status, { zone }: Timetable, due: number): Step[] {
  const job = jobFor(cronJob, due, zone)
  const started = (made: KubeObject): Step[] => {
    const active = [...(status.active ?? []), referenceTo(jobs, made as JobView)]
    return save(cronJob, { ...status, active, lastScheduleTime: timestamp(due) })
  }
  const expected = (error: StatusError) =>
    error.reason === 'AlreadyExists' ||
    (error.status.details?.causes ?? []).some(({ reason }) => reason === 'NamespaceTerminating')
  return [
    create(jobs, job, {
      then: (made) => [
        tell(cronJob, 'Normal', 'SuccessfulCreate', `Created job ${made.metadata?.name}`),
        ...started(made),
      ],
      onFailure: (error) =>
        expected(error) ? undefined : tell(cronJob, 'Warning', 'FailedCreate', `Error creating job: ${error.message}`),
      recover: (error) =>
        error.reason === 'AlreadyExists'
          ? [takeUp(cronJob, status, job.metadata?.name ?? '', started)]
          : [...save(cronJob, status), { verb: 'fail', error }],
    }),
  ]
}

/** The job was made before, and what was to be written down then was lost; or somebody else made one of its name. */
function takeUp(cronJob: CronJobView, status: Status, name: string, started: (made: KubeObject) => Step[]): Step {
  return {
    verb: 'read',
    type: jobs,
    key: { namespace: cronJob.metadata?.namespace, name },
    then(live) {
      if (!live) throw new Error(`jobs.batch ${JSON.stringify(name)} not found`)
      const ours = isControlledBy(live, cronJob as KubeObject) && !activeIn(status, live.metadata?.uid ?? '')
      return ours ? started(live) : save(cronJob, status)
    },
  }
}
