import type { Pod } from 'kubernetes-types/core/v1'
import { describe, expect, it } from 'vitest'
import type { KubeObject } from '#shared/kube/object.ts'
import { endpointSlices, pods, services } from '#shared/kube/resources.ts'
import { node, pod, readyStatus, service } from '../framework/testing/builders.ts'
import { harness, type Harness } from '../framework/testing/harness.ts'
import { endpointSliceController } from './controller.ts'

const start = (...objects: KubeObject[]) => harness((parts) => [endpointSliceController(parts)], objects)
const key = (name: string) => ({ namespace: 'default', name })
const address = (index: number) => `10.244.${Math.floor(index / 250)}.${(index % 250) + 1}`
const web = (name: string, ip = '10.244.0.1', parts: Partial<Pod> = {}) =>
  pod(name, {
    spec: { nodeName: 'n', containers: [{ name: 'c', ports: [{ name: 'http', containerPort: 8000 }] }] },
    status: readyStatus('2026-01-01T00:00:00Z', ip),
    ...parts,
    metadata: { labels: { app: 'web' }, ...parts.metadata },
  })
const many = (count: number) => Array.from({ length: count }, (_, i) => web(`p${i}`, address(i)))
const slices = (h: Harness) => h.client.stored(endpointSlices)
const writes = (h: Harness) =>
  h.client
    .writes()
    .filter((a) => a.resource === 'endpointslices')
    .map((a) => a.verb)
const host = node('n', { metadata: { labels: { 'topology.kubernetes.io/zone': 'here' } } })

describe('endpoints', () => {
  it('lists the ready pods with node, zone and target, labelled and owned by the service', async () => {
    await using h = await start(service('web', { metadata: { labels: { team: 'x' } } }), host, web('a'))
    expect(slices(h)).toMatchObject([
      {
        metadata: {
          generateName: 'web-',
          labels: {
            team: 'x',
            'kubernetes.io/service-name': 'web',
            'endpointslice.kubernetes.io/managed-by': 'endpointslice-controller.k8s.io',
          },
          annotations: { 'endpoints.kubernetes.io/last-change-trigger-time': '2026-01-01T00:00:00Z' },
          ownerReferences: [{ kind: 'Service', name: 'web', controller: true, blockOwnerDeletion: true }],
        },
        addressType: 'IPv4',
        ports: [{ name: 'http', port: 8000, protocol: 'TCP' }],
        endpoints: [
          {
            addresses: ['10.244.0.1'],
            conditions: { ready: true, serving: true, terminating: false },
            nodeName: 'n',
            zone: 'here',
            targetRef: { kind: 'Pod', namespace: 'default', name: 'a', uid: 'a-uid' },
          },
        ],
      },
    ])
  })

  it('keeps a terminating pod as serving but not ready, until it is gone', async () => {
    await using h = await start(service('web'), host, web('a'))
    await h.client.delete(pods, key('a'))
    await h.run()
    expect(slices(h)[0]?.endpoints[0]?.conditions).toEqual({ ready: false, serving: true, terminating: true })
    h.client.remove(pods, key('a'))
    await h.run()
    expect(slices(h)[0]?.endpoints ?? []).toEqual([])
  })

  it('calls every pod ready where not ready addresses are published', async () => {
    const notReady = { ...readyStatus(), conditions: [] }
    const spec = { ...service('web').spec, publishNotReadyAddresses: true }
    await using h = await start(service('web', { spec }), host, web('a', '10.244.0.1', { status: notReady }))
    expect(slices(h)[0]?.endpoints[0]?.conditions).toEqual({ ready: true, serving: false, terminating: false })
  })

  it('leaves out pods that have ended, have no address or are of a node that is gone', async () => {
    await using h = await start(
      service('web'),
      host,
      web('ended', '10.244.0.2', { status: { ...readyStatus(), phase: 'Succeeded' } }),
      web('young', '', { status: { phase: 'Pending' } }),
      web('lost', '10.244.0.3', { spec: { nodeName: 'gone', containers: [] } }),
    )
    expect(slices(h).flatMap((slice) => slice.endpoints)).toEqual([])
    h.client.seed(node('gone'))
    await h.run()
    expect(slices(h).flatMap((slice) => slice.endpoints.map((e) => e.targetRef?.name))).toEqual(['lost'])
  })

  it('resolves port names per pod: pods that answer on different ports are in different slices', async () => {
    const spec = {
      ...service('web').spec,
      ports: [{ name: 'web', port: 80, targetPort: 'http' as never, protocol: 'TCP' }],
    }
    const other = { nodeName: 'n', containers: [{ name: 'c', ports: [{ name: 'http', containerPort: 9000 }] }] }
    await using h = await start(service('web', { spec }), host, web('a'), web('b', '10.244.0.2', { spec: other }))
    expect(slices(h).map((slice) => [slice.ports?.[0]?.port, slice.endpoints.length])).toEqual([
      [8000, 1],
      [9000, 1],
    ])
  })

  it('gives hostnames and the headless label to a headless service', async () => {
    const spec = { ...service('web').spec, clusterIP: 'None' }
    const named = { nodeName: 'n', hostname: 'db-0', subdomain: 'web', containers: [] }
    await using h = await start(service('web', { spec }), host, web('a', '10.244.0.1', { spec: named }))
    expect(slices(h)[0]?.metadata?.labels).toHaveProperty(['service.kubernetes.io/headless'], '')
    expect(slices(h)[0]?.endpoints[0]?.hostname).toBe('db-0')
  })

  it('follows labels of pods and the selector of the service', async () => {
    await using h = await start(
      service('web'),
      host,
      web('a'),
      web('b', '10.244.0.2', { metadata: { labels: { app: 'other' } } }),
    )
    h.client.change(pods, key('a'), (p) => (p.metadata!.labels = { app: 'debug' }))
    await h.run()
    expect(slices(h)[0]?.endpoints ?? []).toEqual([])
    h.client.change(services, key('web'), (s) => (s.spec!.selector = { app: 'other' }))
    await h.run()
    expect(slices(h)[0]?.endpoints.map((e) => e.targetRef?.name)).toEqual(['b'])
  })

  it('does nothing for services without selector and for external names', async () => {
    await using h = await start(
      service('manual', { spec: { ports: [], selector: undefined as never } }),
      service('external', { spec: { type: 'ExternalName', externalName: 'example.com' } }),
    )
    expect(writes(h)).toEqual([])
  })
})

describe('slices', () => {
  it('holds at most 100 endpoints each, and writes each once', async () => {
    await using h = await start(service('web'), host, ...many(250))
    expect(
      slices(h)
        .map((slice) => slice.endpoints.length)
        .sort((a, b) => b - a),
    ).toEqual([100, 100, 50])
    expect(writes(h)).toEqual(['create', 'create', 'create'])
  })

  it('writes one slice when one of 250 pods changes, and none when nothing shows', async () => {
    await using h = await start(service('web'), host, ...many(250))
    const before = writes(h).length
    h.client.change(pods, key('p7'), (p) => Object.assign(p.status!, { conditions: [] }))
    await h.run(100)
    expect(writes(h).slice(before)).toEqual(['update'])
    h.client.change(pods, key('p7'), (p) => (p.metadata!.annotations = { unrelated: 'yes' }))
    await h.run(100)
    expect(writes(h).slice(before)).toEqual(['update'])
  })

  it('gathers what happens to many pods at once into few writes', async () => {
    await using h = await start(service('web'), host, ...many(100))
    const before = writes(h).length
    for (let i = 0; i < 100; i++) {
      h.client.change(pods, key(`p${i}`), (p) => Object.assign(p.status!, { conditions: [] }))
      await h.run(1)
    }
    await h.run(100)
    expect(slices(h)[0]?.endpoints.filter((e) => e.conditions?.ready)).toEqual([])
    expect(writes(h).slice(before).length).toBeLessThan(10)
  })

  it('fills the slice with the least room that takes all new endpoints before it makes a new one', async () => {
    await using h = await start(service('web'), host, ...many(150))
    const before = writes(h).length
    for (let i = 150; i < 160; i++) h.client.seed(web(`p${i}`, address(i)))
    await h.run(100)
    expect(new Set(writes(h).slice(before))).toEqual(new Set(['update']))
    expect(
      slices(h)
        .map((slice) => slice.endpoints.length)
        .sort((a, b) => b - a),
    ).toEqual([100, 60])
  })

  it('keeps one empty slice for a service without endpoints, and reuses it', async () => {
    await using h = await start(service('web'), host)
    expect(slices(h).map((slice) => [slice.endpoints.length, slice.ports])).toEqual([[0, []]])
    h.client.seed(web('a'))
    await h.run()
    expect(slices(h).map((slice) => slice.endpoints.length)).toEqual([1])
    expect(writes(h)).toEqual(['create', 'update'])
  })

  it('makes no second slice while the cache does not show the first', async () => {
    await using h = await start(host)
    h.client.react('watch', 'endpointslices', () => 'blind')
    h.client.closeWatches(endpointSlices)
    h.client.seed(service('web'))
    await h.run()
    h.client.change(services, key('web'), (s) => (s.metadata!.labels = { again: 'yes' }))
    await h.run(500)
    expect(writes(h)).toEqual(['create'])
  })

  it('repairs a slice that somebody else changed or deleted', async () => {
    await using h = await start(service('web'), host, web('a'))
    const { name = '' } = slices(h)[0]!.metadata!
    h.client.change(endpointSlices, key(name), (slice) => (slice.endpoints = []))
    await h.run()
    expect(slices(h)[0]?.endpoints).toHaveLength(1)
    h.client.remove(endpointSlices, key(name))
    await h.run()
    expect(slices(h)[0]?.endpoints).toHaveLength(1)
  })

  it('makes a slice per address family', async () => {
    const spec = { ...service('web').spec, ipFamilies: ['IPv4', 'IPv6'] }
    const status = { ...readyStatus(), podIPs: [{ ip: '10.244.0.1' }, { ip: 'fd00::1' }] }
    await using h = await start(service('web', { spec }), host, web('a', '10.244.0.1', { status }))
    expect(slices(h).map((slice) => [slice.addressType, slice.endpoints[0]?.addresses])).toEqual([
      ['IPv4', ['10.244.0.1']],
      ['IPv6', ['fd00::1']],
    ])
  })
})
