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

  it('take no selector but their own unless asked to', () => {
    const { errors } = create(job, once({ selector: { matchLabels: { a: 'b' } } }))
    expect(errors[0]).toMatch(/^spec.selector: Invalid value: .*: `selector` not auto-generated/)
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
