import type { Pod } from 'kubernetes-types/core/v1'
import { afterEach, beforeEach, expect, it } from 'vitest'
import type { ResourceClaim } from '#shared/kube/devices.ts'
import { extendedClaimStatus } from '#shared/kube/pod-claims.ts'
import { deviceClasses, pods, resourceClaims, resourceSlices } from '#shared/kube/resources.ts'
import { conflict, serviceUnavailable } from '#shared/kube/status.ts'
import { FakeClock, settle } from '../base/fake-clock.ts'
import { silentLogger } from '../base/logger.ts'
import { seededRandom } from '../base/random.ts'
import { InformerFactory } from '../client/informer-factory.ts'
import { FakeClient } from '../client/testing/fake-client.ts'
import { claim as claimNamed, deviceClass, driver, slice } from './devices/testing.ts'
import { startScheduler, type Scheduler } from './scheduler.ts'
import { node, pod } from './testing.ts'

let clock: FakeClock
let client: FakeClient
let informers: InformerFactory
let scheduler: Scheduler
let events: string[]

const group = { apiVersion: 'resource.k8s.io/v1' }
const claim = (name: string, ...more: Parameters<typeof claimNamed> extends [string, ...infer R] ? R : never) => ({
  ...group,
  kind: 'ResourceClaim',
  ...claimNamed(name, ...more),
})
const seedSlice = (...args: Parameters<typeof slice>) =>
  client.seed({ ...group, kind: 'ResourceSlice', ...slice(...args) })
const seedClass = (...args: Parameters<typeof deviceClass>) =>
  client.seed({ ...group, kind: 'DeviceClass', ...deviceClass(...args) })

beforeEach(async () => {
  clock = new FakeClock()
  client = new FakeClient({ clock })
  events = []
  const deps = { client, clock, random: seededRandom(1), logger: silentLogger }
  informers = new InformerFactory(deps)
  client.react('post', 'pods', (action) => {
    const target = (action.body as { target: { name: string } }).target.name
    client.change(pods, { namespace: action.namespace, name: action.name }, (bound) => (bound.spec!.nodeName = target))
    return {}
  })
  const recorder = {
    event: (about: { name?: string }, _type: string, reason: string, note: string) =>
      events.push(`${about.name} ${reason}: ${note}`),
  }
  client.seed(node('n1'))
  seedClass()
  seedSlice('n1', 1)
  scheduler = startScheduler({ ...deps, informers, events: recorder as never })
  await settle()
})
afterEach(async () => {
  await scheduler[Symbol.asyncDispose]()
  await informers[Symbol.asyncDispose]()
})

const using = (name: string, ...claims: string[]): Pod =>
  pod(name, { resourceClaims: claims.map((each) => ({ name: each, resourceClaimName: each })) } as never)
const key = (name: string) => ({ namespace: 'default', name })
const where = (name: string) => client.find(pods, key(name))?.spec?.nodeName
const find = (name: string): ResourceClaim | undefined => client.find(resourceClaims, key(name))
const users = (name: string) => (find(name)?.status?.reservedFor ?? []).map((consumer) => consumer.name)
const devices = (name: string) => find(name)?.status?.allocation?.devices?.results?.map(({ device }) => device)

it('writes down what a claim gets and for whom, and protects it, before it binds the pod', async () => {
  client.seed(claim('c'))
  client.seed(using('p', 'c'))
  await settle()
  expect(where('p')).toBe('n1')
  expect(find('c')).toMatchObject({
    metadata: { finalizers: ['resource.kubernetes.io/delete-protection'] },
    status: {
      allocation: { devices: { results: [{ request: 'gpu', driver, pool: 'n1', device: 'gpu-0' }] } },
      reservedFor: [{ resource: 'pods', name: 'p', uid: 'uid-p' }],
    },
  })
  const verbs = client.actions.filter(({ verb }) => verb === 'patch' || verb === 'post').map((each) => each.resource)
  expect(verbs).toEqual(['resourceclaims', 'resourceclaims', 'pods'])
})

it('lets two pods share a claim, and a third with another claim wait until the device is given back', async () => {
  for (const each of [claim('c'), claim('d'), using('p', 'c'), using('q', 'c'), using('r', 'd')]) client.seed(each)
  await clock.advance(2000)
  expect([where('p'), where('q'), where('r')]).toEqual(['n1', 'n1', undefined])
  expect(users('c')).toEqual(['p', 'q'])
  expect(events).toContain(
    'r FailedScheduling: 0/1 nodes are available: 1 cannot allocate all claims. still not schedulable, preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling.',
  )
  client.change(resourceClaims, key('c'), (one) => (one.status = {}))
  await clock.advance(2000)
  expect([where('r'), devices('d')]).toEqual(['n1', ['gpu-0']])
})

it('never gives one device to two claims, though the caches have not seen the first', async () => {
  const named = Array.from({ length: 20 }, (_, i) => String(i))
  for (const i of named) client.seed(claim(`c${i}`))
  for (const i of named) client.seed(using(`p${i}`, `c${i}`))
  await clock.advance(30_000)
  expect(named.filter((i) => where(`p${i}`))).toHaveLength(1)
  expect(named.flatMap((i) => devices(`c${i}`) ?? [])).toEqual(['gpu-0'])
})

it('keeps a pod aside until its claim is there, and says why it is', async () => {
  client.seed(using('p', 'c'))
  await clock.advance(60_000)
  expect(scheduler.waiting('uid-p')).toMatchObject({ where: 'gated', gate: 'could not find ResourceClaim "default/c"' })
  expect(events).toEqual([])
  client.seed(claim('c'))
  await settle()
  expect(where('p')).toBe('n1')
})

it('tries a pod when the name of its generated claim is known', async () => {
  const owner = { apiVersion: 'v1', kind: 'Pod', name: 'p', uid: 'uid-p', controller: true }
  client.seed(pod('p', { resourceClaims: [{ name: 'gpu', resourceClaimTemplateName: 't' }] } as never))
  client.seed(claim('p-gpu-x', undefined, { metadata: { ownerReferences: [owner] } }))
  await settle()
  expect(where('p')).toBeUndefined()
  client.change(pods, key('p'), (one) => {
    Object.assign(one, { status: { resourceClaimStatuses: [{ name: 'gpu', resourceClaimName: 'p-gpu-x' }] } })
  })
  await settle()
  expect([where('p'), users('p-gpu-x')]).toEqual(['n1', ['p']])
})

it('writes again what met another write, and keeps what that said', async () => {
  let meets = 2
  client.react('patch', 'resourceclaims', () => {
    if (meets-- <= 0) return undefined
    client.change(resourceClaims, key('c'), (one) => (one.metadata!.labels = { meets: String(meets) }))
    throw conflict({ group: 'resource.k8s.io', plural: 'resourceclaims' }, 'c', 'it changed')
  })
  client.seed(claim('c'))
  client.seed(using('p', 'c'))
  await settle()
  expect([where('p'), find('c')?.metadata?.labels, users('c')]).toEqual(['n1', { meets: '0' }, ['p']])
})

it('takes a reservation back when the pod could not be bound, and gives others the device meanwhile', async () => {
  let failures = 1
  client.react('post', 'pods', () => {
    if (failures-- > 0) throw serviceUnavailable('the store is full')
    return undefined
  })
  client.seed(claim('c'))
  client.seed(using('p', 'c'))
  await settle()
  expect([where('p'), users('c'), devices('c')]).toEqual([undefined, [], ['gpu-0']])
  await clock.advance(2000)
  expect([where('p'), users('c')]).toEqual(['n1', ['p']])
})

it('forgets an allocation that could not be written', async () => {
  let failures = 1
  client.react('patch', 'resourceclaims', () => {
    if (failures-- > 0) throw serviceUnavailable('the store is full')
    return undefined
  })
  client.seed(claim('c'))
  client.seed(using('p', 'c'))
  await settle()
  expect(events.at(-1)).toContain('add allocation and reservation to claim default/c: ')
  await clock.advance(2000)
  expect(where('p')).toBe('n1')
})

it('gives a claim back that leads to a node which is full, and finds it another', async () => {
  client.seed(node('n2'))
  seedSlice('n2', 1)
  client.seed(claim('c'))
  client.seed(using('p', 'c'))
  await settle()
  const there = where('p')!
  client.remove(pods, key('p'))
  client.change(resourceClaims, key('c'), (one) => (one.status!.reservedFor = []))
  client.seed({
    ...using('q', 'c'),
    spec: { ...using('q', 'c').spec!, nodeSelector: { 'kubernetes.io/hostname': there === 'n1' ? 'n2' : 'n1' } },
  })
  await clock.advance(5000)
  expect(events.some((event) => event.includes('deallocation of ResourceClaim completed'))).toBe(true)
  expect([where('q'), users('c')]).toEqual([there === 'n1' ? 'n2' : 'n1', ['q']])
})

it('waits until drivers have made a device ready, and tells the pod that it does', async () => {
  client.remove(resourceSlices, { name: slice('n1', 1).metadata!.name! })
  seedSlice('n1', [{ name: 'far', bindingConditions: ['Attached'], bindingFailureConditions: ['Failed'] }])
  await settle()
  client.seed(claim('c'))
  client.seed(using('p', 'c'))
  await clock.advance(20_000)
  expect(where('p')).toBeUndefined()
  expect(events).toEqual(['p BindingConditionsPending: waiting for binding conditions for device on node n1'])
  client.change(resourceClaims, key('c'), (one) => {
    one.status!.devices = [{ driver, pool: 'n1', device: 'far', conditions: [{ type: 'Attached', status: 'True' }] }]
  })
  await clock.advance(6000)
  expect(where('p')).toBe('n1')
})

it('gives a claim other devices when one was not made ready in ten minutes', async () => {
  client.remove(resourceSlices, { name: slice('n1', 1).metadata!.name! })
  seedSlice('n1', [{ name: 'far', bindingConditions: ['Attached'], bindingFailureConditions: ['Failed'] }])
  client.seed(claim('c'))
  client.seed(using('p', 'c'))
  await clock.advance(590_000)
  expect(devices('c')).toEqual(['far'])
  client.remove(resourceSlices, { name: slice('n1', [{ name: 'far' }]).metadata!.name! })
  seedSlice('n1', [{ name: 'near' }])
  await clock.advance(60_000)
  expect([where('p'), devices('c')]).toEqual(['n1', ['near']])
  expect(events.some((event) => event.includes('claim c binding timeout'))).toBe(true)
})

it('makes a claim of extended resources, tells the pod of it, and deletes it when the pod is not bound', async () => {
  client.change(deviceClasses, { name: 'gpu' }, (one) => (one.spec = { extendedResourceName: 'example.com/gpu' }))
  let failures = 1
  client.react('post', 'pods', () => {
    if (failures-- > 0) throw serviceUnavailable('the store is full')
    return undefined
  })
  client.seed(pod('p', { requests: { 'example.com/gpu': '1' } }))
  await settle()
  expect(client.stored(resourceClaims)).toEqual([])
  await clock.advance(3000)
  const [made] = client.stored(resourceClaims)
  expect(made).toMatchObject({
    metadata: {
      annotations: { 'resource.kubernetes.io/extended-resource-claim': 'true' },
      ownerReferences: [{ name: 'p' }],
    },
    spec: { devices: { requests: [{ name: 'container-0-request-0', exactly: { deviceClassName: 'gpu', count: 1 } }] } },
    status: { reservedFor: [{ name: 'p' }] },
  })
  expect([where('p'), extendedClaimStatus(client.find(pods, key('p'))!)]).toEqual([
    'n1',
    {
      resourceClaimName: made!.metadata!.name,
      requestMappings: [{ containerName: 'c', resourceName: 'example.com/gpu', requestName: 'container-0-request-0' }],
    },
  ])
})
