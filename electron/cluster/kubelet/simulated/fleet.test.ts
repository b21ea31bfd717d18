import type { Pod as PodObject } from 'kubernetes-types/core/v1'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { DeviceClass, ResourceSlice } from '#shared/kube/devices.ts'
import { deviceClasses, leases, nodes, pods, resourceSlices } from '#shared/kube/resources.ts'
import { simulatedDriver } from '#shared/kube/simulated.ts'
import { FakeClock } from '../../base/fake-clock.ts'
import { silentLogger } from '../../base/logger.ts'
import { seededRandom } from '../../base/random.ts'
import { FakeClient } from '../../client/testing/fake-client.ts'
import { pod } from '../testing/builders.ts'
import { FakeAddresses } from './addresses.ts'
import { earlierPort, startFleet, type Fleet } from './fleet.ts'
import { TimerWheel } from './timer-wheel.ts'

let clock: FakeClock
let client: FakeClient
let fleet: Fleet
const named = (...names: string[]) => names.map((name) => ({ name }))
const start = (wanted: string[], tainted = false, devices = 0) =>
  startFleet(
    {
      client,
      clock,
      random: seededRandom(1),
      logger: silentLogger,
      nodes: named(...wanted),
      tainted,
      devices,
      kubeletVersion: 'v1.36.2',
      serverPort: 4711,
    },
    new AbortController().signal,
  )

beforeEach(async () => {
  clock = new FakeClock()
  client = new FakeClient({ clock })
  fleet = await start(['sim-1', 'sim-2'])
})
afterEach(() => fleet[Symbol.asyncDispose]())

const run = (name: string, node = 'sim-1', more: Parameters<typeof pod>[0] = {}) =>
  client.seed(
    pod({
      ...more,
      metadata: { name, namespace: 'shop', uid: `uid-${name}`, ...more.metadata },
      spec: { nodeName: node, ...more.spec },
    }) as unknown as PodObject,
  )
const find = (name: string) => client.find(pods, { namespace: 'shop', name })

describe('simulated nodes', () => {
  it('are Ready, labelled, and take every pod where there are no others', () => {
    const node = client.find(nodes, { name: 'sim-1' })
    expect(node?.metadata?.labels?.['wheelhouse.dev/simulated']).toBe('true')
    expect(node?.spec?.taints).toBeUndefined()
    expect(node?.status?.conditions?.find(({ type }) => type === 'Ready')?.status).toBe('True')
    expect(node?.status?.allocatable?.pods).toBe('5000')
  })

  it('have an address each, which they keep when the fleet starts again', async () => {
    const addresses = () =>
      client.stored(nodes).map(({ status }) => status?.addresses?.find(({ type }) => type === 'InternalIP')?.address)
    expect(new Set(addresses())).toEqual(new Set(['100.127.0.1', '100.127.0.2']))
    await fleet[Symbol.asyncDispose]()
    fleet = await start(['sim-0', 'sim-2'])
    const kept = client.find(nodes, { name: 'sim-2' })?.status?.addresses
    expect(kept).toContainEqual({ type: 'InternalIP', address: '100.127.0.2' })
    expect(new Set(addresses())).toEqual(new Set(['100.127.0.2', '100.127.0.3']))
    run('host', 'sim-2', { spec: { hostNetwork: true } })
    await clock.advance(1000)
    expect(find('host')?.status).toMatchObject({ hostIP: '100.127.0.2', podIP: '100.127.0.2' })
  })

  it('tell the next run where the API server looks for their kubelet', async () => {
    expect(await earlierPort(client)).toBe(4711)
    expect(await earlierPort(new FakeClient({ clock }))).toBeUndefined()
  })

  it('let pods have what somebody puts into their capacity', async () => {
    const status = () => client.find(nodes, { name: 'sim-1' })?.status
    const capacity = { ...status()?.capacity, 'example.com/dongle': '4' }
    client.change(nodes, { name: 'sim-1' }, (node) => Object.assign(node.status!, { capacity }))
    await clock.advance(1000)
    expect(status()?.allocatable).toEqual(capacity)
    const reports = () => client.writes('patch').filter(({ resource }) => resource === 'nodes').length
    const before = reports()
    await clock.advance(10_000)
    expect(reports()).toBe(before)
    client.change(nodes, { name: 'sim-1' }, (node) => {
      delete (node.status!.capacity as Record<string, string>)['example.com/dongle']
    })
    await clock.advance(1000)
    expect(status()?.allocatable).toEqual(status()?.capacity)
  })

  it('publish devices where they are to have some, and take them back where no longer', async () => {
    const slices = () => client.stored<ResourceSlice>(resourceSlices)
    const shown = () => slices().map(({ spec }) => [spec?.nodeName, spec?.devices?.length, spec?.pool?.generation])
    const restart = async (devices: number) => {
      await fleet[Symbol.asyncDispose]()
      fleet = await start(['sim-1', 'sim-2'], false, devices)
    }
    expect(shown()).toEqual([])
    await restart(3)
    const both = (...what: number[]) => [
      ['sim-1', ...what],
      ['sim-2', ...what],
    ]
    expect(shown()).toEqual(both(3, 1))
    const uid = client.find(nodes, { name: 'sim-1' })?.metadata?.uid
    expect(slices()[0]?.metadata?.ownerReferences).toMatchObject([{ kind: 'Node', name: 'sim-1', uid }])
    expect(client.stored<DeviceClass>(deviceClasses).map(({ metadata }) => metadata?.name)).toEqual([simulatedDriver])
    await restart(3)
    expect(shown()).toEqual(both(3, 1))
    await restart(2)
    expect(shown()).toEqual(both(2, 2))
    await restart(0)
    expect(shown()).toEqual([])
  })

  it('are tainted where real nodes stand beside them, also when that changes later', async () => {
    await fleet[Symbol.asyncDispose]()
    fleet = await start(['sim-1'], true)
    expect(client.find(nodes, { name: 'sim-1' })?.spec?.taints).toEqual([
      { key: 'wheelhouse.dev/simulated', value: 'true', effect: 'NoSchedule' },
    ])
    await fleet[Symbol.asyncDispose]()
    fleet = await start(['sim-1'])
    expect(client.find(nodes, { name: 'sim-1' })?.spec?.taints).toEqual([])
  })

  it('keep their leases fresh', async () => {
    const renewed = () => client.find(leases, { namespace: 'kube-node-lease', name: 'sim-2' })?.spec?.renewTime
    const before = renewed()
    await clock.advance(21_000)
    expect(renewed()).not.toBe(before)
  })

  it('renew each lease once in twenty seconds, whatever the size of the fleet', async () => {
    const renewals = () =>
      client.actions.filter(({ verb, resource }) => verb === 'patch' && resource === 'leases').length
    for (const size of [2, 50]) {
      await fleet.resize(named(...Array.from({ length: size }, (_, i) => `sim-${i + 1}`)))
      const before = renewals()
      await clock.advance(100_000)
      expect(Math.abs(renewals() - before - size * 5)).toBeLessThanOrEqual(1)
    }
  })

  it('are heard of though their pods keep the server busy', async () => {
    const stall = Promise.withResolvers<void>()
    client.react('patch', 'pods', () => stall.promise)
    for (let i = 0; i < 200; i++) run(`p${i}`)
    const renewed = () => client.find(leases, { namespace: 'kube-node-lease', name: 'sim-1' })?.spec?.renewTime
    const before = renewed()
    await clock.advance(21_000)
    expect(renewed()).not.toBe(before)
    stall.resolve()
  })

  it('say that they are ready as soon as they are called unready', async () => {
    client.change(nodes, { name: 'sim-1' }, (node) => {
      for (const condition of node.status?.conditions ?? [])
        if (condition.type === 'Ready') Object.assign(condition, { status: 'Unknown', reason: 'NodeStatusUnknown' })
    })
    await clock.advance(1000)
    expect(
      client.find(nodes, { name: 'sim-1' })?.status?.conditions?.find(({ type }) => type === 'Ready')?.status,
    ).toBe('True')
  })

  it('come and go with the size of the fleet, their pods with them', async () => {
    run('web')
    await clock.advance(1000)
    await fleet.resize(named('sim-2', 'sim-3'))
    await clock.advance(100)
    expect(client.stored(nodes).map(({ metadata }) => metadata?.name)).toEqual(['sim-2', 'sim-3'])
    expect(find('web')).toBeUndefined()
  })

  it('of an earlier, larger fleet are removed', async () => {
    await fleet[Symbol.asyncDispose]()
    fleet = await start(['sim-2'])
    expect(client.stored(nodes).map(({ metadata }) => metadata?.name)).toEqual(['sim-2'])
  })
})

describe('simulated pods', () => {
  it('run and are ready after a short while, with addresses of their own', async () => {
    run('a')
    run('b', 'sim-2')
    await clock.advance(50)
    expect(find('a')?.status?.phase).not.toBe('Running')
    await clock.advance(1000)
    const [a, b] = [find('a')?.status, find('b')?.status]
    expect(a).toMatchObject({ phase: 'Running', containerStatuses: [{ name: 'web', ready: true, restartCount: 0 }] })
    expect(a?.conditions?.find(({ type }) => type === 'Ready')?.status).toBe('True')
    expect(a?.podIP).toMatch(/^100\.64\./)
    expect(a?.podIP).not.toBe(b?.podIP)
  })

  it('are ready again after their node was taken for dead', async () => {
    run('a')
    await clock.advance(1000)
    client.change(pods, { namespace: 'shop', name: 'a' }, (pod) => {
      for (const condition of pod.status?.conditions ?? []) if (condition.type === 'Ready') condition.status = 'False'
    })
    await clock.advance(1000)
    expect(find('a')?.status?.conditions?.find(({ type }) => type === 'Ready')?.status).toBe('True')
  })

  it('on other nodes are left alone', async () => {
    run('real', 'node-1')
    await clock.advance(2000)
    expect(find('real')?.status?.phase).not.toBe('Running')
    expect(fleet.refusal('shop', 'real')).toBeUndefined()
  })

  it('leave soon after they are deleted', async () => {
    run('a')
    await clock.advance(1000)
    await client.delete(pods, { namespace: 'shop', name: 'a' }, { gracePeriodSeconds: 30 })
    expect(find('a')).toBeDefined()
    await clock.advance(1000)
    expect(find('a')).toBeUndefined()
  })

  it('of jobs succeed', async () => {
    run('job', 'sim-1', {
      metadata: { ownerReferences: [{ apiVersion: 'batch/v1', kind: 'Job', name: 'j', uid: 'j', controller: true }] },
      spec: { restartPolicy: 'Never' },
    })
    await clock.advance(5000)
    expect(find('job')?.status?.phase).toBe('Succeeded')
  })

  it('say that they have no logs', async () => {
    run('a')
    await clock.advance(10)
    expect(fleet.refusal('shop', 'a')).toBe(
      'pod shop/a is on the simulated node sim-1 and has no containers, so there are no logs and no commands',
    )
  })

  it('keep their addresses when the fleet starts again', async () => {
    run('a')
    await clock.advance(1000)
    const before = find('a')?.status?.podIP
    await fleet[Symbol.asyncDispose]()
    fleet = await start(['sim-1', 'sim-2'])
    run('b')
    await clock.advance(1000)
    expect(find('a')?.status?.podIP).toBe(before)
    expect(find('b')?.status?.podIP).not.toBe(before)
  })
})

it('gives out each address once, and again when it is free', () => {
  const addresses = new FakeAddresses('pods')
  addresses.keep('100.64.0.2')
  expect([addresses.take(), addresses.take(), addresses.take()]).toEqual(['100.64.0.1', '100.64.0.3', '100.64.0.4'])
  addresses.release('100.64.0.3')
  expect(addresses.take()).toBe('100.64.0.3')
})

it('calls back on one timer, late ones after a stall too, and rests when nothing waits', async () => {
  const time = new FakeClock()
  const wheel = new TimerWheel(time)
  const called: string[] = []
  wheel.after(120, () => called.push('b'))
  wheel.after(10, () => called.push('a'))
  const cancel = wheel.after(60, () => called.push('never'))
  cancel()
  expect(time.pending).toBe(1)
  await time.advance(100)
  expect(called).toEqual(['a'])
  await time.advance(400)
  expect(called).toEqual(['a', 'b'])
  expect(time.pending).toBe(0)
})
