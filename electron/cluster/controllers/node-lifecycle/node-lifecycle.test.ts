import type { Node, Pod } from 'kubernetes-types/core/v1'
import { describe, expect, it } from 'vitest'
import type { KubeObject } from '#shared/kube/object.ts'
import { leases, nodes, pods } from '#shared/kube/resources.ts'
import { node, pod, readyStatus } from '../framework/testing/builders.ts'
import { harness, type Harness } from '../framework/testing/harness.ts'
import { nodeLifecycleController } from './controller.ts'

const start = (...objects: KubeObject[]) => harness((parts) => [nodeLifecycleController(parts)], objects)
const reporting = (name: string, status = 'True', parts: Partial<Node> = {}) =>
  node(name, {
    ...parts,
    status: {
      conditions: [
        { type: 'Ready', status, reason: 'KubeletReady', message: '', lastHeartbeatTime: '2026-01-01T00:00:00Z' },
      ],
    },
  })
const lease = (name: string) => ({
  apiVersion: 'coordination.k8s.io/v1',
  kind: 'Lease',
  metadata: { name, namespace: 'kube-node-lease' },
  spec: { renewTime: '0' },
})
const on = (name: string, nodeName: string): Pod =>
  pod(name, { spec: { nodeName, containers: [] }, status: readyStatus() })
const renew = (h: Harness, name: string, time: string) =>
  h.client.change(leases, { namespace: 'kube-node-lease', name }, (l) => (l.spec!.renewTime = time))
const ready = (h: Harness, name: string) =>
  h.client
    .find(nodes, { name })
    ?.status?.conditions?.filter((c) => c.type === 'Ready')
    .map((c) => `${c.status} ${c.reason}`)[0]
const taints = (h: Harness, name: string) =>
  (h.client.find(nodes, { name })?.spec?.taints ?? []).map((t) => `${t.key.split('/')[1]}:${t.effect}`)
const condition = (h: Harness, name: string, type: string, status: string) =>
  h.client.change(nodes, { name }, (n) => {
    const others = n.status!.conditions!.filter((c) => c.type !== type)
    n.status!.conditions = [...others, { type, status, reason: '', message: '' }]
  })

describe('silence', () => {
  it('makes a node unknown and its pods not ready after 50 s without lease or status', async () => {
    await using h = await start(reporting('a'), reporting('b'), lease('a'), lease('b'), on('p', 'a'), on('q', 'b'))
    await h.run(30_000)
    renew(h, 'b', '1')
    await h.run(25_000)
    expect([ready(h, 'a'), ready(h, 'b')]).toEqual(['Unknown NodeStatusUnknown', 'True KubeletReady'])
    const podReady = (name: string) =>
      h.client.find(pods, { namespace: 'default', name })?.status?.conditions?.[0]?.status
    expect([podReady('p'), podReady('q')]).toEqual(['False', 'True'])
    expect(taints(h, 'a')).toEqual(['unreachable:NoSchedule', 'unreachable:NoExecute'])
    expect(h.events()).toEqual(['NodeNotReady: Node a status is now: NodeNotReady', 'NodeNotReady: Node is not ready'])
  })

  it('has the pods of a node marked one after the other, so that the server still hears of others', async () => {
    const many = Array.from({ length: 20 }, (_, i) => on(`p${i}`, 'a'))
    await using h = await start(reporting('a'), reporting('b'), lease('a'), lease('b'), ...many)
    let under = 0
    let most = 0
    h.client.react('patch', 'pods', async () => {
      most = Math.max(most, ++under)
      await Promise.resolve()
      under--
    })
    await h.run(55_000)
    const marked = h.client.stored(pods).filter(({ status }) => status?.conditions?.[0]?.status === 'False')
    expect([marked.length, most]).toEqual([20, 1])
  })

  it('begins when somebody listens: a start that takes long is not held against nodes', async () => {
    await using h = await start(reporting('a'), lease('a'), on('p', 'a'))
    const listed = Promise.withResolvers<void>()
    h.client.react('list', 'pods', () => listed.promise)
    await h.restart()
    await h.run(70_000)
    listed.resolve()
    await h.run(30_000)
    expect(ready(h, 'a')).toBe('True KubeletReady')
    await h.run(25_000)
    expect(ready(h, 'a')).toBe('Unknown NodeStatusUnknown')
  })

  it.each([
    ['forward', 3600_000],
    ['back', -3600_000],
  ])('is measured in time that passes, not by a clock that is set %s', async (_where, by) => {
    await using h = await start(reporting('a'), reporting('b'), lease('a'), lease('b'))
    await h.run(30_000)
    h.clock.jump(by)
    renew(h, 'b', '1')
    await h.run(15_000)
    expect([ready(h, 'a'), ready(h, 'b')]).toEqual(['True KubeletReady', 'True KubeletReady'])
    await h.run(10_000)
    expect([ready(h, 'a'), ready(h, 'b')]).toEqual(['Unknown NodeStatusUnknown', 'True KubeletReady'])
  })

  it('takes a renewed lease alone for a sign of life', async () => {
    await using h = await start(reporting('a'), lease('a'))
    for (let i = 1; i < 30; i++) {
      renew(h, 'a', String(i))
      await h.run(10_000)
    }
    expect(ready(h, 'a')).toBe('True KubeletReady')
  })

  it('gives a node that never reported 60 s from its creation', async () => {
    await using h = await start(node('a'))
    await h.run(59_000)
    expect(ready(h, 'a')).toBeUndefined()
    await h.run(2_000)
    expect(ready(h, 'a')).toBe('Unknown NodeStatusNeverUpdated')
  })

  it('does not trust the clocks of nodes: a heartbeat from long ago counts from when it was seen', async () => {
    await using h = await start(
      node('a', {
        status: {
          conditions: [
            {
              type: 'Ready',
              status: 'True',
              reason: 'KubeletReady',
              message: '',
              lastHeartbeatTime: '2001-01-01T00:00:00Z',
            },
          ],
        },
      }),
    )
    await h.run(45_000)
    expect(ready(h, 'a')).toBe('True KubeletReady')
  })

  it('removes the taints when the node is back', async () => {
    await using h = await start(reporting('a'), reporting('b'), lease('b'))
    for (let i = 0; i < 8; i++) {
      renew(h, 'b', `${i}x`)
      await h.run(10_000)
    }
    expect(taints(h, 'a')).toHaveLength(2)
    condition(h, 'a', 'Ready', 'True')
    await h.run()
    expect(taints(h, 'a')).toEqual([])
  })
})

describe('taints', () => {
  it('follow the conditions of the node and its being cordoned', async () => {
    await using h = await start(reporting('a'))
    condition(h, 'a', 'MemoryPressure', 'True')
    h.client.change(nodes, { name: 'a' }, (n) => (n.spec = { unschedulable: true }))
    await h.run()
    expect(taints(h, 'a')).toEqual(['memory-pressure:NoSchedule', 'unschedulable:NoSchedule'])
    condition(h, 'a', 'MemoryPressure', 'False')
    await h.run()
    expect(taints(h, 'a')).toEqual(['unschedulable:NoSchedule'])
  })

  it('leave those of others alone', async () => {
    await using h = await start(reporting('a', 'True', { spec: { taints: [{ key: 'own/gpu', effect: 'NoExecute' }] } }))
    condition(h, 'a', 'DiskPressure', 'True')
    await h.run()
    expect(taints(h, 'a')).toEqual(['gpu:NoExecute', 'disk-pressure:NoSchedule'])
  })

  it('drive pods off one node after the other, ten seconds apart', async () => {
    await using h = await start(reporting('a', 'False'), reporting('b', 'False'), reporting('ok'), reporting('ok2'))
    const driven = () => ['a', 'b'].map((name) => taints(h, name).filter((t) => t === 'not-ready:NoExecute').length)
    expect(driven()[0]! + driven()[1]!).toBe(1)
    await h.run(10_500)
    expect(driven()).toEqual([1, 1])
  })

  it("drive no pod off while no node is ready: then the fault is not the nodes'", async () => {
    await using h = await start(reporting('a', 'False'), reporting('b'))
    expect(taints(h, 'a')).toContain('not-ready:NoExecute')
    condition(h, 'b', 'Ready', 'False')
    await h.run(1000)
    expect([taints(h, 'a'), taints(h, 'b')]).toEqual([['not-ready:NoSchedule'], ['not-ready:NoSchedule']])
    condition(h, 'b', 'Ready', 'True')
    await h.run(30_000)
    expect(taints(h, 'a')).toContain('not-ready:NoExecute')
  })
})
