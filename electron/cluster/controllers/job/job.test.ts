import type { Pod } from 'kubernetes-types/core/v1'
import { describe, expect, it } from 'vitest'
import { jobs, pods } from '#shared/kube/resources.ts'
import { forbidden } from '#shared/kube/status.ts'
import { job, pod } from '../framework/testing/builders.ts'
import { startJobs, type JobHarness } from './testing.ts'

const key = (name: string) => ({ namespace: 'default', name })
const tracking = 'batch.kubernetes.io/job-tracking'
const names = (list: readonly Pod[]) => list.map(({ metadata }) => metadata!.name!)
const endAll = (h: JobHarness, phase: 'Succeeded' | 'Failed', exitCode?: number) => {
  for (const { metadata, status } of h.pods())
    if (status?.phase === 'Pending' || status?.phase === 'Running') h.end(metadata!.name!, phase, exitCode)
}
const indexed = (spec: object = {}) =>
  job('work', { spec: { completionMode: 'Indexed', completions: 3, parallelism: 3, ...spec } })

describe('a job', () => {
  it('runs as many pods at once as it may until enough have succeeded', async () => {
    await using h = await startJobs(job('work', { spec: { completions: 3, parallelism: 2 } }))
    expect(h.pods()).toHaveLength(2)
    expect(h.status()).toMatchObject({ active: 2, ready: 0, terminating: 0, uncountedTerminatedPods: {} })
    h.start()
    await h.run(10)
    expect(h.status()['ready']).toBe(2)
    endAll(h, 'Succeeded')
    await h.run(10)
    expect([h.status()['succeeded'], h.status()['active'], h.pods('Pending').length]).toEqual([2, 1, 1])
    endAll(h, 'Succeeded')
    await h.run(10)
    expect(h.status()).toMatchObject({ succeeded: 3, completionTime: '2026-01-01T00:00:00Z' })
    expect(h.status()['active']).toBeUndefined()
    const types = h.job().status?.conditions?.map(({ type, status, reason }) => `${type} ${status} ${reason}`)
    expect(types).toEqual(['SuccessCriteriaMet True CompletionsReached', 'Complete True CompletionsReached'])
    expect(h.events().filter((text) => text.startsWith('Completed'))).toEqual(['Completed: Job completed'])
    expect(h.pods().flatMap(({ metadata }) => metadata?.finalizers ?? [])).toEqual([])
  })

  it('makes pods that carry its finalizer, its labels and its name, and says so', async () => {
    await using h = await startJobs(job('work'))
    const [made] = h.pods()
    expect(made?.metadata).toMatchObject({
      generateName: 'work-',
      labels: { job: 'work' },
      finalizers: [tracking],
      ownerReferences: [{ kind: 'Job', name: 'work', controller: true, blockOwnerDeletion: true }],
    })
    expect(h.events()).toEqual([`SuccessfulCreate: Created pod: ${made?.metadata?.name}`])
  })

  it('without completions is a work queue: done when one has succeeded and none runs', async () => {
    const { spec, ...rest } = job('work', { spec: { parallelism: 2 } })
    const { completions: _, ...open } = spec!
    await using h = await startJobs({ ...rest, spec: open } as never)
    h.start()
    const [first, second] = names(h.pods())
    h.end(first!, 'Succeeded')
    await h.run(10)
    expect([h.pods().length, h.condition('Complete')]).toEqual([2, undefined])
    h.end(second!, 'Failed')
    await h.run(10)
    expect(h.pods()).toHaveLength(2)
    expect(h.condition('Complete')).toMatchObject({ status: 'True' })
    expect(h.status()).toMatchObject({ succeeded: 1, failed: 1 })
  })

  it('ends pods that are too many, those first that have got least far, and counts none of them as failed', async () => {
    await using h = await startJobs(job('work', { spec: { completions: 4, parallelism: 3 } }))
    const [ready] = names(h.pods())
    h.start(ready)
    await h.run(10)
    h.edit((each) => (each.spec!.parallelism = 1))
    await h.run(10)
    expect(names(h.pods())).toEqual([ready])
    expect([h.status()['failed'], h.status()['active']]).toEqual([undefined, 1])
  })

  it('adopts pods that match it, and then counts them', async () => {
    await using h = await startJobs(job('work'), pod('lost', { metadata: { labels: { job: 'work' } } }))
    expect(h.pods()).toHaveLength(1)
    expect(h.pods()[0]?.metadata).toMatchObject({ finalizers: [tracking], ownerReferences: [{ uid: 'work-uid' }] })
    h.end('lost', 'Succeeded')
    await h.run(10)
    expect(h.condition('Complete')).toBeDefined()
  })

  it('managed by another controller is left alone', async () => {
    await using h = await startJobs(job('work', { spec: { managedBy: 'example.com/queue' } }))
    await h.run(1000)
    expect([h.pods(), h.status()]).toEqual([[], undefined])
  })

  it('of an unknown completion mode is not touched, and says why', async () => {
    await using h = await startJobs(job('work', { spec: { completionMode: 'Sideways' } }))
    expect([h.pods(), h.events()]).toEqual([
      [],
      ['UnknownCompletionMode: Skipped Job sync because completion mode is unknown'],
    ])
  })

  it('goes on when the server refused its pods, and says what it was told', async () => {
    await using h = await startJobs()
    const back = h.client.react('create', 'pods', () => {
      throw forbidden(pods, '', 'exceeded quota')
    })
    h.client.seed(job('work', { spec: { completions: 2, parallelism: 2 } }))
    await h.run(10)
    expect(h.events()[0]).toBe('FailedCreate: Error creating: pods is forbidden: exceeded quota')
    expect(h.status()['active']).toBeUndefined()
    await h.run(3_600_000)
    back()
    await h.run(61_000)
    expect([h.pods().length, h.status()['active']]).toEqual([2, 2])
  })
})

describe('failing pods', () => {
  it('are replaced after 10 s, 20 s, 40 s…, and after the limit the job has failed', async () => {
    await using h = await startJobs(job('work', { spec: { backoffLimit: 2 } }))
    const made = []
    for (const wait of [10_000, 20_000]) {
      endAll(h, 'Failed')
      await h.run(wait - 1000)
      made.push(h.pods().length)
      await h.run(2000)
      made.push(h.pods().length)
    }
    expect(made).toEqual([1, 2, 2, 3])
    endAll(h, 'Failed')
    await h.run(10)
    expect(h.status()).toMatchObject({ failed: 3 })
    expect(h.condition('Failed')).toMatchObject({
      reason: 'BackoffLimitExceeded',
      message: 'Job has reached the specified backoff limit',
    })
    const types = h.job().status?.conditions?.map(({ type }) => type)
    expect(types).toEqual(['FailureTarget', 'Failed'])
    expect(h.events()).toContain('BackoffLimitExceeded: Job has reached the specified backoff limit')
  })

  it('in parallel never make the job fail later than its limit, and take the others with them', async () => {
    await using h = await startJobs(job('work', { spec: { backoffLimit: 1, completions: 5, parallelism: 5 } }))
    h.start()
    const [a, b] = names(h.pods())
    h.end(a!, 'Failed')
    h.end(b!, 'Failed')
    await h.run(10)
    expect(h.condition('FailureTarget')).toMatchObject({ status: 'True', reason: 'BackoffLimitExceeded' })
    expect([h.condition('Failed'), h.status()['terminating']]).toEqual([undefined, 3])
    for (const name of names(h.pods('Running'))) h.client.remove(pods, key(name))
    await h.run(10)
    expect(h.condition('Failed')).toMatchObject({ status: 'True' })
    expect(h.status()).toMatchObject({ failed: 5, terminating: 0 })
    expect(h.pods()).toHaveLength(2)
  })

  it('are forgotten by a success: the next wait is short again', async () => {
    await using h = await startJobs(job('work', { spec: { completions: 3 } }))
    endAll(h, 'Failed')
    await h.run(10_500)
    endAll(h, 'Failed')
    await h.run(20_500)
    endAll(h, 'Succeeded')
    await h.run(10)
    endAll(h, 'Failed')
    await h.run(10_500)
    expect(h.pods('Pending')).toHaveLength(1)
  })

  it('that restart in place count by their restarts', async () => {
    const template = { metadata: { labels: { job: 'work' } }, spec: { restartPolicy: 'OnFailure', containers: [] } }
    await using h = await startJobs(job('work', { spec: { backoffLimit: 2, template } }))
    const restart = (restartCount: number) =>
      h.client.change(pods, key(names(h.pods())[0]!), (each) => {
        const containerStatuses = [{ name: 'c', image: 'i', imageID: '', ready: false, restartCount }]
        Object.assign(each, { status: { phase: 'Running', containerStatuses } })
      })
    restart(1)
    await h.run(10)
    expect(h.condition('FailureTarget')).toBeUndefined()
    restart(2)
    await h.run(10)
    expect(h.condition('FailureTarget')).toMatchObject({ reason: 'BackoffLimitExceeded' })
  })

  it('are told from those that are on their way out, where only failed ones are replaced', async () => {
    await using h = await startJobs(job('work', { spec: { podReplacementPolicy: 'Failed' } }))
    h.start()
    const [first] = names(h.pods())
    await h.client.delete(pods, key(first!))
    await h.run(60_000)
    expect([h.pods().length, h.status()['terminating'], h.status()['active']]).toEqual([1, 1, undefined])
    h.end(first!, 'Failed')
    await h.run(10_500)
    expect(h.pods('Pending')).toHaveLength(1)
  })

  it('that are being deleted count as failed and are replaced, where anything may be', async () => {
    await using h = await startJobs(job('work', { spec: { podReplacementPolicy: 'TerminatingOrFailed' } }))
    h.start()
    await h.client.delete(pods, key(names(h.pods())[0]!))
    await h.run(10_500)
    expect([h.pods().length, h.status()['failed'], h.status()['terminating']]).toEqual([2, 1, 1])
  })
})

describe('a pod failure policy', () => {
  const policy = (rules: object[], spec: object = {}) =>
    job('work', { spec: { podFailurePolicy: { rules } as never, backoffLimit: 1, ...spec } })
  const exit = (action: string, ...values: number[]) => ({ action, onExitCodes: { operator: 'In', values } })

  it('fails the job at once on an exit code', async () => {
    await using h = await startJobs(policy([exit('FailJob', 42)], { backoffLimit: 6 }))
    const [name] = names(h.pods())
    h.end(name!, 'Failed', 42)
    await h.run(10)
    const message = `Container c for pod default/${name} failed with exit code 42 matching FailJob rule at index 0`
    expect(h.condition('FailureTarget')).toMatchObject({ reason: 'PodFailurePolicy', message })
    expect(h.condition('Failed')).toMatchObject({ reason: 'PodFailurePolicy', message })
    expect(h.status()['failed']).toBe(1)
  })

  it('ignores failures that are nobody’s fault, however many', async () => {
    const rule = { action: 'Ignore', onPodConditions: [{ type: 'DisruptionTarget', status: 'True' }] }
    await using h = await startJobs(policy([rule], { backoffLimit: 0 }))
    for (let i = 0; i < 4; i++) {
      const name = names(h.pods('Pending'))[0]!
      h.client.change(pods, key(name), (each) =>
        Object.assign(each, {
          status: { phase: 'Failed', conditions: [{ type: 'DisruptionTarget', status: 'True' }] },
        }),
      )
      await h.run(700_000)
    }
    expect([h.pods('Pending').length, h.status()['failed'], h.condition('Failed')]).toEqual([1, undefined, undefined])
  })

  it('counts by the first rule that matches, and what no rule matches', async () => {
    const rules = [exit('Count', 7), { action: 'FailJob', onExitCodes: { operator: 'NotIn', values: [1, 2] } }]
    await using h = await startJobs(policy(rules, { backoffLimit: 5 }))
    for (const code of [7, 1]) {
      h.end(names(h.pods('Pending'))[0]!, 'Failed', code)
      await h.run(30_000)
    }
    expect([h.status()['failed'], h.condition('Failed')]).toEqual([2, undefined])
  })

  it('fails an index at once', async () => {
    const spec = {
      completionMode: 'Indexed',
      completions: 2,
      parallelism: 2,
      backoffLimitPerIndex: 3,
      backoffLimit: 100,
    }
    await using h = await startJobs(policy([exit('FailIndex', 9)], spec))
    const bad = h.pods().find(({ spec: each }) => each?.hostname === 'work-1')!
    h.end(bad.metadata!.name!, 'Failed', 9)
    await h.run(10)
    expect(h.status()).toMatchObject({ failedIndexes: '1', failed: 1 })
    endAll(h, 'Succeeded')
    await h.run(10)
    expect(h.condition('Failed')).toMatchObject({ reason: 'FailedIndexes', message: 'Job has failed indexes' })
    expect(h.status()).toMatchObject({ completedIndexes: '0', succeeded: 1 })
  })
})

describe('an indexed job', () => {
  it('gives each pod an index in annotation, label, host name, name and environment', async () => {
    await using h = await startJobs(indexed({ completions: 2, parallelism: 2 }))
    const second = h.pods().find(({ spec }) => spec?.hostname === 'work-1')
    const at = 'batch.kubernetes.io/job-completion-index'
    expect(second?.metadata).toMatchObject({
      generateName: 'work-1-',
      annotations: { [at]: '1' },
      labels: { [at]: '1' },
    })
    expect(second?.spec?.containers[0]?.env).toEqual([
      { name: 'JOB_COMPLETION_INDEX', valueFrom: { fieldRef: { fieldPath: `metadata.labels['${at}']` } } },
    ])
  })

  it('is complete when every index is, told in intervals', async () => {
    await using h = await startJobs(indexed({ completions: 5, parallelism: 5 }))
    for (const each of h.pods()) if (each.spec?.hostname !== 'work-3') h.end(each.metadata!.name!, 'Succeeded')
    await h.run(10)
    expect(h.status()).toMatchObject({ completedIndexes: '0-2,4', succeeded: 4, active: 1 })
    endAll(h, 'Succeeded')
    await h.run(10)
    expect(h.status()).toMatchObject({ completedIndexes: '0-4', succeeded: 5 })
    expect(h.condition('Complete')).toBeDefined()
  })

  it('runs a failed index again, and no index twice', async () => {
    await using h = await startJobs(indexed())
    h.end(
      names(h.pods()).find((name) => name.startsWith('work-1-'))!,
      'Failed',
    )
    await h.run(10_500)
    expect(h.indexes()).toEqual([0, 1, 1, 2])
    const twin = {
      ...h.pods('Pending')[0]!,
      metadata: { ...h.pods('Pending')[0]!.metadata, name: 'twin', uid: 'twin' },
    }
    h.client.seed({ apiVersion: 'v1', kind: 'Pod', ...twin })
    await h.run(10)
    expect(h.pods('Pending')).toHaveLength(3)
  })

  it('shrinks and grows with its parallelism', async () => {
    await using h = await startJobs(indexed({ completions: 4, parallelism: 4 }))
    for (const name of ['work-0-', 'work-3-'])
      h.end(
        names(h.pods()).find((each) => each.startsWith(name))!,
        'Succeeded',
      )
    await h.run(10)
    expect(h.status()['completedIndexes']).toBe('0,3')
    h.edit((each) => Object.assign(each.spec!, { completions: 2, parallelism: 2 }))
    await h.run(10)
    expect(h.pods('Pending').map(({ spec }) => spec?.hostname)).toEqual(['work-1'])
    expect(h.status()).toMatchObject({ completedIndexes: '0', succeeded: 1 })
    h.edit((each) => Object.assign(each.spec!, { completions: 3, parallelism: 3 }))
    await h.run(10)
    expect(new Set(h.pods('Pending').map(({ spec }) => spec?.hostname))).toEqual(new Set(['work-1', 'work-2']))
  })

  it('with a limit per index hands the count of failures on to the successor', async () => {
    await using h = await startJobs(
      indexed({ completions: 1, parallelism: 1, backoffLimitPerIndex: 2, backoffLimit: 99 }),
    )
    const counts: (string | undefined)[] = []
    const held: (string[] | undefined)[] = []
    for (const wait of [10_500, 20_500, 10]) {
      const [current] = h.pods('Pending')
      counts.push(current?.metadata?.annotations?.['batch.kubernetes.io/job-index-failure-count'])
      h.end(current!.metadata!.name!, 'Failed')
      await h.run(10)
      held.push(h.client.find(pods, key(current!.metadata!.name!))?.metadata?.finalizers)
      await h.run(wait)
    }
    expect(counts).toEqual(['0', '1', '2'])
    // Only the pod knows how often its index has failed, until its successor does.
    expect(held).toEqual([[tracking], [tracking], undefined])
    expect(h.status()).toMatchObject({ failedIndexes: '0', failed: 3 })
    expect(h.condition('Failed')).toMatchObject({ reason: 'FailedIndexes' })
  })

  it('fails when more indexes have failed than may', async () => {
    await using h = await startJobs(
      indexed({ completions: 4, parallelism: 4, backoffLimitPerIndex: 0, maxFailedIndexes: 1, backoffLimit: 99 }),
    )
    const fail = (index: number) =>
      h.end(
        names(h.pods()).find((name) => name.startsWith(`work-${index}-`))!,
        'Failed',
      )
    fail(0)
    await h.run(10)
    expect([h.status()['failedIndexes'], h.condition('FailureTarget')]).toEqual(['0', undefined])
    fail(2)
    await h.run(10)
    expect(h.condition('Failed')).toMatchObject({
      reason: 'MaxFailedIndexesExceeded',
      message: 'Job has exceeded the specified maximal number of failed indexes',
    })
    expect(h.status()['failedIndexes']).toBe('0,2')
  })

  it('has succeeded as soon as its success policy is met, and ends what still runs', async () => {
    const rules = [{ succeededIndexes: '0,2', succeededCount: 1 }]
    await using h = await startJobs(indexed({ successPolicy: { rules } }))
    h.start()
    h.end(
      names(h.pods()).find((name) => name.startsWith('work-1-'))!,
      'Succeeded',
    )
    await h.run(10)
    expect(h.condition('SuccessCriteriaMet')).toBeUndefined()
    h.end(
      names(h.pods()).find((name) => name.startsWith('work-2-'))!,
      'Succeeded',
    )
    await h.run(10)
    expect(h.condition('SuccessCriteriaMet')).toMatchObject({
      reason: 'SuccessPolicy',
      message: 'Matched rules at index 0',
    })
    expect(h.condition('Complete')).toBeUndefined()
    h.client.remove(pods, key(names(h.pods('Running'))[0]!))
    await h.run(10)
    expect(h.condition('Complete')).toMatchObject({ reason: 'SuccessPolicy' })
    expect(h.status()).toMatchObject({ completedIndexes: '1,2', succeeded: 2 })
    expect(h.status()['failed']).toBeUndefined()
  })
})

describe('suspending', () => {
  it('ends the pods without counting them, and resuming starts anew with a new start time', async () => {
    await using h = await startJobs(
      job('work', { spec: { completions: 2, parallelism: 2, activeDeadlineSeconds: 100 } }),
    )
    h.start()
    await h.run(60_000)
    h.edit((each) => (each.spec!.suspend = true))
    await h.run(10)
    expect(h.condition('Suspended')).toMatchObject({ status: 'True', reason: 'JobSuspended', message: 'Job suspended' })
    for (const name of names(h.pods())) h.client.remove(pods, key(name))
    await h.run(600_000)
    expect([h.pods().length, h.status()['failed'], h.status()['active']]).toEqual([0, undefined, undefined])
    expect(h.status()).not.toHaveProperty('startTime')
    h.edit((each) => (each.spec!.suspend = false))
    await h.run(10)
    expect(h.condition('Suspended')).toMatchObject({ status: 'False', reason: 'JobResumed', message: 'Job resumed' })
    expect([h.pods().length, h.status()['startTime']]).toEqual([2, '2026-01-01T00:11:00Z'])
    expect(h.events()).toEqual(expect.arrayContaining(['Suspended: Job suspended', 'Resumed: Job resumed']))
    await h.run(99_000)
    expect(h.condition('FailureTarget')).toBeUndefined()
    await h.run(2_000)
    expect(h.condition('FailureTarget')).toMatchObject({ reason: 'DeadlineExceeded' })
  })

  it('leaves no start time of before, which a deadline would be counted from', async () => {
    const suspended = { type: 'Suspended', status: 'True', reason: 'JobSuspended', message: 'Job suspended' }
    const status = { startTime: '2025-12-31T00:00:00Z', ready: 0, terminating: 0, conditions: [suspended] }
    await using h = await startJobs(job('work', { spec: { suspend: true, activeDeadlineSeconds: 100 }, status }))
    expect(h.status()).not.toHaveProperty('startTime')
    h.edit((each) => (each.spec!.suspend = false))
    await h.run(10)
    expect([h.pods().length, h.condition('FailureTarget')]).toEqual([1, undefined])
  })

  it('from the start leaves the job without a start time', async () => {
    await using h = await startJobs(job('work', { spec: { suspend: true } }))
    expect([h.pods(), h.status()['startTime'], h.condition('Suspended')?.status]).toEqual([[], undefined, 'True'])
  })
})

describe('a deadline', () => {
  it('fails the job when it has been active for too long, with nothing else happening', async () => {
    await using h = await startJobs(job('work', { spec: { activeDeadlineSeconds: 30 } }))
    await h.run(29_000)
    expect(h.condition('FailureTarget')).toBeUndefined()
    await h.run(1_500)
    expect(h.condition('Failed')).toMatchObject({
      reason: 'DeadlineExceeded',
      message: 'Job was active longer than specified deadline',
    })
    expect(h.pods()).toEqual([])
  })

  it('passes while the machine sleeps, too', async () => {
    await using h = await startJobs(job('work', { spec: { activeDeadlineSeconds: 3600 } }))
    h.clock.jump(2 * 3_600_000)
    await h.run(20_000)
    expect(h.condition('Failed')).toMatchObject({ reason: 'DeadlineExceeded' })
  })
})

it('a job that is deleted lets go of its pods, uncounted', async () => {
  await using h = await startJobs(job('work', { spec: { completions: 2, parallelism: 2 } }))
  h.start()
  await h.run(10)
  await h.client.delete(jobs, key('work'))
  await h.run(10)
  expect(h.pods().map(({ metadata }) => metadata?.finalizers)).toEqual([undefined, undefined])
})

it('a job that is deleted in the foreground lets go of its pods and makes no new ones', async () => {
  await using h = await startJobs(job('work', { spec: { completions: 2, parallelism: 2 } }))
  await h.client.delete(jobs, key('work'), { propagationPolicy: 'Foreground' })
  await h.run(10)
  expect(h.pods().map(({ metadata }) => metadata?.finalizers)).toEqual([undefined, undefined])
  for (const name of names(h.pods())) h.client.remove(pods, key(name))
  await h.run(60_000)
  expect(h.pods()).toEqual([])
})
