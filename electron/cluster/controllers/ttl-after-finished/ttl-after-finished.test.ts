import type { Job } from 'kubernetes-types/batch/v1'
import { expect, it } from 'vitest'
import { jobs } from '#shared/kube/resources.ts'
import { job } from '../framework/testing/builders.ts'
import { harness } from '../framework/testing/harness.ts'
import { ttlAfterFinishedController } from './controller.ts'

const start = (...objects: Job[]) => harness((parts) => [ttlAfterFinishedController(parts)], objects)
const key = { namespace: 'default', name: 'done' }
const ended = (ttl: number | undefined, at = '2026-01-01T00:00:00Z', type = 'Complete') =>
  job('done', {
    spec: ttl === undefined ? {} : { ttlSecondsAfterFinished: ttl },
    status: { conditions: [{ type, status: 'True', lastTransitionTime: at }] },
  })

it.each(['Complete', 'Failed'])(
  'deletes a job that is %s at the second that its time is over, with its pods',
  async (type) => {
    await using h = await start(ended(60, '2026-01-01T00:00:00Z', type))
    await h.run(59_999)
    expect(h.client.writes()).toEqual([])
    await h.run(1)
    expect(h.client.writes()).toMatchObject([
      {
        verb: 'delete',
        name: 'done',
        options: { propagationPolicy: 'Foreground', preconditions: { uid: 'done-uid' } },
      },
    ])
  },
)

it('deletes at once what should not be kept at all, and nothing that may live or has not ended', async () => {
  const running = job('running', { spec: { ttlSecondsAfterFinished: 0 } })
  await using h = await start(ended(0), running, {
    ...ended(undefined),
    metadata: { name: 'kept', namespace: 'default' },
  })
  await h.run(3_600_000)
  expect(h.client.writes().map(({ verb, name }) => `${verb} ${name}`)).toEqual(['delete done'])
})

it('asks the server first: what was prolonged while the cache was stale lives on', async () => {
  await using h = await start(ended(60))
  const blind = h.client.react('watch', 'jobs', () => 'blind')
  h.client.closeWatches(jobs)
  h.client.change(jobs, key, (each) => (each.spec!.ttlSecondsAfterFinished = 120))
  await h.run(70_000)
  expect(h.client.writes()).toEqual([])
  blind()
  await h.run(60_000)
  expect(h.client.writes()).toHaveLength(1)
})

it('deletes no job of the same name that was made meanwhile', async () => {
  await using h = await start(ended(60))
  const blind = h.client.react('watch', 'jobs', () => 'blind')
  h.client.closeWatches(jobs)
  h.client.remove(jobs, key)
  h.client.seed({ ...job('done'), metadata: { name: 'done', namespace: 'default', uid: 'another' } })
  await h.run(600_000)
  blind()
  await h.run(60_000)
  expect(h.client.writes()).toEqual([])
})

it('notices that its time passed while the machine slept', async () => {
  await using h = await start(ended(3600))
  h.clock.jump(3_700_000)
  await h.run(20_000)
  expect(h.client.writes()).toHaveLength(1)
})

it('leaves alone what is being deleted already', async () => {
  const going = ended(0)
  await using h = await start({
    ...going,
    metadata: { ...going.metadata, deletionTimestamp: '2026-01-01T00:00:00Z', finalizers: ['foregroundDeletion'] },
  })
  await h.run(60_000)
  expect(h.client.writes()).toEqual([])
})
