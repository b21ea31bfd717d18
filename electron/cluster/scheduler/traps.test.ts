import type { Pod } from 'kubernetes-types/core/v1'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import * as resources from '#shared/kube/resources.ts'
import { nodes, pods } from '#shared/kube/resources.ts'
import { conflict, serviceUnavailable } from '#shared/kube/status.ts'
import { FakeClock, settle } from '../base/fake-clock.ts'
import { silentLogger } from '../base/logger.ts'
import { seededRandom } from '../base/random.ts'
import { InformerFactory } from '../client/informer-factory.ts'
import { FakeClient } from '../client/testing/fake-client.ts'
import { defaultProfile, type Profile } from './profile.ts'
import { startScheduler, type Scheduler } from './scheduler.ts'
import { node, pod } from './testing.ts'

let clock: FakeClock
let client: FakeClient
let informers: InformerFactory
let scheduler: Scheduler
let events: string[]
/** Bindings that are under way: each goes on when it is told to. */
let held: (() => void)[] | undefined

beforeEach(() => {
  clock = new FakeClock()
  client = new FakeClient({ clock })
  events = []
  held = undefined
})
afterEach(async () => {
  for (const release of held ?? []) release()
  await settle()
  await scheduler[Symbol.asyncDispose]()
  await informers[Symbol.asyncDispose]()
})

async function start(profiles?: readonly Profile[]): Promise<void> {
  const deps = { client, clock, random: seededRandom(1), logger: silentLogger }
  informers = new InformerFactory(deps)
  const post = client.post.bind(client)
  client.post = async (...args) => {
    if (held) await new Promise<void>((resolve) => held!.push(resolve))
    return post(...args)
  }
  const recorder = {
    event: (about: { name?: string }, _type: string, reason: string, message: string) =>
      events.push(`${about.name} ${reason}: ${message}`),
  }
  scheduler = startScheduler({
    ...deps,
    informers,
    events: recorder as never,
    ...(profiles ? { profiles } : {}),
  })
  await settle()
}
const find = (name: string) => client.find(pods, { namespace: 'default', name })
const where = (name: string) => find(name)?.spec?.nodeName
const key = (name: string) => ({ namespace: 'default', name })
const scheduled = (name: string) => find(name)?.status?.conditions?.find(({ type }) => type === 'PodScheduled')
const cpu = (amount: string) => ({ requests: { cpu: amount } })
const one = (name: string) => node(name, { allocatable: { cpu: '1' } })
const bindings = () => client.writes('post').map(({ name }) => name)

describe('an assumed pod', () => {
  it('gives its room back, to a pod that waits for it, when its binding fails', async () => {
    client.seed(one('a'))
    client.seed(pod('first', { ...cpu('1'), priority: 1 }))
    client.seed(pod('second', cpu('1')))
    client.react('post', 'pods', ({ name }) => {
      if (name === 'first') throw serviceUnavailable('the store is full')
      return undefined
    })
    await start()
    await clock.advance(10)
    expect([where('first'), where('second')]).toEqual([undefined, 'a'])
    expect(scheduled('first')).toMatchObject({
      status: 'False',
      reason: 'SchedulerError',
      message: 'the store is full',
    })
  })

  it('that is deleted before its binding arrives gives its room back at once', async () => {
    client.seed(one('a'))
    client.seed(pod('first', { ...cpu('1'), priority: 1 }))
    client.seed(pod('second', cpu('1')))
    held = []
    await start()
    expect(scheduled('second')?.reason).toBe('Unschedulable')
    client.remove(pods, key('first'))
    await settle()
    for (const release of held.splice(0)) release()
    await clock.advance(10)
    for (const release of held.splice(0)) release()
    await settle()
    expect(where('second')).toBe('a')
    expect(events.filter((text) => text.startsWith('first'))).toEqual([])
  })

  it('that is deleted after its binding, before anybody saw it, leaves nothing behind', async () => {
    client.seed(one('a'))
    await start()
    client.seed(pod('first', cpu('1')))
    await settle()
    client.remove(pods, key('first'))
    client.seed(pod('second', cpu('1')))
    await settle()
    expect(where('second')).toBe('a')
  })

  it('is not tried again where another scheduler was faster', async () => {
    client.seed(one('a'))
    client.seed(one('b'))
    client.seed(pod('web', cpu('1')))
    client.react('post', 'pods', ({ name }) => {
      if (!where(name)) client.change(pods, key(name), (bound) => (bound.spec!.nodeName = 'b'))
      throw conflict(pods, name, 'pod web is already assigned to node "b"')
    })
    await start()
    await clock.advance(60_000)
    expect(bindings()).toEqual(['web'])
    client.seed(pod('next', cpu('1')))
    await settle()
    expect(bindings()).toEqual(['web', 'next'])
  })
})

it('does not trip over a node that is deleted while a binding to it is under way', async () => {
  client.seed(one('a'))
  client.seed(pod('web', cpu('1')))
  held = []
  await start()
  client.remove(nodes, { name: 'a' })
  client.seed(one('b'))
  await settle()
  for (const release of held.splice(0)) release()
  held = undefined
  await settle()
  expect(where('web')).toBe('a')
  client.seed(pod('next', cpu('1')))
  await settle()
  expect(where('next')).toBe('b')
  // The node is back: its pod still counts there.
  client.seed(one('a'))
  client.seed(pod('last', cpu('1')))
  await settle()
  expect(where('last')).toBeUndefined()
})

it('gives the last CPU to one of two pods that race for it, and to the more important one', async () => {
  client.seed(one('a'))
  client.seed(pod('a-low', cpu('1')))
  client.seed(pod('b-high', { ...cpu('1'), priority: 10 }))
  await start()
  expect([where('a-low'), where('b-high')]).toEqual([undefined, 'a'])
  expect(bindings()).toEqual(['b-high'])
  expect(events).toContain(
    'a-low FailedScheduling: 0/1 nodes are available: 1 Insufficient cpu. no new claims to deallocate, preemption: 0/1 nodes are available: 1 No preemption victims found for incoming pod.',
  )
})

describe('preemption', () => {
  const low = (name: string, more = {}) => pod(name, { ...cpu('1'), nodeName: 'a', priority: 1, ...more })
  const high = (name = 'high', more = {}) => pod(name, { ...cpu('1'), priority: 100, ...more })

  it('evicts gracefully, with condition and event, nominates the node and places the pod when its victim is gone', async () => {
    client.seed(one('a'))
    client.seed(low('low'))
    await start()
    client.seed(high())
    await settle()
    expect(find('low')?.metadata?.deletionTimestamp).toBeDefined()
    expect(find('low')?.status?.conditions).toMatchObject([
      {
        type: 'DisruptionTarget',
        status: 'True',
        reason: 'PreemptionByScheduler',
        message: 'default-scheduler: preempting to accommodate a higher priority pod',
      },
    ])
    expect(find('high')?.status?.nominatedNodeName).toBe('a')
    expect(events).toEqual([
      'high FailedScheduling: 0/1 nodes are available: 1 Insufficient cpu.',
      'low Preempted: Preempted by pod uid-high on node a',
    ])
    client.remove(pods, key('low'))
    await settle()
    expect(where('high')).toBe('a')
  })

  it('is not repeated while the victim terminates', async () => {
    client.seed(one('a'))
    client.seed(one('b'))
    client.seed(low('low'))
    client.seed(low('other', { nodeName: 'b', priority: 2 }))
    await start()
    client.seed(high())
    await settle()
    // Anything that wakes the pod meanwhile.
    client.seed(pod('bystander', { nodeName: 'b' }))
    client.remove(pods, key('bystander'))
    await clock.advance(20_000)
    expect(client.writes('delete').map(({ name }) => name)).toEqual(['low'])
    expect(events.filter((text) => text.includes('FailedScheduling')).at(-1)).toContain(
      'preemption: not eligible due to a terminating pod on the nominated node.',
    )
  })

  it('keeps the room that is being cleared from less important pods', async () => {
    client.seed(one('a'))
    client.seed(low('low'))
    await start()
    client.seed(high())
    await settle()
    client.seed(pod('sneaky', cpu('1')))
    await settle()
    client.remove(pods, key('low'))
    await settle()
    expect([where('high'), where('sneaky')]).toEqual(['a', undefined])
  })

  it('is tried again when an eviction failed', async () => {
    client.seed(one('a'))
    client.seed(low('low'))
    let failures = 1
    client.react('delete', 'pods', () => {
      if (failures-- > 0) throw serviceUnavailable('the store is full')
      return undefined
    })
    await start()
    client.seed(high())
    await clock.advance(1000)
    expect(find('low')?.metadata?.deletionTimestamp).toBeDefined()
  })

  it('respects disruption budgets that are known', async () => {
    client.seed(one('a'))
    client.seed(one('b'))
    client.seed(low('guarded', { labels: { app: 'db' } }))
    client.seed(low('free', { nodeName: 'b', priority: 50 }))
    client.seed({
      apiVersion: 'policy/v1',
      kind: 'PodDisruptionBudget',
      metadata: { name: 'db', namespace: 'default' },
      spec: { selector: { matchLabels: { app: 'db' } } },
      status: { disruptionsAllowed: 0 },
    } as never)
    await start()
    client.seed(high())
    await settle()
    expect(client.writes('delete').map(({ name }) => name)).toEqual(['free'])
  })

  it('takes the nomination from a less important pod that waits for the same node', async () => {
    client.seed(one('a'))
    client.seed(low('low'))
    await start()
    client.seed(pod('middle', { ...cpu('1'), priority: 50 }))
    await settle()
    expect(find('middle')?.status?.nominatedNodeName).toBe('a')
    client.seed(high())
    await settle()
    client.remove(pods, key('low'))
    await clock.advance(1000)
    expect([where('high'), where('middle'), find('middle')?.status?.nominatedNodeName]).toEqual([
      'a',
      undefined,
      undefined,
    ])
  })
})

it('tries no waiting pod again for what others say of themselves, and does when one asks for less', async () => {
  client.seed(one('a'))
  client.seed(pod('running', { ...cpu('1'), nodeName: 'a' }))
  client.seed(pod('waiting', cpu('1')))
  await start()
  const granted = { containerStatuses: [{ name: 'c', resources: { requests: { cpu: '1000m' } } }] }
  client.change(pods, key('running'), (old) => Object.assign(old, { status: { phase: 'Running', ...granted } }))
  await clock.advance(60_000)
  expect(events).toHaveLength(1)
  client.change(pods, key('running'), (old) => {
    const less = { requests: { cpu: '0' } }
    Object.assign(old.spec!.containers[0]!, { resources: less })
    Object.assign(old.status!, {
      containerStatuses: [{ name: 'c', resources: less, allocatedResources: { cpu: '0' } }],
    })
  })
  await settle()
  expect(where('waiting')).toBe('a')
})

it('places a gated pod as soon as its gates are gone, and leaves the condition of the API server alone', async () => {
  client.seed(one('a'))
  client.seed(pod('web', { schedulingGates: [{ name: 'wait' }] }))
  await start()
  expect([where('web'), scheduled('web')]).toEqual([undefined, undefined])
  client.change(pods, key('web'), ({ spec, metadata }) => {
    delete (spec as { schedulingGates?: unknown }).schedulingGates
    Object.assign(metadata!, { generation: 2 })
  })
  await settle()
  expect(where('web')).toBe('a')
})

it('writes a condition once, however often the same is found', async () => {
  client.seed(node('a', { unschedulable: true }))
  client.seed(pod('web'))
  await start()
  await clock.advance(700_000)
  expect(events.length).toBeGreaterThan(1)
  expect(client.writes('patch')).toHaveLength(1)
  expect(scheduled('web')).toMatchObject({
    reason: 'Unschedulable',
    observedGeneration: 1,
    message:
      '0/1 nodes are available: 1 node(s) were unschedulable. no new claims to deallocate, preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling.',
  })
})

it('brings the first pods of a group that wants to be together to one node, though all come at once', async () => {
  for (const name of ['a', 'b', 'c']) client.seed(node(name))
  const affinity = {
    podAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: [
        { topologyKey: 'kubernetes.io/hostname', labelSelector: { matchLabels: { app: 'web' } } },
      ],
    },
  }
  for (const name of ['x', 'y', 'z']) client.seed(pod(name, { labels: { app: 'web' }, affinity }))
  await start()
  expect(new Set(['x', 'y', 'z'].map(where)).size).toBe(1)
  expect(where('x')).toBeDefined()
})

it('wakes a pod that waits for company when the company has a node', async () => {
  client.seed(node('a'))
  const affinity = {
    podAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: [
        { topologyKey: 'kubernetes.io/hostname', labelSelector: { matchLabels: { app: 'db' } } },
      ],
    },
  }
  client.seed(pod('web', { affinity }))
  await start()
  expect(where('web')).toBeUndefined()
  client.seed(pod('db', { labels: { app: 'db' } }))
  await clock.advance(10)
  expect(where('web')).toBe('a')
})

describe('volumes', () => {
  const claim = (annotations = {}) => ({
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name: 'data', namespace: 'default', annotations },
    spec: { storageClassName: 'disk', accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
    status: { phase: 'Pending' },
  })
  const disk = (volumeBindingMode: string) => ({
    apiVersion: 'storage.k8s.io/v1',
    kind: 'StorageClass',
    metadata: { name: 'disk' },
    provisioner: 'example.com/disk',
    volumeBindingMode,
  })
  const web = () => pod('web', { volumes: [{ name: 'data', persistentVolumeClaim: { claimName: 'data' } }] })

  it('that wait for their consumer are asked for on its node, and the pod is bound when they are', async () => {
    client.seed(node('a'))
    client.seed(disk('WaitForFirstConsumer') as never)
    client.seed(claim() as never)
    client.seed(web())
    await start()
    await clock.advance(2000)
    const asked = client.find(resources.persistentVolumeClaims, key('data'))
    expect(asked?.metadata?.annotations).toEqual({ 'volume.kubernetes.io/selected-node': 'a' })
    expect(where('web')).toBeUndefined()
    client.change(resources.persistentVolumeClaims, key('data'), (bound) => {
      bound.spec!.volumeName = 'v'
      bound.metadata!.annotations!['pv.kubernetes.io/bind-completed'] = 'yes'
    })
    await clock.advance(2000)
    expect(where('web')).toBe('a')
  })

  it('that are missing are named, and the pod is placed when they come', async () => {
    client.seed(node('a'))
    client.seed(disk('WaitForFirstConsumer') as never)
    client.seed(web())
    await start()
    expect(scheduled('web')?.message).toBe('0/1 nodes are available: persistentvolumeclaim "data" not found. not found')
    client.seed({
      ...claim({ 'pv.kubernetes.io/bind-completed': 'yes' }),
      spec: { ...claim().spec, volumeName: 'v' },
    } as never)
    client.seed({
      apiVersion: 'v1',
      kind: 'PersistentVolume',
      metadata: { name: 'v' },
      spec: { accessModes: ['ReadWriteOnce'], capacity: { storage: '1Gi' } },
    } as never)
    await clock.advance(1000)
    expect(where('web')).toBe('a')
  })
})

it('places the pods of every profile by its own plug-ins, and those of other schedulers not at all', async () => {
  client.seed(node('a', { unschedulable: true }))
  const careless: Profile = {
    schedulerName: 'careless',
    plugins: defaultProfile.plugins.filter(({ name }) => name !== 'NodeUnschedulable'),
  }
  for (const [name, schedulerName] of Object.entries({ x: 'default-scheduler', y: 'careless', z: 'other' }))
    client.seed(pod(name, { schedulerName }))
  await start([defaultProfile, careless])
  expect(['x', 'y', 'z'].map(where)).toEqual([undefined, 'a', undefined])
  expect(scheduled('z')).toBeUndefined()
})

describe('whoever asks why', () => {
  it('hears of every node, every plug-in and what is missing', async () => {
    client.seed(node('full', { allocatable: { cpu: '1' }, taints: [{ key: 'k', effect: 'NoSchedule' }] }))
    client.seed(node('cordoned', { unschedulable: true }))
    client.seed(pod('big', cpu('2')))
    await start()
    expect(scheduler.decisions.answerFor('uid-big')).toMatchObject({
      pod: 'default/big',
      message: expect.stringContaining('1 node(s) had untolerated taint(s), 1 node(s) were unschedulable') as string,
      nodes: [
        { node: 'cordoned', rejections: [{ plugin: 'NodeUnschedulable' }] },
        {
          node: 'full',
          rejections: [
            { plugin: 'TaintToleration' },
            {
              plugin: 'NodeResourcesFit',
              missing: [{ resource: 'cpu', requested: 2000, used: 0, capacity: 1000 }],
            },
          ],
        },
      ],
    })
  })

  it('hears whether others are evicted, whether that would not help, or whether it may not be', async () => {
    client.seed(node('a', { allocatable: { cpu: '2' } }))
    client.seed(pod('low', { ...cpu('2'), nodeName: 'a' }))
    client.seed(pod('equal', cpu('1')))
    client.seed(pod('meek', { ...cpu('1'), priority: 100, preemptionPolicy: 'Never' }))
    await start()
    const resultFor = (name: string) => {
      const answer = scheduler.decisions.answerFor(`uid-${name}`)
      return answer && 'preemption' in answer && answer.preemption.result
    }
    expect(['equal', 'meek'].map(resultFor)).toEqual(['NoHelp', 'NotTried'])
    client.seed(pod('urgent', { ...cpu('1'), priority: 100 }))
    await settle()
    expect(resultFor('urgent')).toBe('Started')
  })

  it('hears of the scores of a pod that has a node, until it is gone', async () => {
    client.seed(node('a'))
    client.seed(node('b'))
    client.seed(pod('old', { ...cpu('3'), nodeName: 'a' }))
    client.seed(pod('web', cpu('1')))
    await start()
    expect(scheduler.decisions.answerFor('uid-web')).toMatchObject({
      node: 'b',
      fitting: 2,
      scores: [
        { node: 'b', plugins: { NodeResourcesFit: 86, TaintToleration: 300 } },
        { node: 'a', plugins: { NodeResourcesFit: 47, TaintToleration: 300 } },
      ],
    })
    client.remove(pods, key('web'))
    await settle()
    expect(scheduler.decisions.answerFor('uid-web')).toBeUndefined()
  })
})

it('goes on with the others when one pod cannot be understood', async () => {
  client.seed(node('a'))
  client.seed(pod('good'))
  client.seed(pod('odd', { priority: 1 }))
  const fragile: Profile = {
    schedulerName: 'default-scheduler',
    plugins: [
      {
        name: 'Fragile',
        filter({ name }) {
          if (name === 'odd') throw new Error('what is this?')
          return undefined
        },
      },
    ],
  }
  await start([fragile])
  expect([where('odd'), where('good')]).toEqual([undefined, 'a'])
  expect(scheduled('odd')).toMatchObject({ reason: 'SchedulerError', message: 'what is this?' })
})

it('places what came while its watches were cut', async () => {
  client.seed(one('a'))
  await start()
  client.closeWatches()
  client.seed(pod('web', cpu('1')) as Pod)
  await clock.advance(5000)
  expect(where('web')).toBe('a')
})
