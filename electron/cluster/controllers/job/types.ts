import type { Job, JobCondition, JobSpec, JobStatus } from 'kubernetes-types/batch/v1'
import type { Frozen } from '#shared/kube/object.ts'

export type JobView = Frozen<Job>
export type Spec = Frozen<JobSpec>
export type Status = Frozen<JobStatus>
export type Condition = Frozen<JobCondition>

export const specOf = (job: JobView): Spec => job.spec as Spec
export const isIndexed = (job: JobView): boolean => job.spec?.completionMode === 'Indexed'
export const isSuspended = (job: JobView): boolean => job.spec?.suspend === true
export const hasLimitPerIndex = (job: JobView): boolean =>
  isIndexed(job) && job.spec?.backoffLimitPerIndex !== undefined

/** Pods that are on their way out are replaced only when they have failed. */
export const replacesFailedOnly = (job: JobView): boolean =>
  job.spec?.podReplacementPolicy === 'Failed' || job.spec?.podFailurePolicy !== undefined

/** Some other controller looks after it. */
export const isManagedElsewhere = (job: JobView): boolean =>
  job.spec?.managedBy !== undefined && job.spec.managedBy !== 'kubernetes.io/job-controller'
