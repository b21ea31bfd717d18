import { beforeEach, describe, expect, it } from 'vitest'
import type { Pod as PodObject } from 'kubernetes-types/core/v1'
import { pods } from '#shared/kube/resources.ts'
import { serviceUnavailable } from '#shared/kube/status.ts'
import { FakeClock, settle } from '../../base/fake-clock.ts'
import { silentLogger } from '../../base/logger.ts'
import { seededRandom } from '../../base/random.ts'
import { FakeClient } from '../../client/testing/fake-client.ts'
import { pod } from '../testing/builders.ts'
import type { Pod, PodStatus } from '../types.ts'
import { statusPatch } from './merge.ts'
import { StatusManager } from './status-manager.ts'

let clock: FakeClock
let client: FakeClient
let manager: StatusManager
let stored: Pod

beforeEach(() => {
  clock = new FakeClock()
  client = new FakeClient({ clock })
  manager = new StatusManager({ client, clock, random: seededRandom(1), logger: silentLogger })
  stored = client.seed(pod() as unknown as PodObject)
})

const now = () => client.find(pods, { namespace: 'shop', name: 'web-1' })
const status = (phase: string, ready = 'False'): PodStatus => ({
  phase,
  conditions: [{ type: 'Ready', status: ready }],
})
const patches = () => client.writes('patch')

describe('the status manager', () => {
  it('writes a status once, however often it is given', async () => {
    manager.set(stored, status('Pending'))
    await settle()
    manager.set(stored, status('Pending'))
    await settle()
    expect(patches()).toHaveLength(1)
    expect(now()?.status?.phase).toBe('Pending')
  })

  it('sends only what has changed, under the uid of the pod', async () => {
    manager.set(stored, { ...status('Running'), podIP: '10.244.0.5' })
    await settle()
    manager.set(stored, { ...status('Running', 'True'), podIP: '10.244.0.5' })
    await settle()
    expect(patches()[1]?.body).toMatchObject({
      metadata: { uid: 'uid-1' },
      status: { conditions: [{ type: 'Ready', status: 'True' }] },
    })
    expect(Object.keys((patches()[1]!.body as { status: object }).status)).toEqual(['conditions'])
  })

  it('keeps the time of a transition until the next one', async () => {
    manager.set(stored, status('Running'))
    await settle()
    await clock.advance(5000)
    manager.set(stored, { ...status('Running'), message: 'changed' })
    await settle()
    expect(now()?.status?.conditions?.[0]?.lastTransitionTime).toBe('2026-01-01T00:00:00Z')
    manager.set(stored, status('Running', 'True'))
    await settle()
    expect(now()?.status?.conditions?.[0]?.lastTransitionTime).toBe('2026-01-01T00:00:05Z')
  })

  it('never lets an older status win while a write is slow', async () => {
    const gate = Promise.withResolvers<void>()
    let calls = 0
    client.react('patch', 'pods', () => (calls++ === 0 ? gate.promise : undefined))
    manager.set(stored, status('Pending'))
    await settle()
    manager.set(stored, status('Running'))
    manager.set(stored, status('Running', 'True'))
    await settle()
    expect(patches()).toHaveLength(1)
    gate.resolve()
    await settle()
    await settle()
    expect(patches()).toHaveLength(2)
    expect(now()?.status).toMatchObject({ phase: 'Running', conditions: [{ status: 'True' }] })
  })

  it('tries again when the server is away', async () => {
    const away = client.react('patch', 'pods', () => {
      throw serviceUnavailable('starting')
    })
    manager.set(stored, status('Running'))
    await settle()
    expect(now()?.status?.phase).not.toBe('Running')
    away()
    await clock.advance(2000)
    expect(now()?.status?.phase).toBe('Running')
  })

  it('writes its status again when somebody else has changed it', async () => {
    manager.set(stored, status('Running'))
    await settle()
    const changed = client.change(pods, { namespace: 'shop', name: 'web-1' }, (object) => {
      Object.assign(object, { status: { ...object.status, phase: 'Pending' } })
    })
    manager.observe(changed)
    await settle()
    expect(now()?.status?.phase).toBe('Running')
  })

  it('takes no notice of what the watch shows of the time before its own write', async () => {
    manager.set(stored, status('Running'))
    await settle()
    manager.observe(stored)
    await settle()
    expect(patches()).toHaveLength(1)
  })

  it('leaves conditions of others alone', async () => {
    client.change(pods, { namespace: 'shop', name: 'web-1' }, (object) => {
      Object.assign(object, { status: { conditions: [{ type: 'example.com/lb', status: 'True' }] } })
    })
    manager.set(stored, status('Running'))
    await settle()
    expect(now()?.status?.conditions?.map(({ type }) => type)).toEqual(['example.com/lb', 'Ready'])
  })

  it('removes a deleted pod only after its last status is written and it has finished', async () => {
    await client.delete(pods, { namespace: 'shop', name: 'web-1' }, { gracePeriodSeconds: 30 })
    const deleted = now()!
    manager.set(deleted, status('Running'))
    await settle()
    expect(client.writes('delete')).toHaveLength(1)
    manager.set(deleted, status('Succeeded'))
    manager.finish(deleted)
    await settle()
    await settle()
    expect(client.writes().map(({ verb }) => verb)).toEqual(['delete', 'patch', 'patch', 'delete'])
    expect(now()).toBeUndefined()
  })
})

it('takes the reason of a condition back when there is none any more', () => {
  const unready = {
    type: 'Ready',
    status: 'False',
    reason: 'ContainersNotReady',
    message: 'containers with unready status: [web]',
  }
  const patch = statusPatch({ conditions: [unready] }, { conditions: [{ type: 'Ready', status: 'True' }] })
  expect(patch).toEqual({ conditions: [{ type: 'Ready', status: 'True', reason: null, message: null }] })
})

it('replaces addresses that have changed instead of adding to them', () => {
  const ips = (ip: string): PodStatus => ({ podIP: ip, podIPs: [{ ip }] })
  expect(statusPatch({}, ips('10.0.0.1'))).toEqual({ podIP: '10.0.0.1', podIPs: [{ ip: '10.0.0.1' }] })
  expect(statusPatch(ips('10.0.0.1'), ips('10.0.0.2'))).toEqual({
    podIP: '10.0.0.2',
    podIPs: [{ $patch: 'replace' }, { ip: '10.0.0.2' }],
  })
  expect(statusPatch({ reason: 'Evicted' }, {})).toEqual({ reason: null })
})

it('leaves what the scheduler and controllers say of claims alone', () => {
  const claims = {
    resourceClaimStatuses: [{ name: 'a', resourceClaimName: 'x' }],
    extendedResourceClaimStatus: { resourceClaimName: 'y', requestMappings: [] },
  }
  expect(statusPatch({ ...claims, phase: 'Pending' } as PodStatus, { phase: 'Running' })).toEqual({ phase: 'Running' })
})
