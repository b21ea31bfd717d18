import type { CronJob, Job } from 'kubernetes-types/batch/v1'
import type { Event, Pod, ResourceQuota } from 'kubernetes-types/core/v1'
import type { PodDisruptionBudget } from 'kubernetes-types/policy/v1'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { KubeList } from '#shared/kube/object.ts'
import { up, type TestCluster } from '../support/cluster.ts'
import type { Kubectl } from '../support/kubectl.ts'
import { eventually } from '../support/wait.ts'

let cluster: TestCluster
let k: Kubectl
beforeAll(async () => {
  cluster = await up(['--nodes', 'process=1,simulated=3'])
  k = cluster.kubectl
  // All at once: each takes its time to start.
  const indexed = { completionMode: 'Indexed', completions: 3, parallelism: 2 }
  await apply(
    job('tiles', 'echo tile $JOB_COMPLETION_INDEX on $(hostname)', indexed),
    job('unlucky', 'exit 3', { completions: 2, parallelism: 2, backoffLimit: 1, ...failsOn(42) }),
    job('hopeless', 'exit 42', { backoffLimit: 6, ...failsOn(42) }),
    job('nap', 'sleep 600', { backoffLimit: 0 }),
    job('brief', 'true', { ttlSecondsAfterFinished: 1 }),
  )
})
afterAll(async () => cluster?.[Symbol.asyncDispose]())

const failsOn = (...values: number[]) => ({
  podFailurePolicy: { rules: [{ action: 'FailJob', onExitCodes: { operator: 'In', values } }] },
})

async function apply(...objects: object[]): Promise<void> {
  const list = { apiVersion: 'v1', kind: 'List', items: objects }
  const { code, stderr } = await k.run(['apply', '-f', '-'], JSON.stringify(list))
  if (code !== 0) throw new Error(stderr)
  // A loop acts on all of these: nothing is warned of.
  expect(stderr).toBe('')
}

const job = (name: string, command: string, spec: object = {}) => ({
  apiVersion: 'batch/v1',
  kind: 'Job',
  metadata: { name },
  spec: {
    ...spec,
    template: {
      spec: {
        restartPolicy: 'Never',
        terminationGracePeriodSeconds: 1,
        containers: [{ name: 'work', image: 'wheelhouse/shell:v1', command: ['sh', '-c', command] }],
      },
    },
  },
})
const theJob = (name: string) => k.json<Job>('get', 'job', name)
const condition = async (name: string, type: string) =>
  (await theJob(name)).status?.conditions?.find((each) => each.type === type && each.status === 'True')
const podsOf = async (name: string) =>
  (await k.json<KubeList<Pod>>('get', 'pods', '-l', `batch.kubernetes.io/job-name=${name}`)).items

describe('jobs', () => {
  it('an indexed job runs in parallel, each pod knowing its index, until kubectl sees it complete', async () => {
    await k('wait', '--for=condition=complete', 'job/tiles', '--timeout=50s')
    const { status } = await theJob('tiles')
    expect(status).toMatchObject({ succeeded: 3, completedIndexes: '0-2', ready: 0, terminating: 0 })
    expect(status?.uncountedTerminatedPods).toEqual({})
    const logs = await k('logs', '-l', 'job-name=tiles', '--tail=1')
    expect(logs.split('\n').filter(Boolean).sort()).toEqual([0, 1, 2].map((i) => `tile ${i} on tiles-${i}`))
    expect((await podsOf('tiles')).flatMap(({ metadata }) => metadata?.finalizers ?? [])).toEqual([])
    expect(await k('get', 'job', 'tiles')).toMatch(/tiles +Complete +3\/3/)
  })

  it('failing pods end a job at its limit, or at once where its policy says so', async () => {
    await Promise.all(
      ['unlucky', 'hopeless'].map((name) => k('wait', '--for=condition=failed', `job/${name}`, '--timeout=50s')),
    )
    expect(await condition('unlucky', 'Failed')).toMatchObject({ reason: 'BackoffLimitExceeded' })
    expect((await theJob('unlucky')).status?.failed).toBe(2)
    const { reason, message } = (await condition('hopeless', 'Failed')) ?? {}
    expect([reason, message]).toEqual([
      'PodFailurePolicy',
      expect.stringMatching(
        /^Container work for pod default\/hopeless-\w{5} failed with exit code 42 matching FailJob rule at index 0$/,
      ),
    ])
    expect(await k('describe', 'job', 'hopeless')).toContain('PodFailurePolicy')
  })

  it('suspending ends the pods, resuming begins anew', async () => {
    await eventually('it runs', async () => (await theJob('nap')).status?.ready === 1, 50_000)
    await k('patch', 'job', 'nap', '-p', '{"spec":{"suspend":true}}')
    await k('wait', '--for=condition=suspended', 'job/nap', '--timeout=50s')
    await eventually('its pods are gone', async () => (await podsOf('nap')).length === 0, 50_000)
    expect((await theJob('nap')).status?.failed).toBeUndefined()
    await k('patch', 'job', 'nap', '-p', '{"spec":{"suspend":false}}')
    await eventually('it runs again', async () => (await theJob('nap')).status?.ready === 1, 50_000)
    await k('delete', 'job', 'nap', '--wait=false')
    await eventually('nothing holds its pods', async () => (await podsOf('nap')).length === 0, 50_000)
  })

  it('one that is over goes when its time is over, and its pods with it', async () => {
    await k('wait', '--for=delete', 'job/brief', '--timeout=50s')
    expect(await podsOf('brief')).toEqual([])
  })
})

it('a cron job makes jobs, by hand and at its time', async () => {
  const { metadata: _, apiVersion: __, kind: ___, ...template } = job('', 'echo made by the clock')
  const spec = { schedule: '@every 2s', jobTemplate: template, successfulJobsHistoryLimit: 1 }
  await apply({
    apiVersion: 'batch/v1',
    kind: 'CronJob',
    metadata: { name: 'clock' },
    spec: { ...spec, suspend: true },
  })
  await k('create', 'job', 'by-hand', '--from=cronjob/clock')
  await k('wait', '--for=condition=complete', 'job/by-hand', '--timeout=50s')
  expect((await theJob('by-hand')).metadata?.ownerReferences).toMatchObject([{ kind: 'CronJob', name: 'clock' }])
  await k('patch', 'cronjob', 'clock', '-p', '{"spec":{"suspend":false}}')
  const cron = () => k.json<CronJob>('get', 'cronjob', 'clock')
  await eventually('a job of its own has succeeded', async () => {
    const { status, metadata } = await cron()
    return (
      status?.lastScheduleTime && status.lastSuccessfulTime && status.lastSuccessfulTime > metadata!.creationTimestamp!
    )
  })
  await k('delete', 'cronjob', 'clock')
  const { items } = await k.json<KubeList<Event>>('get', 'events', '--field-selector=involvedObject.kind=CronJob')
  expect(items.map(({ reason }) => reason)).toEqual(expect.arrayContaining(['SuccessfulCreate']))
})

it('a drain waits for disruption budgets, and goes on when they allow it', async () => {
  const labels = { app: 'guarded' }
  const selector = { matchLabels: labels }
  await apply(
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'guarded' },
      spec: {
        replicas: 2,
        selector,
        template: {
          metadata: { labels },
          spec: {
            nodeSelector: { 'kubernetes.io/hostname': 'simulated-1' },
            tolerations: [{ key: 'wheelhouse.dev/simulated', operator: 'Exists' }],
            containers: [{ name: 'c', image: 'guarded:1' }],
          },
        },
      },
    },
    {
      apiVersion: 'policy/v1',
      kind: 'PodDisruptionBudget',
      metadata: { name: 'guard' },
      spec: { maxUnavailable: 0, selector },
    },
  )
  await k('rollout', 'status', 'deployment/guarded', '--timeout=50s')
  const budget = async () => (await k.json<PodDisruptionBudget>('get', 'pdb', 'guard')).status
  await eventually('the budget knows its pods', async () => (await budget())?.currentHealthy === 2)
  expect(await budget()).toMatchObject({ expectedPods: 2, desiredHealthy: 2, disruptionsAllowed: 0 })
  const refused = await k.run(['drain', 'simulated-1', '--ignore-daemonsets', '--timeout=1s'])
  expect([refused.code, refused.stderr]).toEqual([
    1,
    expect.stringContaining("Cannot evict pod as it would violate the pod's disruption budget."),
  ])
  expect(await k('get', 'pods', '-l', 'app=guarded', '-o', 'jsonpath={.items[*].spec.nodeName}')).toBe(
    'simulated-1 simulated-1',
  )
  await k('patch', 'pdb', 'guard', '-p', '{"spec":{"maxUnavailable":"100%"}}')
  await k('drain', 'simulated-1', '--ignore-daemonsets', '--timeout=50s')
  await k('uncordon', 'simulated-1')
})

it('a quota shows what is used, as it comes and goes', async () => {
  await k('create', 'namespace', 'small')
  await k('create', 'quota', 'limits', '--namespace=small', '--hard=configmaps=5,count/jobs.batch=2,services=3')
  const used = async () => (await k.json<ResourceQuota>('get', 'quota', 'limits', '-n', 'small')).status?.used
  await k('create', 'configmap', 'one', '--namespace=small')
  await k('create', 'job', 'one', '--namespace=small', '--image=wheelhouse/shell:v1', '--', 'true')
  const is = (expected: object) => async () => JSON.stringify(await used()) === JSON.stringify(expected)
  // Every namespace has the certificate of its server in a config map.
  await eventually('all is counted', is({ configmaps: '2', 'count/jobs.batch': '1', services: '0' }))
  await k('delete', 'configmap', 'one', '--namespace=small')
  await k('delete', 'job', 'one', '--namespace=small')
  await eventually('what is gone is not', is({ configmaps: '1', 'count/jobs.batch': '0', services: '0' }))
  expect(await k('describe', 'quota', 'limits', '-n', 'small')).toMatch(/configmaps +1 +5/)
})
