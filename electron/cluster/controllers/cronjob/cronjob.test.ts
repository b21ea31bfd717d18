import type { CronJob, Job } from 'kubernetes-types/batch/v1'
import { describe, expect, it } from 'vitest'
import { cronJobs, jobs } from '#shared/kube/resources.ts'
import { forbidden, internal } from '#shared/kube/status.ts'
import { timestamp } from '../../base/clock.ts'
import { cronJob, job } from '../framework/testing/builders.ts'
import { harness } from '../framework/testing/harness.ts'
import { cronJobController } from './controller.ts'

const key = (name: string) => ({ namespace: 'default', name })
const minutesAt = (text: string) => Date.parse(text) / 60_000
const minute = 60_000

async function start(...objects: (CronJob | Job)[]) {
  const h = await harness((parts) => [cronJobController(parts)], objects)
  const names = () =>
    h.client
      .stored(jobs)
      .map(({ metadata }) => metadata!.name!)
      .sort()
  return {
    ...h,
    run: h.run,
    names,
    status: () => h.client.find(cronJobs, key('tick'))?.status,
    edit: (change: (each: CronJob) => void) => h.client.change(cronJobs, key('tick'), change),
    end(name: string, type: 'Complete' | 'Failed') {
      const at = timestamp(h.clock.now())
      h.client.change(jobs, key(name), (each) =>
        Object.assign(each, {
          status: {
            ...each.status,
            startTime: each.metadata!.creationTimestamp,
            conditions: [{ type, status: 'True' }],
            ...(type === 'Complete' ? { completionTime: at } : {}),
          },
        }),
      )
    },
    restart: () => h.restart(),
    [Symbol.asyncDispose]: () => h[Symbol.asyncDispose](),
  }
}

const named = (text: string) => `tick-${minutesAt(text)}`
const child = (text: string, phase?: 'Complete' | 'Failed') => {
  const status = phase ? { startTime: text, conditions: [{ type: phase, status: 'True' }] } : undefined
  const owner = { apiVersion: 'batch/v1', kind: 'CronJob', name: 'tick', uid: 'tick-uid', controller: true }
  return job(named(text), { metadata: { ownerReferences: [owner] }, ...(status ? { status } : {}) })
}

describe('a cron job', () => {
  it('makes a job at each of its times, named after it, from the template', async () => {
    await using h = await start(cronJob('tick'))
    await h.run(10 * minute)
    expect(h.names()).toEqual([])
    await h.run(1000)
    const name = named('2026-01-01T00:10:00Z')
    const [made] = h.client.stored(jobs)
    expect(made?.metadata).toMatchObject({
      name,
      labels: { made: 'by-cron' },
      annotations: { 'batch.kubernetes.io/cronjob-scheduled-timestamp': '2026-01-01T00:10:00Z' },
      ownerReferences: [{ kind: 'CronJob', name: 'tick', controller: true }],
    })
    expect(h.status()).toMatchObject({ active: [{ kind: 'Job', name }], lastScheduleTime: '2026-01-01T00:10:00Z' })
    expect(h.events()).toEqual([`SuccessfulCreate: Created job ${name}`])
    await h.run(10 * minute)
    expect(h.names()).toHaveLength(2)
  })

  it('does nothing between its times', async () => {
    await using h = await start(cronJob('tick', { spec: { schedule: '0 0 1 * *' } }))
    h.client.actions.length = 0
    await h.run(20 * 24 * 60 * minute)
    expect([h.client.writes(), h.client.actions.filter(({ verb }) => verb === 'get')]).toEqual([[], []])
  })

  it('sees jobs end, notes the last success and keeps as much history as it should', async () => {
    await using h = await start(cronJob('tick', { spec: { successfulJobsHistoryLimit: 1, failedJobsHistoryLimit: 1 } }))
    for (const end of ['Complete', 'Failed', 'Complete', 'Failed'] as const) {
      await h.run(10 * minute + 500)
      h.end(h.status()!.active![0]!.name!, end)
      await h.run(10)
    }
    expect(h.names()).toEqual([named('2026-01-01T00:30:00Z'), named('2026-01-01T00:40:00Z')])
    expect(h.status()?.active).toBeUndefined()
    expect(h.status()?.lastSuccessfulTime).toBe('2026-01-01T00:30:01Z')
    expect(h.events()).toEqual(
      expect.arrayContaining([
        `SawCompletedJob: Saw completed job: ${named('2026-01-01T00:10:00Z')}, condition: Complete`,
        `SawCompletedJob: Saw completed job: ${named('2026-01-01T00:20:00Z')}, condition: Failed`,
        `SuccessfulDelete: Deleted job ${named('2026-01-01T00:10:00Z')}`,
      ]),
    )
  })

  it('suspended makes nothing, and afterwards only the last of what it missed', async () => {
    await using h = await start(cronJob('tick', { spec: { suspend: true } }))
    await h.run(35 * minute)
    expect(h.names()).toEqual([])
    h.edit((each) => (each.spec!.suspend = false))
    await h.run(10)
    expect(h.names()).toEqual([named('2026-01-01T00:30:00Z')])
  })

  it('forbidden to run twice waits for the job before', async () => {
    await using h = await start(cronJob('tick', { spec: { concurrencyPolicy: 'Forbid' } }))
    await h.run(20 * minute + 500)
    expect(h.names()).toEqual([named('2026-01-01T00:10:00Z')])
    expect(h.events()).toContain(
      'JobAlreadyActive: Not starting job because prior execution is running and concurrency policy is Forbid',
    )
    h.end(named('2026-01-01T00:10:00Z'), 'Complete')
    await h.run(10)
    expect(h.names()).toContain(named('2026-01-01T00:20:00Z'))
  })

  it('told to replace ends the job before', async () => {
    await using h = await start(cronJob('tick', { spec: { concurrencyPolicy: 'Replace' } }))
    await h.run(20 * minute + 500)
    expect(h.names()).toEqual([named('2026-01-01T00:20:00Z')])
    expect(h.status()?.active?.map(({ name }) => name)).toEqual([named('2026-01-01T00:20:00Z')])
    expect(h.client.writes('delete')[0]).toMatchObject({ options: { propagationPolicy: 'Background' } })
  })

  it('told to replace makes no second job while the first cannot be ended', async () => {
    await using h = await start(cronJob('tick', { spec: { concurrencyPolicy: 'Replace' } }))
    const back = h.client.react('delete', 'jobs', () => {
      throw forbidden(jobs, '', 'no')
    })
    await h.run(20 * minute + 5000)
    expect(h.names()).toEqual([named('2026-01-01T00:10:00Z')])
    expect(h.events()).toContain('FailedDelete: Deleted job: jobs.batch is forbidden: no')
    back()
    await h.run(5 * minute)
    expect(h.names()).toEqual([named('2026-01-01T00:20:00Z')])
  })

  it('reads its schedule in its time zone, across the change of clocks', async () => {
    const metadata = { creationTimestamp: '2026-03-28T00:00:00Z' }
    const spec = { schedule: '30 9 * * *', timeZone: 'Europe/Berlin' }
    await using h = await start(cronJob('tick', { metadata, spec }))
    h.clock.jump(Date.parse('2026-03-28T00:00:00Z') - h.clock.now())
    await h.run(2 * 24 * 60 * minute)
    const at = 'batch.kubernetes.io/cronjob-scheduled-timestamp'
    expect(h.client.stored(jobs).map(({ metadata: meta }) => meta?.annotations?.[at])).toEqual([
      '2026-03-28T09:30:00+01:00',
      '2026-03-29T09:30:00+02:00',
    ])
  })

  it.each([
    [{ timeZone: 'Mars/Olympus' }, 'UnknownTimeZone: invalid timeZone: "Mars/Olympus": unknown time zone Mars/Olympus'],
    [
      { schedule: '* * *' },
      'UnparseableSchedule: unparseable schedule: "* * *" : expected exactly 5 fields, found 3: [* * *]',
    ],
    [
      { schedule: '59 23 31 2 *' },
      'InvalidSchedule: invalid schedule: 59 23 31 2 * : time difference between two schedules is less than 1 second',
    ],
  ])('with %j says what is wrong and goes no further', async (spec, text) => {
    await using h = await start(cronJob('tick', { spec }))
    await h.run(60 * minute)
    expect([h.names(), h.events()]).toEqual([[], [text]])
  })

  it('with a new schedule begins at its next time, not at those that it would have missed', async () => {
    await using h = await start(cronJob('tick', { spec: { schedule: '0 0 1 * *' } }))
    await h.run(25 * minute)
    h.edit((each) => (each.spec!.schedule = '*/10 * * * *'))
    await h.run(4 * minute)
    expect(h.names()).toEqual([])
    await h.run(2 * minute)
    expect(h.names()).toEqual([named('2026-01-01T00:30:00Z')])
  })

  it('being deleted makes nothing more', async () => {
    const metadata = { deletionTimestamp: '2026-01-01T00:00:00Z', finalizers: ['foregroundDeletion'] }
    await using h = await start(cronJob('tick', { metadata }))
    await h.run(30 * minute)
    expect(h.names()).toEqual([])
  })
})

describe('missed times', () => {
  const late = (spec: object, since: string) => start(cronJob('tick', { metadata: { creationTimestamp: since }, spec }))

  it('are made up for by one job, that of the last', async () => {
    await using h = await late({}, '2025-12-31T20:00:00Z')
    await h.run(10)
    expect(h.names()).toEqual([named('2026-01-01T00:00:00Z')])
    expect(h.events()).toEqual([`SuccessfulCreate: Created job ${named('2026-01-01T00:00:00Z')}`])
  })

  it('that are more than a hundred are warned of', async () => {
    await using h = await late({ schedule: '* * * * *' }, '2025-12-31T20:00:00Z')
    await h.run(10)
    expect(h.names()).toEqual([named('2026-01-01T00:00:00Z')])
    expect(h.events()[0]).toBe(
      'TooManyMissedTimes: too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check clock skew',
    )
  })

  it('longer ago than the starting deadline are let go', async () => {
    await using h = await late({ schedule: '0 * * * *', startingDeadlineSeconds: 600 }, '2025-12-31T20:30:00Z')
    await h.run(0)
    const before = h.names()
    h.clock.jump(70 * minute)
    await h.run(20_000)
    expect([before, h.names()]).toEqual([[named('2026-01-01T00:00:00Z')], [named('2026-01-01T00:00:00Z')]])
    h.clock.jump(55 * minute)
    await h.run(20_000)
    expect(h.names()).toEqual([named('2026-01-01T00:00:00Z'), named('2026-01-01T02:00:00Z')])
  })

  it('of irregular schedules are told exactly', async () => {
    await using h = await late({ schedule: '30 6-16/4 * * 1-5' }, '2025-12-29T00:00:00Z')
    h.clock.jump(12 * 60 * minute)
    await h.run(20_000)
    expect(h.names().at(-1)).toBe(named('2026-01-01T10:30:00Z'))
  })
})

describe('a clock that jumps', () => {
  it('forward, as after a night asleep, starts one job at once', async () => {
    await using h = await start(cronJob('tick'))
    h.clock.jump(8 * 60 * minute + 5 * minute)
    await h.run(20_000)
    expect(h.names()).toEqual([named('2026-01-01T08:00:00Z')])
  })

  it('back starts nothing again', async () => {
    await using h = await start(cronJob('tick'))
    await h.run(21 * minute)
    h.clock.jump(-15 * minute)
    await h.run(12 * minute)
    expect(h.names()).toHaveLength(2)
    await h.run(13 * minute)
    expect(h.names()).toHaveLength(3)
  })
})

describe('races', () => {
  it('a job that was made before its writing down was lost is taken up, not made again', async () => {
    await using h = await start(cronJob('tick'))
    const back = h.client.react('update', 'cronjobs', () => {
      throw internal('lost')
    })
    await h.run(10 * minute + 500)
    expect(h.names()).toEqual([named('2026-01-01T00:10:00Z')])
    back()
    await h.restart()
    await h.run(1000)
    expect(h.names()).toEqual([named('2026-01-01T00:10:00Z')])
    expect(h.status()).toMatchObject({
      active: [{ name: named('2026-01-01T00:10:00Z') }],
      lastScheduleTime: '2026-01-01T00:10:00Z',
    })
    expect(h.events()).toContain(
      `UnexpectedJob: Saw a job that the controller did not create or forgot: ${named('2026-01-01T00:10:00Z')}`,
    )
  })

  it('two at once make one job', async () => {
    const h = await harness((parts) => [cronJobController(parts), cronJobController(parts)], [cronJob('tick')])
    await h.run(30 * minute + 5000)
    expect(h.client.stored(jobs)).toHaveLength(3)
    expect(h.client.find(cronJobs, key('tick'))?.status?.active).toHaveLength(3)
    await h[Symbol.asyncDispose]()
  })

  it('makes no job twice while its caches are stale', async () => {
    await using h = await start(cronJob('tick'))
    const blind = h.client.react('watch', '*', () => 'blind')
    h.client.closeWatches()
    await h.run(30 * minute)
    expect(h.client.writes('create').filter(({ resource }) => resource === 'jobs')).toHaveLength(1)
    blind()
    await h.run(5 * minute)
    expect(h.names()).toEqual([named('2026-01-01T00:10:00Z'), named('2026-01-01T00:30:00Z')])
  })

  it('a job that went missing is no longer active; one that only the cache lacks still is', async () => {
    const active = [{ kind: 'Job', namespace: 'default', name: 'gone', uid: 'gone' }]
    await using h = await start(cronJob('tick', { status: { active } }))
    expect([h.status()?.active, h.events()]).toEqual([undefined, ['MissingJob: Active job went missing: gone']])
    const blind = h.client.react('watch', 'jobs', () => 'blind')
    h.client.closeWatches(jobs)
    h.client.seed(child('2026-01-01T00:00:00Z'))
    const reference = {
      kind: 'Job',
      namespace: 'default',
      name: named('2026-01-01T00:00:00Z'),
      uid: `${named('2026-01-01T00:00:00Z')}-uid`,
    }
    h.edit((each) => (each.status = { active: [reference] }))
    await h.run(100)
    expect(h.status()?.active).toHaveLength(1)
    blind()
  })

  it('a job that is listed already is not made again, whatever was the last time that was written down', async () => {
    const name = named('2026-01-01T00:10:00Z')
    const made = child('2026-01-01T00:10:00Z')
    const active = [{ kind: 'Job', namespace: 'default', name, uid: `${name}-uid` }]
    await using h = await start(cronJob('tick', { status: { active } }), made)
    await h.run(11 * minute)
    expect(h.client.writes('create').filter(({ resource }) => resource === 'jobs')).toEqual([])
  })

  it('a name that somebody else took is left alone', async () => {
    await using h = await start(cronJob('tick'), job(named('2026-01-01T00:10:00Z')))
    await h.run(15 * minute)
    expect(h.status()?.active).toBeUndefined()
    expect(h.names()).toHaveLength(1)
  })
})
