import type { Job } from 'kubernetes-types/batch/v1'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { cronJobs, jobs } from '#shared/kube/resources.ts'
import { ApiConnection } from '../connections/api-connection.ts'
import { FakeApiServer } from '../testing/fake-api-server.ts'
import { rerun, trigger } from './jobs.ts'

let server: FakeApiServer
let connection: ApiConnection
beforeEach(async () => {
  server = await FakeApiServer.start()
  connection = new ApiConnection(server.access())
})
afterEach(() => server[Symbol.asyncDispose]())

const stored = (name: string) => server.store.get({ ...jobs, namespace: 'default' }, name) as Job
const template = (labels: Record<string, string> = {}) => ({
  metadata: { labels: { app: 'backup', ...labels } },
  spec: { restartPolicy: 'Never', containers: [{ name: 'c', image: 'backup:1' }] },
})
function cronJob(name: string): void {
  server.store.put({ ...cronJobs, namespace: 'default' }, {
    metadata: { name, uid: 'cron-uid' },
    spec: {
      schedule: '@daily',
      jobTemplate: {
        metadata: { labels: { app: 'backup' }, annotations: { note: 'x' } },
        spec: { backoffLimit: 2, template: template() },
      },
    },
  } as never)
}
const triggered = (name: string) =>
  trigger(connection, { context: 'x', resource: cronJobs, namespace: 'default', name })
const again = (name: string) => rerun(connection, { context: 'x', resource: jobs, namespace: 'default', name })

it('triggers a cron job as kubectl does: owned by it, and marked as made by hand', async () => {
  cronJob('backup')
  const name = await triggered('backup')
  expect(name).toMatch(/^backup-manual-[0-9a-f]{6}$/)
  expect(stored(name)).toMatchObject({
    metadata: {
      labels: { app: 'backup' },
      annotations: { note: 'x', 'cronjob.kubernetes.io/instantiate': 'manual' },
      ownerReferences: [{ kind: 'CronJob', name: 'backup', uid: 'cron-uid', controller: true }],
    },
    spec: { backoffLimit: 2, template: template() },
  })
})

it('finds a name of 63 characters at most for the job of a cron job with a long one', async () => {
  const long = `${'a'.repeat(47)}-${'b'.repeat(4)}`
  cronJob(long)
  expect((await triggered(long)).length).toBeLessThanOrEqual(63)
})

it('runs a job again without what ties the old one to its pods', async () => {
  const uid = { 'controller-uid': 'u', 'batch.kubernetes.io/controller-uid': 'u', 'job-name': 'once' }
  server.store.put({ ...jobs, namespace: 'default' }, {
    metadata: { name: 'once', labels: { app: 'backup', ...uid } },
    spec: { completions: 3, selector: { matchLabels: uid }, template: template(uid) },
    status: { succeeded: 3 },
  } as never)
  const { metadata, spec, status } = stored(await again('once'))
  expect(metadata?.labels).toEqual({ app: 'backup' })
  expect(spec).toEqual({ completions: 3, template: template() })
  expect(status).toBeUndefined()
})

it('names what is run again after the first of them', async () => {
  server.store.put({ ...jobs, namespace: 'default' }, {
    metadata: { name: 'once' },
    spec: { template: template() },
  } as never)
  const second = await again('once')
  expect(await again(second)).toMatch(/^once-rerun-[0-9a-f]{6}$/)
})
