import type { CronJob } from 'kubernetes-types/batch/v1'
import type { Frozen } from '#shared/kube/object.ts'
import { nextTime } from '#shared/kube/schedule/next.ts'
import type { Schedule } from '#shared/kube/schedule/parse.ts'
import type { Zone } from '#shared/kube/schedule/zone.ts'

export type CronJobView = Frozen<CronJob>

export interface Timetable {
  readonly schedule: Schedule
  readonly zone: Zone
}

interface Review {
  /** The last time that was acted on, or the making of the cron job. */
  readonly since: number
  /** The last time that is due and was not acted on. */
  readonly due: number | undefined
  readonly missed: number
}

export class InvalidScheduleError extends Error {}

/** With so many missed something is wrong: with the clock, or with the schedule. */
const tooMany = 100

/** How long after its time a job is made, in milliseconds: clocks differ. */
const delta = 100

/** The time that a job should be made for now, and whether suspiciously many were missed before. */
export function dueTime(
  cronJob: CronJobView,
  timetable: Timetable,
  now: number,
): { due: number | undefined; tooManyMissed: boolean } {
  const { startingDeadlineSeconds } = cronJob.spec ?? {}
  const notBefore = startingDeadlineSeconds === undefined ? undefined : now - Number(startingDeadlineSeconds) * 1000
  const { due, missed } = review(cronJob, timetable, now, notBefore)
  return due === undefined || due > now
    ? { due: undefined, tooManyMissed: false }
    : { due, tooManyMissed: missed > tooMany }
}

/** Milliseconds until the next look. */
export function nextLook(cronJob: CronJobView, timetable: Timetable, now: number): number {
  const from = () => {
    const { since, due, missed } = review(cronJob, timetable, now)
    return due ?? (missed ? now : since)
  }
  const start = attempt(from) ?? now
  const next = nextTime(timetable.schedule, start, timetable.zone) ?? now
  return Math.max(0, next + delta - now)
}

function attempt<T>(find: () => T): T | undefined {
  try {
    return find()
  } catch (error) {
    if (error instanceof InvalidScheduleError) return undefined
    throw error
  }
}

/**
 * What has come of the schedule since it was last acted on. Reckons from the distance of two times instead of going
 * through all, for there may be millions of them. Source: mostRecentScheduleTime, pkg/controller/cronjob/utils.go.
 */
function review(cronJob: CronJobView, { schedule, zone }: Timetable, now: number, notBefore?: number): Review {
  const { metadata, status } = cronJob
  const last = Date.parse(status?.lastScheduleTime ?? metadata?.creationTimestamp ?? '') || 0
  const since = notBefore === undefined ? last : Math.max(last, notBefore)
  const first = nextTime(schedule, since, zone)
  const second = first === undefined ? undefined : nextTime(schedule, first, zone)
  if (first !== undefined && now < first) return { since, due: undefined, missed: 0 }
  if (first !== undefined && second !== undefined && now < second) return { since, due: first, missed: 0 }
  const distance = Math.round(((second ?? 0) - (first ?? 0)) / 1000)
  if (first === undefined || second === undefined || distance < 1)
    throw new InvalidScheduleError('time difference between two schedules is less than 1 second')
  const missed = Math.trunc(Math.trunc((now - first) / 1000) / distance) + 1
  // One distance further back, for distances differ: `30 6-16/4 * * 1-5`.
  let due: number | undefined
  let t = nextTime(schedule, first + (missed - 2) * distance * 1000, zone)
  for (; t !== undefined && t <= now; t = nextTime(schedule, t, zone)) due = t
  return { since, due, missed }
}
