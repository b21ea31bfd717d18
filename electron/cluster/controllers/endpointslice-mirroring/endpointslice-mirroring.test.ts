import type { Endpoints } from 'kubernetes-types/core/v1'
import { describe, expect, it } from 'vitest'
import type { KubeObject, ObjectMeta } from '#shared/kube/object.ts'
import { endpoints, endpointSlices, services } from '#shared/kube/resources.ts'
import { service } from '../framework/testing/builders.ts'
import { harness, type Harness } from '../framework/testing/harness.ts'
import { endpointSliceMirroringController } from './controller.ts'

const start = (...objects: KubeObject[]) => harness((parts) => [endpointSliceMirroringController(parts)], objects)
const key = { namespace: 'default', name: 'db' }
const manual = service('db', { spec: { ports: [{ port: 5432 }], selector: undefined as never } })
const byHand = (subsets: Endpoints['subsets'], metadata: ObjectMeta = {}): Endpoints => ({
  apiVersion: 'v1',
  kind: 'Endpoints',
  metadata: { ...key, uid: 'db-uid', ...metadata },
  subsets: subsets!,
})
const port = { name: 'sql', port: 5432, protocol: 'TCP' }
const one = [{ addresses: [{ ip: '192.0.2.1' }], ports: [port] }]
const slices = (h: Harness) => h.client.stored(endpointSlices)
const addresses = (h: Harness) => slices(h).map((slice) => slice.endpoints.map((each) => each.addresses[0]))
const writes = (h: Harness) =>
  h.client
    .writes()
    .filter(({ resource }) => resource === 'endpointslices')
    .map(({ verb }) => verb)

describe('the mirror', () => {
  it('has the addresses, ready or not, with labels and annotations, and belongs to the Endpoints', async () => {
    await using h = await start(
      manual,
      byHand(
        [
          {
            addresses: [{ ip: '192.0.2.1', hostname: 'a', nodeName: 'n', targetRef: { kind: 'Pod', name: 'p' } }],
            notReadyAddresses: [{ ip: '192.0.2.2' }],
            ports: [{ ...port, appProtocol: 'postgres' }],
          },
        ],
        {
          labels: { team: 'x' },
          annotations: {
            why: 'legacy',
            'kubectl.kubernetes.io/last-applied-configuration': '{}',
            'endpoints.kubernetes.io/last-change-trigger-time': '2026-01-01T00:00:00Z',
          },
        },
      ),
    )
    expect(slices(h)).toMatchObject([
      {
        metadata: {
          generateName: 'db-',
          labels: {
            team: 'x',
            'kubernetes.io/service-name': 'db',
            'endpointslice.kubernetes.io/managed-by': 'endpointslicemirroring-controller.k8s.io',
          },
          ownerReferences: [{ apiVersion: 'v1', kind: 'Endpoints', name: 'db', controller: true }],
        },
        addressType: 'IPv4',
        ports: [{ name: 'sql', port: 5432, protocol: 'TCP', appProtocol: 'postgres' }],
        endpoints: [
          {
            addresses: ['192.0.2.1'],
            conditions: { ready: true },
            hostname: 'a',
            nodeName: 'n',
            targetRef: { kind: 'Pod', name: 'p' },
          },
          { addresses: ['192.0.2.2'], conditions: { ready: false } },
        ],
      },
    ])
    expect(slices(h)[0]?.metadata?.annotations).toEqual({ why: 'legacy' })
  })

  it('is a slice per family and set of ports', async () => {
    const other = [{ ...port, port: 6432 }]
    await using h = await start(
      manual,
      byHand([
        { addresses: [{ ip: '192.0.2.1' }, { ip: '2001:db8::1' }], ports: [port] },
        { addresses: [{ ip: '192.0.2.3' }], ports: other },
      ]),
    )
    expect(slices(h).map((slice) => [slice.addressType, slice.ports?.[0]?.port, slice.endpoints.length])).toEqual([
      ['IPv4', 5432, 1],
      ['IPv6', 5432, 1],
      ['IPv4', 6432, 1],
    ])
  })

  it('holds 1,000 addresses of a subset, the ready ones first, and says what it leaves out', async () => {
    const many = (net: string, count: number) =>
      Array.from({ length: count }, (_, i) => ({ ip: `${net}.${Math.floor(i / 250)}.${i % 250}` }))
    await using h = await start(
      manual,
      byHand([{ addresses: many('10.1', 600), notReadyAddresses: many('10.2', 600), ports: [port] }]),
    )
    const all = slices(h).flatMap((slice) => slice.endpoints)
    expect([all.length, all.filter((each) => each.conditions?.ready).length]).toEqual([1000, 600])
    expect(h.events()).toEqual([
      'TooManyAddressesToMirror: A max of 1000 addresses can be mirrored to EndpointSlices per Endpoints subset. 200 addresses were skipped',
    ])
  })

  it('leaves out what is no address, and says so', async () => {
    await using h = await start(
      manual,
      byHand([{ addresses: [{ ip: 'nowhere' }, { ip: '192.0.2.1' }], ports: [port] }]),
    )
    expect(addresses(h)).toEqual([['192.0.2.1']])
    expect(h.events()).toEqual(['InvalidIPAddress: Skipped 1 invalid IP addresses when mirroring to EndpointSlices'])
  })

  it('follows addresses, ports, labels and annotations with one write each, in the same slice', async () => {
    await using h = await start(manual, byHand(one))
    const name = slices(h)[0]?.metadata?.name
    for (const change of [
      (object: Endpoints) => object.subsets![0]!.addresses!.push({ ip: '192.0.2.2' }),
      (object: Endpoints) => (object.subsets![0]!.ports = [{ ...port, port: 1 }]),
      (object: Endpoints) => (object.metadata!.labels = { a: 'b' }),
      (object: Endpoints) => (object.metadata!.annotations = { a: 'b' }),
    ]) {
      h.client.change(endpoints, key, change)
      await h.run()
    }
    expect(writes(h)).toEqual(['create', 'update', 'update', 'update', 'update'])
    expect(slices(h)).toMatchObject([
      { metadata: { name, labels: { a: 'b' }, annotations: { a: 'b' } }, ports: [{ port: 1 }] },
    ])
  })

  it('is repaired when somebody else changes, relabels or deletes it', async () => {
    await using h = await start(manual, byHand(one))
    const mirror = () => ({ namespace: 'default', name: slices(h)[0]!.metadata!.name! })
    h.client.change(endpointSlices, mirror(), (slice) => (slice.endpoints = []))
    await h.run()
    expect(addresses(h)).toEqual([['192.0.2.1']])
    h.client.change(endpointSlices, mirror(), (slice) => (slice.metadata!.labels = { mine: 'yes' }))
    await h.run()
    expect(slices(h)).toHaveLength(2)
    for (const { metadata } of slices(h)) h.client.remove(endpointSlices, { ...key, name: metadata!.name! })
    await h.run()
    expect(addresses(h)).toEqual([['192.0.2.1']])
  })
})

describe('nothing is mirrored', () => {
  it.each([
    ['a service with a selector', [service('db'), byHand(one)]],
    ['a service that is not there', [byHand(one)]],
    [
      'Endpoints that ask for that',
      [manual, byHand(one, { labels: { 'endpointslice.kubernetes.io/skip-mirror': 'true' } })],
    ],
    ['a leader election', [manual, byHand(one, { annotations: { 'control-plane.alpha.kubernetes.io/leader': '{}' } })]],
  ])('of %s', async (_, objects) => {
    await using h = await start(...objects)
    expect(writes(h)).toEqual([])
  })

  it.each<[string, (h: Harness) => unknown]>([
    ['the Endpoints go', (h) => h.client.remove(endpoints, key)],
    ['the service goes', (h) => h.client.remove(services, key)],
    ['the service gets a selector', (h) => h.client.change(services, key, (s) => (s.spec!.selector = { a: 'b' }))],
    ['the last address goes', (h) => h.client.change(endpoints, key, (e) => (e.subsets = []))],
  ])('any more when %s', async (_, change) => {
    await using h = await start(manual, byHand(one))
    change(h)
    await h.run()
    expect(slices(h)).toEqual([])
  })

  it('twice while the cache does not show the first', async () => {
    await using h = await start(manual)
    h.client.react('watch', 'endpointslices', () => 'blind')
    h.client.closeWatches(endpointSlices)
    h.client.seed(byHand(one))
    await h.run()
    h.client.change(endpoints, key, (e) => (e.metadata!.labels = { again: 'yes' }))
    await h.run(500)
    expect(writes(h)).toEqual(['create'])
  })
})
