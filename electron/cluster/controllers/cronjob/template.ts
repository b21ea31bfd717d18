import type { Job } from 'kubernetes-types/batch/v1'
import { cronJobs } from '#shared/kube/resources.ts'
import { formatIn, type Zone } from '#shared/kube/schedule/zone.ts'
import { controllerReference } from '../framework/support/owner-references.ts'
import type { CronJobView } from './times.ts'

/** On a job that the schedule made: its time. Those that people make from a cron job lack it. */
export const scheduledAt = 'batch.kubernetes.io/cronjob-scheduled-timestamp'

/** One name for each minute: a schedule has no finer times. */
export const jobName = (cronJob: CronJobView, time: number): string =>
  `${cronJob.metadata?.name}-${Math.trunc(time / 60_000)}`

export function jobFor(cronJob: CronJobView, time: number, zone: Zone): Job {
  const { metadata, spec } = cronJob.spec?.jobTemplate ?? {}
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: {
      name: jobName(cronJob, time),
      ...(cronJob.metadata?.namespace ? { namespace: cronJob.metadata.namespace } : {}),
      labels: { ...metadata?.labels },
      annotations: { ...metadata?.annotations, [scheduledAt]: formatIn(zone, time) },
      ownerReferences: [controllerReference(cronJobs, cronJob)],
    },
    spec: spec as NonNullable<Job['spec']>,
  }
}
