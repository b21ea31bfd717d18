import { afterEach, beforeEach, expect, it } from 'vitest'
import { nodes, pods } from '#shared/kube/resources.ts'
import { serviceUnavailable } from '#shared/kube/status.ts'
import { FakeClock, settle } from '../base/fake-clock.ts'
import { silentLogger } from '../base/logger.ts'
import { seededRandom } from '../base/random.ts'
import { InformerFactory } from '../client/informer-factory.ts'
import { FakeClient } from '../client/testing/fake-client.ts'
import { startScheduler } from './scheduler.ts'
import { node, pod } from './testing.ts'

let clock: FakeClock
let client: FakeClient
let informers: InformerFactory
let scheduler: AsyncDisposable
let events: string[]

beforeEach(() => {
  clock = new FakeClock()
  client = new FakeClient({ clock })
  events = []
})
afterEach(async () => {
  await scheduler[Symbol.asyncDispose]()
  await informers[Symbol.asyncDispose]()
})

async function start(): Promise<void> {
  const deps = { client, clock, random: seededRandom(1), logger: silentLogger }
  informers = new InformerFactory(deps)
  // A binding puts the pod on the node, as the API server does.
  client.react('post', 'pods', (action) => {
    const target = (action.body as { target: { name: string } }).target.name
    client.change(pods, { namespace: action.namespace, name: action.name }, (bound) => (bound.spec!.nodeName = target))
    return {}
  })
  const recorder = {
    event: (about: { name?: string }, _type: string, reason: string) => events.push(`${about.name} ${reason}`),
  }
  scheduler = startScheduler({ ...deps, informers, events: recorder as never })
  await settle()
}
const where = (name: string) => client.find(pods, { namespace: 'default', name })?.spec?.nodeName

it('binds a pod once, however many events come of it', async () => {
  client.seed(node('a'))
  client.seed(pod('web'))
  await start()
  expect(where('web')).toBe('a')
  expect(client.actions.filter(({ verb }) => verb === 'post')).toHaveLength(1)
  expect(events).toEqual(['web Scheduled'])
})

const boundFor = (...values: string[]) => ({
  affinity: {
    nodeAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: {
        nodeSelectorTerms: [{ matchFields: [{ key: 'metadata.name', operator: 'In', values }] }],
      },
    },
  },
})

it('looks at no other node for a pod that is bound for one by name, and says how many that leaves out', async () => {
  for (const name of ['a', 'b', 'c']) client.seed(node(name, { allocatable: { cpu: '1' } }))
  client.seed(pod('fits', { requests: { cpu: '1' }, ...boundFor('b') }))
  client.seed(pod('full', { requests: { cpu: '1' }, ...boundFor('b') }))
  client.seed(pod('absent', boundFor('d')))
  await start()
  const message = (name: string) =>
    client
      .find(pods, { namespace: 'default', name })
      ?.status?.conditions?.find(({ type }) => type === 'PodScheduled')
      ?.message?.split('.')[0]
  expect(where('fits')).toBe('b')
  expect([message('full'), message('absent')]).toEqual([
    "0/3 nodes are available: 1 Insufficient cpu, 2 node(s) didn't satisfy plugin(s) [NodeAffinity]",
    "0/3 nodes are available: 3 node(s) didn't satisfy plugin(s) [NodeAffinity]",
  ])
  client.seed(node('d'))
  await clock.advance(2000)
  expect(where('absent')).toBe('d')
})

it('does not give the room of a pod whose binding is on its way to another', async () => {
  client.seed(node('a', { allocatable: { cpu: '1' } }))
  client.seed(pod('first', { requests: { cpu: '1' } }))
  client.seed(pod('second', { requests: { cpu: '1' } }))
  await start()
  expect([where('first'), where('second')]).toEqual(['a', undefined])
})

it('tells why a pod is pending in its condition, and places it when a node comes', async () => {
  client.seed(pod('web'))
  await start()
  expect(client.find(pods, { namespace: 'default', name: 'web' })?.status?.conditions).toMatchObject([
    { type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message: 'no nodes available to schedule pods' },
  ])
  client.seed(node('a'))
  await clock.advance(1000)
  expect(where('web')).toBe('a')
})

it('places a waiting pod when another one ends and makes room', async () => {
  client.seed(node('a', { allocatable: { cpu: '1' } }))
  client.seed(pod('old', { requests: { cpu: '1' }, nodeName: 'a' }))
  client.seed(pod('new', { requests: { cpu: '1' } }))
  await start()
  expect(where('new')).toBeUndefined()
  client.change(pods, { namespace: 'default', name: 'old' }, (old) =>
    Object.assign(old, { status: { phase: 'Succeeded' } }),
  )
  await clock.advance(1000)
  expect(where('new')).toBe('a')
})

it('tries again after a binding failed, and has given the room back', async () => {
  client.seed(node('a', { allocatable: { cpu: '1' } }))
  client.seed(pod('web', { requests: { cpu: '1' } }))
  await start()
  client.remove(pods, { namespace: 'default', name: 'web' })
  await settle()
  let failures = 1
  client.react('post', 'pods', () => {
    if (failures-- > 0) throw serviceUnavailable('the store is full')
    return undefined
  })
  client.seed({ ...pod('again', { requests: { cpu: '1' } }) })
  await settle()
  expect(where('again')).toBeUndefined()
  await clock.advance(2000)
  expect(where('again')).toBe('a')
})

it('leaves pods of other schedulers and gated pods alone', async () => {
  client.seed(node('a'))
  client.seed(pod('other', { schedulerName: 'mine' }))
  client.seed(pod('gated', { schedulingGates: [{ name: 'wait' }] } as never))
  await start()
  expect([where('other'), where('gated')]).toEqual([undefined, undefined])
})

it('counts the pods of a node that comes only after them', async () => {
  client.seed(pod('old', { requests: { cpu: '4' }, nodeName: 'late' }))
  client.seed(pod('new', { requests: { cpu: '1' } }))
  await start()
  client.seed(node('late'))
  await clock.advance(2000)
  expect(where('new')).toBeUndefined()
  expect(client.find(nodes, { name: 'late' })).toBeDefined()
})
