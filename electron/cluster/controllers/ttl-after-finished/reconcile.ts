import type { Job } from 'kubernetes-types/batch/v1'
import type { Frozen, KubeObject } from '#shared/kube/object.ts'
import { jobs } from '#shared/kube/resources.ts'
import { nothing, objectKey, remove, type Decision } from '../framework/action.ts'

export type JobView = Frozen<Job>

/** Milliseconds until the job's time is over; undefined while it has not ended, or lives for ever. */
export function timeLeft({ metadata, spec, status }: JobView, now: number): number | undefined {
  const ttl = spec?.ttlSecondsAfterFinished
  if (metadata?.deletionTimestamp || ttl === undefined) return undefined
  const end = status?.conditions?.find(
    ({ type, status: value }) => (type === 'Complete' || type === 'Failed') && value === 'True',
  )
  return end?.lastTransitionTime ? Date.parse(end.lastTransitionTime) + ttl * 1000 - now : undefined
}

export function reconcile(job: JobView, now: number): Decision {
  const left = timeLeft(job, now)
  if (left === undefined) return nothing
  if (left > 0) return { steps: [], requeueAfter: left }
  return {
    steps: [
      {
        verb: 'read',
        type: jobs,
        key: objectKey(job as KubeObject),
        then(live) {
          const over = live && timeLeft(live as JobView, now)
          if (!live || over === undefined || over > 0) return []
          const preconditions = { uid: live.metadata?.uid }
          const options = { propagationPolicy: 'Foreground', preconditions } as const
          return [remove(jobs, live, { options, tolerate: (error) => error.code === 404 })]
        },
      },
    ],
  }
}
