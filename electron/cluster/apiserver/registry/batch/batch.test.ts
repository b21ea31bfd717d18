import { describe, expect, it } from 'vitest'
import { scheduleProblem } from '#shared/kube/schedule/parse.ts'
import { create, update } from '../testing/rules.ts'
import { cronJob } from './cron-job.ts'
import { job } from './job.ts'
import type { Job } from './types.ts'

const template = { spec: { restartPolicy: 'Never', containers: [{ name: 'j', image: 'a:1' }] } }
const once = (spec: Job['spec'] = {}) => ({
  apiVersion: 'batch/v1',
  kind: 'Job',
  metadata: { name: 'once', namespace: 'a', uid: 'uid-1' },
  spec: { template: structuredClone(template), ...spec },
})

describe('jobs', () => {
  it('select their pods by their own uid', () => {
    const { object, errors } = create(job, once())
    expect(errors).toEqual([])
    expect(object.spec!.selector).toEqual({ matchLabels: { 'batch.kubernetes.io/controller-uid': 'uid-1' } })
    expect(object.spec!.template!.metadata!.labels).toEqual({
      'batch.kubernetes.io/controller-uid': 'uid-1',
      'batch.kubernetes.io/job-name': 'once',
      'controller-uid': 'uid-1',
      'job-name': 'once',
    })
  })

  it('run once unless they say otherwise', () => {
    expect(create(job, once()).object.spec).toMatchObject({
      completions: 1,
      parallelism: 1,
      backoffLimit: 6,
      suspend: false,
    })
    expect(create(job, once({ parallelism: 3 })).object.spec!.completions).toBeUndefined()
  })

  it('need pods that end', () => {
    const always = { spec: { ...template.spec, restartPolicy: 'Always' } }
    expect(create(job, once({ template: always })).errors).toEqual([
      'spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"',
    ])
  })

  it('may change how many run, not how many must', () => {
    const old = create(job, once()).object
    expect(update(job, old, (changed) => (changed.spec!.parallelism = 2)).errors).toEqual([])
    expect(update(job, old, (changed) => (changed.spec!.completions = 2)).errors).toEqual([
      'spec.completions: Invalid value: 2: field is immutable',
    ])
  })

  it('are over once a number of indexes have succeeded, of those that there are', () => {
    const indexed = (rule: object) =>
      create(job, once({ completions: 3, completionMode: 'Indexed', successPolicy: { rules: [rule] } } as Job['spec']))
        .errors
    const path = 'spec.successPolicy.rules[0]'
    expect(indexed({ succeededIndexes: '0-2', succeededCount: 0 })).toEqual([])
    expect(indexed({ succeededIndexes: '1', succeededCount: 4 })).toEqual([
      `${path}.succeededCount: Invalid value: 4: must be less than or equal to 3 (the number of specified completions)`,
      `${path}.succeededCount: Invalid value: 4: must be less than or equal to 1 (the number of indexes in the specified succeededIndexes field)`,
    ])
    expect(indexed({ succeededIndexes: '1-1' })).toEqual([
      `${path}.succeededIndexes: Invalid value: "1-1": error parsing succeededIndexes: non-increasing order, previous: 1, current: 1`,
    ])
    expect(indexed({ succeededIndexes: '3' })).toEqual([
      `${path}.succeededIndexes: Invalid value: "3": error parsing succeededIndexes: too large index: "3"`,
    ])
  })

  it('that are suspended may yet be sent elsewhere, and ask for more', () => {
    const change = (old: Job) =>
      update(job, old, ({ spec }) => {
        const pods = spec!.template!.spec!
        pods.nodeSelector = { disk: 'fast' }
        pods.affinity = { nodeAffinity: {} }
        pods.containers![0]!.resources = { requests: { cpu: '2' } }
      }).errors
    expect(change(create(job, once({ suspend: true })).object)).toEqual([])
    expect(change(create(job, once()).object)).toHaveLength(1)
    const moved = update(job, create(job, once({ suspend: true })).object, ({ spec }) => {
      spec!.template!.spec!.affinity = { podAffinity: {} }
    })
    expect(moved.errors).toHaveLength(1)
  })

  it('take no selector but their own unless asked to', () => {
    const { errors } = create(job, once({ selector: { matchLabels: { a: 'b' } } }))
    expect(errors[0]).toMatch(/^spec.selector: Invalid value: .*: `selector` not auto-generated/)
  })
})

describe('the status of a job', () => {
  const condition = (type: string, status = 'True') => ({ type, status })
  const [startTime, completionTime] = ['2026-01-01T00:00:00Z', '2026-01-01T00:01:00Z']
  const running = (): Job => {
    const { object } = create(job, once())
    return { ...object, status: { startTime, active: 1 } }
  }
  const report = (status: object, old = running()) =>
    update(job, old, (object) => (object.status = { startTime, ...status }), 'status').errors

  it('says when and why the job completed', () => {
    const conditions = [condition('SuccessCriteriaMet'), condition('Complete')]
    expect(report({ conditions, completionTime, succeeded: 1 })).toEqual([])
    expect(report({ conditions, active: 1 })).toEqual([
      'status.completionTime: Required value: completionTime is required for Complete jobs',
      'status.active: Invalid value: 1: active>0 is invalid for finished job',
    ])
    expect(report({ conditions: [condition('Complete')], completionTime })).toEqual([
      'status.conditions: Invalid value: cannot set Complete=True condition without the SuccessCriteriaMet=true condition',
    ])
  })

  it('never takes an end back, nor a count', () => {
    const ended = { ...running(), status: { startTime, failed: 2, conditions: [condition('FailureTarget')] } } as Job
    expect(report({ failed: 1 }, ended)).toEqual([
      'status.conditions: Invalid value: cannot disable the terminal FailureTarget=True condition',
      'status.failed: Invalid value: 1: cannot decrease the failed counter',
    ])
  })

  it('starts anew only when the job is resumed', () => {
    const later = { startTime: completionTime }
    expect(report(later)).toEqual(['status.startTime: Required value: startTime cannot be removed for unsuspended job'])
    const suspended = { ...running(), status: { startTime, conditions: [condition('Suspended')] } } as Job
    expect(report(later, suspended)).toEqual([])
  })

  it('keeps indexes of success and failure apart', () => {
    const spec = { completions: 5, parallelism: 1, completionMode: 'Indexed', backoffLimitPerIndex: 1 } as Job['spec']
    const old = { ...create(job, once(spec)).object, status: { startTime } } as Job
    expect(report({ completedIndexes: '0-2', failedIndexes: '2,4' }, old)).toEqual([
      'status.failedIndexes: Invalid value: "2,4": failedIndexes and completedIndexes overlap at index: 2',
    ])
  })
})

describe('cron jobs', () => {
  const nightly = (spec: object, name = 'nightly') => ({
    apiVersion: 'batch/v1',
    kind: 'CronJob',
    metadata: { name, namespace: 'a' },
    spec: { schedule: '0 2 * * *', jobTemplate: { spec: { template } }, ...spec },
  })

  it('keep three successes and one failure', () => {
    expect(create(cronJob, nightly({})).object.spec).toMatchObject({
      concurrencyPolicy: 'Allow',
      suspend: false,
      successfulJobsHistoryLimit: 3,
      failedJobsHistoryLimit: 1,
    })
  })

  it('leave room in their names for the names of jobs', () => {
    expect(create(cronJob, nightly({}, 'a'.repeat(52))).errors).toEqual([])
    expect(create(cronJob, nightly({}, 'a'.repeat(53))).errors[0]).toContain('must be no more than 52 characters')
  })

  it('take time zones in their own field only', () => {
    expect(create(cronJob, nightly({ schedule: 'TZ=UTC 0 2 * * *' })).errors[0]).toContain('use timeZone field instead')
    expect(create(cronJob, nightly({ timeZone: 'Europe/Berlin' })).errors).toEqual([])
    expect(create(cronJob, nightly({ timeZone: 'europe/berlin' })).errors).toHaveLength(1)
    expect(create(cronJob, nightly({ timeZone: 'local' })).errors).toHaveLength(2)
    expect(create(cronJob, nightly({ schedule: 'TZ=UTC * * *' })).errors).toHaveLength(2)
    expect(create(cronJob, nightly({ timeZone: 'Mars/Olympus' })).errors).toEqual([
      'spec.timeZone: Invalid value: "Mars/Olympus": unknown time zone Mars/Olympus',
    ])
  })
})

it.each(['* * * * *', '*/5 2 * * 1-5', '@hourly', '0 0 1 JAN MON', '@every 1h30m'])(
  'the schedule %s is fine',
  (text) => {
    expect(scheduleProblem(text)).toBeUndefined()
  },
)

it.each(['* * * *', '60 * * * *', '*/0 * * * *', '5-1 * * * *', 'x * * * *', '@sometimes'])(
  'the schedule %s is not',
  (text) => {
    expect(scheduleProblem(text)).toBeTypeOf('string')
  },
)
