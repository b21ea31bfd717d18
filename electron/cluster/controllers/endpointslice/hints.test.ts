import { describe, expect, it } from 'vitest'
import type { KubeObject } from '#shared/kube/object.ts'
import { endpointSlices, nodes, pods, services } from '#shared/kube/resources.ts'
import { node, pod, readyStatus, service } from '../framework/testing/builders.ts'
import { harness, type Harness } from '../framework/testing/harness.ts'
import { endpointSliceController } from './controller.ts'

const start = (...objects: KubeObject[]) => harness((parts) => [endpointSliceController(parts)], objects)
const key = (name: string) => ({ namespace: 'default', name })
const host = (name: string, zone: string | undefined, cpu = '2') =>
  node(name, {
    metadata: { labels: zone ? { 'topology.kubernetes.io/zone': zone } : {} },
    status: { allocatable: { cpu }, conditions: [{ type: 'Ready', status: 'True' }] },
  })
let addresses = 0
const on = (nodeName: string, count: number, from = 0) =>
  Array.from({ length: count }, (_, i) =>
    pod(`${nodeName}-${from + i}`, {
      metadata: { labels: { app: 'web' } },
      spec: { nodeName, containers: [] },
      status: readyStatus('2026-01-01T00:00:00Z', `10.244.${Math.floor(++addresses / 250)}.${(addresses % 250) + 1}`),
    }),
  )
const automatic = { metadata: { annotations: { 'service.kubernetes.io/topology-mode': 'Auto' } } }
const distributed = (trafficDistribution: string) => ({
  spec: { ...service('web').spec, trafficDistribution } as never,
})
const hints = (h: Harness) =>
  h.client
    .stored(endpointSlices)
    .flatMap((slice) => slice.endpoints.map((e) => [e.targetRef!.name, e.hints] as const))
    .sort(([a], [b]) => (a! < b! ? -1 : 1))
/** How many endpoints are for each zone. */
const zones = (h: Harness) =>
  hints(h).reduce<Record<string, number>>((counts, [, hint]) => {
    for (const { name } of hint?.forZones ?? []) counts[name] = (counts[name] ?? 0) + 1
    return counts
  }, {})
const sliceWrites = (h: Harness) => h.client.writes().filter(({ resource }) => resource === 'endpointslices').length

describe('spec.trafficDistribution', () => {
  it.each([
    ['PreferClose', { forZones: [{ name: 'x' }] }],
    ['PreferSameZone', { forZones: [{ name: 'x' }] }],
    ['PreferSameNode', { forZones: [{ name: 'x' }], forNodes: [{ name: 'a' }] }],
  ])('%s asks proxies to stay as near as that', async (distribution, expected) => {
    await using h = await start(service('web', distributed(distribution)), host('a', 'x'), ...on('a', 1))
    expect(hints(h)).toEqual([['a-0', expected]])
  })

  it('hints for nodes that have no zone, too', async () => {
    await using h = await start(service('web', distributed('PreferSameNode')), host('a', undefined), ...on('a', 1))
    expect(hints(h)).toEqual([['a-0', { forNodes: [{ name: 'a' }] }]])
  })

  it('gives no hint to an endpoint that is not ready, and takes all away when it is asked for no more', async () => {
    await using h = await start(service('web', distributed('PreferClose')), host('a', 'x'), ...on('a', 2))
    h.client.change(pods, key('a-0'), (p) => Object.assign(p.status!, { conditions: [] }))
    await h.run(10)
    expect(hints(h).map(([, hint]) => hint)).toEqual([undefined, { forZones: [{ name: 'x' }] }])
    h.client.change(services, key('web'), (s) => delete (s.spec as Record<string, unknown>)['trafficDistribution'])
    await h.run(10)
    expect(hints(h).map(([, hint]) => hint)).toEqual([undefined, undefined])
  })

  it('gives way to the annotation', async () => {
    const both = { ...automatic, ...distributed('PreferSameNode') }
    await using h = await start(service('web', both), host('a', 'x'), host('b', 'y'), ...on('a', 1), ...on('b', 1))
    expect(hints(h).map(([, hint]) => hint)).toEqual([{ forZones: [{ name: 'x' }] }, { forZones: [{ name: 'y' }] }])
  })
})

describe('the topology mode Auto', () => {
  it('shares endpoints out by the processors of the zones', async () => {
    await using h = await start(
      service('web', automatic),
      host('a', 'x', '6'),
      host('b', 'y', '2'),
      ...on('a', 4),
      ...on('b', 4),
    )
    expect(zones(h)).toEqual({ x: 6, y: 2 })
    expect(h.events()).toEqual(['TopologyAwareHintsEnabled: Topology Aware Hints has been enabled, addressType: IPv4'])
  })

  it.each([
    [
      'there are fewer endpoints than zones',
      [host('a', 'x'), host('b', 'y'), host('c', 'z'), ...on('a', 2)],
      'Insufficient number of endpoints (2 endpoints, 3 zones)',
    ],
    [
      'some endpoints would be overloaded',
      [host('a', 'x', '1'), host('b', 'y', '1'), host('c', 'z', '1'), ...on('a', 4)],
      'Unable to allocate minimum required endpoints to each zone without exceeding overload threshold (4 endpoints, 3 zones)',
    ],
    [
      'a node does not tell its zone',
      [host('a', 'x'), host('b', 'y'), host('c', undefined), ...on('a', 4)],
      'Insufficient Node information: allocatable CPU or zone not specified on one or more nodes',
    ],
    [
      'there is one zone only',
      [host('a', 'x'), ...on('a', 4)],
      'Insufficient Node information: allocatable CPU or zone not specified on one or more nodes',
    ],
  ])('gives no hints where %s, and says so', async (_, objects, message) => {
    await using h = await start(service('web', automatic), ...objects)
    expect(zones(h)).toEqual({})
    expect(h.events()).toEqual([`TopologyAwareHintsDisabled: ${message}, addressType: IPv4`])
  })

  it('leaves nodes of the control plane and nodes that are not ready out of account', async () => {
    const plane = host('plane', undefined)
    plane.metadata!.labels = { 'node-role.kubernetes.io/control-plane': '' }
    const down = node('down', { status: { conditions: [{ type: 'Ready', status: 'False' }] } })
    await using h = await start(service('web', automatic), plane, down, host('a', 'x'), host('b', 'y'), ...on('a', 2))
    expect(zones(h)).toEqual({ x: 1, y: 1 })
  })

  it('takes the hints away when the annotation goes, and says so', async () => {
    await using h = await start(service('web', automatic), host('a', 'x'), host('b', 'y'), ...on('a', 2))
    h.client.change(services, key('web'), (s) => (s.metadata!.annotations = {}))
    await h.run(10)
    expect(zones(h)).toEqual({})
    expect(h.events()).toContain(
      'TopologyAwareHintsDisabled: Topology Aware Hints has been disabled, addressType: IPv4',
    )
  })

  it('shares anew when a zone is lost or comes, and writes nothing for a node that changes nothing', async () => {
    await using h = await start(service('web', automatic), host('a', 'x'), host('b', 'y'), ...on('a', 6))
    expect(zones(h)).toEqual({ x: 3, y: 3 })
    const before = sliceWrites(h)
    h.client.seed(host('c', 'z'))
    await h.run(10)
    expect(zones(h)).toEqual({ x: 2, y: 2, z: 2 })
    h.client.change(nodes, { name: 'c' }, (n) => (n.status!.conditions![0]!.status = 'Unknown'))
    await h.run(10)
    expect(zones(h)).toEqual({ x: 3, y: 3 })
    expect(sliceWrites(h)).toBe(before + 2)
    h.client.change(nodes, { name: 'a' }, (n) => (n.metadata!.annotations = { a: 'b' }))
    await h.run(10)
    expect(sliceWrites(h)).toBe(before + 2)
  })

  it('leaves slices alone whose hints still serve when another slice changes', async () => {
    await using h = await start(
      service('web', automatic),
      host('a', 'x'),
      host('b', 'y'),
      ...on('a', 75),
      ...on('b', 75),
    )
    const before = sliceWrites(h)
    h.client.seed(on('a', 1, 75)[0]!)
    await h.run(100)
    expect(sliceWrites(h)).toBe(before + 1)
    expect(Object.values(zones(h)).reduce((a, b) => a + b)).toBe(151)
  })
})
