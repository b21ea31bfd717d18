import type * as v1 from 'kubernetes-types/batch/v1'
import type { KubeObject } from '#shared/kube/object.ts'
import type { Metadata, PodTemplateSpec } from '../core/pod/types.ts'
import type { Loose } from '../loose.ts'

interface NewerJobFields {
  managedBy?: string
}

export type JobSpec = Omit<Loose<v1.JobSpec & NewerJobFields>, 'template'> & { template?: PodTemplateSpec | undefined }
export type Job = KubeObject & { spec?: JobSpec; status?: Loose<v1.JobStatus> }
export type CronJobSpec = Omit<Loose<v1.CronJobSpec>, 'jobTemplate'> & {
  jobTemplate?: { metadata?: Metadata | undefined; spec?: JobSpec | undefined } | undefined
}
export type CronJob = KubeObject & { spec?: CronJobSpec; status?: Loose<v1.CronJobStatus> }
