import type { CronJob, Job } from 'kubernetes-types/batch/v1'
import { randomBytes } from 'node:crypto'
import type { ObjectRef } from '#shared/ipc/objects.ts'
import { jobs, resourcePath } from '#shared/kube/resources.ts'
import type { ApiConnection } from '../connections/api-connection.ts'
import { fieldManager, objectPath } from './paths.ts'

/** As `kubectl create job --from=cronjob/NAME`: the name of the job. */
export async function trigger(connection: ApiConnection, ref: ObjectRef): Promise<string> {
  const { value } = await connection.json<CronJob>(objectPath(ref))
  const { metadata, spec } = value.spec?.jobTemplate ?? {}
  return await create(connection, ref, {
    metadata: {
      name: nameAfter(ref.name, 'manual'),
      ...(metadata?.labels ? { labels: metadata.labels } : {}),
      annotations: { ...metadata?.annotations, 'cronjob.kubernetes.io/instantiate': 'manual' },
      ownerReferences: [
        { apiVersion: 'batch/v1', kind: 'CronJob', name: ref.name, uid: value.metadata?.uid ?? '', controller: true },
      ],
    },
    ...(spec ? { spec } : {}),
  })
}

/** What the job controller and the server gave a job, so that its selector finds its own pods. */
const ownLabels = ['controller-uid', 'batch.kubernetes.io/controller-uid', 'job-name', 'batch.kubernetes.io/job-name']

/** Another job like this one: the name of it. The old one stays. */
export async function rerun(connection: ApiConnection, ref: ObjectRef): Promise<string> {
  const { value } = await connection.json<Job>(objectPath(ref))
  const { selector: _own, manualSelector: _byHand, suspend: _now, template, ...spec } = value.spec ?? ({} as never)
  const without = (labels: Record<string, string> | undefined) =>
    Object.fromEntries(Object.entries(labels ?? {}).filter(([key]) => !ownLabels.includes(key)))
  const { labels, annotations = {} } = value.metadata ?? {}
  const { 'kubectl.kubernetes.io/last-applied-configuration': _applied, ...kept } = annotations
  return await create(connection, ref, {
    metadata: { name: nameAfter(ref.name, 'rerun'), labels: without(labels), annotations: kept },
    spec: {
      ...spec,
      template: { ...template, metadata: { ...template.metadata, labels: without(template.metadata?.labels) } },
    },
  })
}

async function create(connection: ApiConnection, { namespace }: ObjectRef, job: Job): Promise<string> {
  const body = { apiVersion: 'batch/v1', kind: 'Job', ...job }
  const path = `${resourcePath(jobs, { namespace })}?fieldManager=${fieldManager}`
  const { value } = await connection.json<Job>(path, { method: 'POST', body })
  return value.metadata?.name ?? ''
}

/** Names of jobs are labels of their pods: 63 characters at most. A job that was run anew is not `x-rerun-1-rerun-2`. */
function nameAfter(name: string, why: 'manual' | 'rerun'): string {
  const stem = name.replace(/-(manual|rerun)-[0-9a-f]{6}$/, '')
  return `${stem.slice(0, 63 - why.length - 8).replace(/[-.]+$/, '')}-${why}-${randomBytes(3).toString('hex')}`
}
