import { expect, it } from 'vitest'
import { events } from '#shared/kube/resources.ts'
import { forbidden, serviceUnavailable } from '#shared/kube/status.ts'
import { FakeClock, settle } from '../base/fake-clock.ts'
import { silentLogger } from '../base/logger.ts'
import { ApiEventRecorder } from './event-recorder.ts'
import { FakeClient } from './testing/fake-client.ts'

const about = { apiVersion: 'v1', kind: 'Pod', namespace: 'a', name: 'p', uid: 'u' }

function setup() {
  const clock = new FakeClock()
  const client = new FakeClient({ clock })
  const recorder = new ApiEventRecorder({ client, clock, logger: silentLogger, source: { component: 'test' } })
  return { clock, client, recorder }
}

it('creates an Event about the object, in its namespace and named after it', async () => {
  const { client, recorder } = setup()
  recorder.event(about, 'Normal', 'Tested', 'All is well')
  await settle()
  expect(client.stored(events)).toMatchObject([
    {
      metadata: { namespace: 'a', name: expect.stringMatching(/^p\.[0-9a-f]+$/) as string },
      involvedObject: about,
      reason: 'Tested',
      message: 'All is well',
      type: 'Normal',
      count: 1,
      source: { component: 'test' },
      reportingComponent: 'test',
      firstTimestamp: '2026-01-01T00:00:00Z',
      lastTimestamp: '2026-01-01T00:00:00Z',
    },
  ])
})

it('counts equal events in one object instead of creating more', async () => {
  const { clock, client, recorder } = setup()
  recorder.event(about, 'Warning', 'Failed', 'x')
  await clock.advance(60_000)
  recorder.event(about, 'Warning', 'Failed', 'x')
  await settle()
  const expected = { count: 2, firstTimestamp: '2026-01-01T00:00:00Z', lastTimestamp: '2026-01-01T00:01:00Z' }
  expect(client.stored(events)).toMatchObject([expected])
})

it('creates the event anew when it has expired on the server', async () => {
  const { client, recorder } = setup()
  recorder.event(about, 'Warning', 'Failed', 'x')
  await settle()
  client.remove(events, { namespace: 'a', name: client.stored(events)[0]!.metadata.name! })
  recorder.event(about, 'Warning', 'Failed', 'x')
  await settle()
  expect(client.stored(events).map((e) => e.count)).toEqual([2])
})

it('combines events that differ in their message only, from the tenth on', async () => {
  const { client, recorder } = setup()
  for (let i = 0; i < 15; i++) recorder.event(about, 'Normal', 'Noise', `message ${i}`)
  await settle()
  const stored = client.stored(events)
  expect(stored.length).toBe(10)
  expect(stored.at(-1)).toMatchObject({ message: '(combined from similar events): message 14', count: 6 })
})

it('lets 25 events about one object pass at once, then one every five minutes', async () => {
  const { clock, client, recorder } = setup()
  for (let i = 0; i < 40; i++) recorder.event(about, 'Normal', `Reason${i}`, 'x')
  await settle()
  expect(client.stored(events).length).toBe(25)
  await clock.advance(300_000)
  for (let i = 40; i < 45; i++) recorder.event(about, 'Normal', `Reason${i}`, 'x')
  recorder.event({ ...about, name: 'other' }, 'Normal', 'Reason', 'x')
  await settle()
  expect(client.stored(events).length).toBe(27)
})

it('waits for a server that is away, and gives up on one that refuses', async () => {
  const { clock, client, recorder } = setup()
  const back = client.react('create', 'events', () => {
    throw serviceUnavailable('away')
  })
  recorder.event(about, 'Normal', 'Kept', 'x')
  await settle()
  back()
  await clock.advance(10_000)
  expect(client.stored(events).map((e) => e.reason)).toEqual(['Kept'])
  client.react('create', 'events', () => {
    throw forbidden(events, '', 'namespace is being terminated')
  })
  recorder.event(about, 'Normal', 'Refused', 'x')
  await settle()
  expect(clock.pending).toBe(0)
})

it('sends a hundred events at once, then a hundred a second', async () => {
  const { clock, client, recorder } = setup()
  const some = (count: number, from: number) => {
    for (let i = from; i < from + count; i++) recorder.event({ ...about, name: `p${i}` }, 'Normal', 'Tested', 'x')
  }
  some(300, 0)
  await settle()
  expect(client.stored(events).length).toBe(100)
  await clock.advance(1000)
  expect(client.stored(events).length).toBe(200)
  await clock.advance(60_000)
  expect(client.stored(events).length).toBe(300)
  some(100, 300)
  await settle()
  expect(client.stored(events).length).toBe(400)
  expect(clock.pending).toBe(0)
})
