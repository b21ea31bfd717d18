import type { Service } from 'kubernetes-types/core/v1'
import { describe, expect, it } from 'vitest'
import type { KubeObject } from '#shared/kube/object.ts'
import { ipAddresses, serviceCidrs, services } from '#shared/kube/resources.ts'
import { service } from '../framework/testing/builders.ts'
import { harness, type Harness } from '../framework/testing/harness.ts'
import { withRestarts } from '../framework/testing/restarts.ts'
import { serviceAllocationControllers } from './controller.ts'

const start = (...objects: KubeObject[]) => harness(serviceAllocationControllers, [cidr, ...objects])
const cidr = {
  apiVersion: 'networking.k8s.io/v1',
  kind: 'ServiceCIDR',
  metadata: { name: 'kubernetes' },
  spec: { cidrs: ['10.96.0.0/16', 'fd00::/112'] },
} as KubeObject
const at = (name: string, ...clusterIPs: string[]): Service =>
  service(name, { spec: { clusterIP: clusterIPs[0]!, clusterIPs } })
const key = (name: string) => ({ namespace: 'default', name })
const parent = (name: string, resource = 'services') => ({ group: '', resource, namespace: 'default', name })
const record = (ip: string, parentRef: object, labels: Record<string, string> = made): KubeObject =>
  ({
    apiVersion: 'networking.k8s.io/v1',
    kind: 'IPAddress',
    metadata: { name: ip, uid: `uid of ${ip}`, labels },
    spec: { parentRef },
  }) as KubeObject
const made = { 'ipaddress.kubernetes.io/ip-family': 'IPv4', 'ipaddress.kubernetes.io/managed-by': 'ipallocator.k8s.io' }
const records = (h: Harness) =>
  h.client.stored(ipAddresses).map(({ metadata, spec }) => [metadata!.name, spec!.parentRef!.name])

describe('addresses', () => {
  it('have an object each, which goes with the service, and nothing is said of it', async () => {
    await using h = await start(at('web', '10.96.0.9', 'fd00::9'), at('none', 'None'))
    expect(h.client.stored(ipAddresses)).toMatchObject([
      { metadata: { name: '10.96.0.9', labels: made }, spec: { parentRef: parent('web') } },
      { metadata: { name: 'fd00::9', labels: { 'ipaddress.kubernetes.io/ip-family': 'IPv6' } } },
    ])
    h.client.remove(services, key('web'))
    await h.run()
    expect([records(h), h.events()]).toEqual([[], []])
  })

  it('give their object back when the service becomes one without an address', async () => {
    await using h = await start(at('web', '10.96.0.9'))
    h.client.change(services, key('web'), (s) =>
      Object.assign(s, { spec: { type: 'ExternalName', externalName: 'x' } }),
    )
    await h.run()
    expect([records(h), h.events()]).toEqual([[], []])
  })

  it('get an object anew that somebody removed, and this is told', async () => {
    await using h = await start(at('web', '10.96.0.9'))
    h.client.remove(ipAddresses, { name: '10.96.0.9' })
    await h.run()
    expect(records(h)).toEqual([['10.96.0.9', 'web']])
    expect(h.events()).toEqual(['ClusterIPNotAllocated: Cluster IP [IPv4]: 10.96.0.9 is not allocated; repairing'])
  })

  it.each([
    ['something else', parent('gateway', 'gateways')],
    ['a service that is gone', parent('gone')],
  ])('get an object anew that refers to %s', async (_, parentRef) => {
    await using h = await start(record('10.96.0.9', parentRef, {}), at('web', '10.96.0.9'))
    expect(records(h)).toEqual([['10.96.0.9', 'web']])
    expect(h.events()).toEqual([
      'ClusterIPNotAllocated: the ClusterIP [IPv4]: 10.96.0.9 for Service default/web has a wrong reference; repairing',
    ])
  })

  it('that two services have are told of as long as that is so, and stay with the first', async () => {
    await using h = await start(record('10.96.0.9', parent('b')), at('a', '10.96.0.9'), at('b', '10.96.0.9'))
    const told =
      'ClusterIPAlreadyAllocated: Cluster IP [IPv4]:10.96.0.9 was assigned to multiple services; please recreate service'
    expect([records(h), h.events()]).toEqual([[['10.96.0.9', 'b']], [told]])
    h.client.remove(services, key('b'))
    await h.run()
    expect(records(h)).toEqual([['10.96.0.9', 'a']])
  })

  it('out of every range are told of, and no longer when a range takes them in', async () => {
    await using h = await start(at('web', '10.97.0.1'))
    expect(h.events()).toEqual([
      'ClusterIPOutOfRange: Cluster IP [IPv4]: 10.97.0.1 is not within any configured Service CIDR; please recreate service',
    ])
    h.client.seed({ ...cidr, metadata: { name: 'more' }, spec: { cidrs: ['10.97.0.0/24'] } } as KubeObject)
    await h.run()
    expect(records(h)).toEqual([['10.97.0.1', 'web']])
  })

  it('that somebody else holds are left alone', async () => {
    await using h = await start(record('10.96.7.7', parent('gateway', 'gateways'), {}))
    expect(records(h)).toEqual([['10.96.7.7', 'gateway']])
  })

  it('lose objects that are not theirs', async () => {
    await using h = await start(record('10.96.0.7', parent('web')), at('web', '10.96.0.9'))
    expect(records(h)).toEqual([['10.96.0.9', 'web']])
    expect(h.events()).toEqual([
      'IPAddressWrongReference: IPAddress: 10.96.0.7 for Service default/web has a wrong reference; cleaning up',
    ])
  })

  it('keep their object while the cache does not show a young service', async () => {
    await using h = await start()
    h.client.react('watch', 'services', () => 'blind')
    h.client.closeWatches(services)
    h.client.seed(at('web', '10.96.0.9'))
    h.client.seed(record('10.96.0.9', parent('web')))
    await h.run(500)
    expect(records(h)).toEqual([['10.96.0.9', 'web']])
  })

  it('get one object and their range one condition, however often the loops die', async () => {
    const { writes } = await withRestarts(serviceAllocationControllers, [cidr, at('web', '10.96.0.9')], () => false)
    expect(writes).toEqual([
      'create ipaddresses 10.96.0.9',
      'update servicecidrs kubernetes',
      'patch servicecidrs kubernetes',
    ])
  })
})

describe('node ports', () => {
  const ports = (name: string, ...nodePorts: (number | [number, string])[]): Service =>
    service(name, {
      spec: {
        type: 'NodePort',
        clusterIP: 'None',
        ports: nodePorts.map((each, i) => {
          const [nodePort, protocol] = [each].flat() as [number, string?]
          return { port: i + 1, nodePort, protocol: protocol ?? 'TCP' }
        }),
      },
    })

  it('that two services have are told of, every three minutes, to the later by name, until one goes', async () => {
    await using h = await start(ports('a', 30_001), ports('b', 30_001))
    const told = 'PortAlreadyAllocated: Port 30001 was assigned to multiple services; please recreate service'
    const times = () =>
      h.client.stored({ ...services, plural: 'events', kind: 'Event' } as never) as unknown as {
        count?: number
        involvedObject: { name: string }
      }[]
    expect(h.events()).toEqual([told])
    expect(times()[0]?.involvedObject.name).toBe('b')
    await h.run(180_000)
    expect(times()[0]?.count).toBe(2)
    h.client.remove(services, key('a'))
    await h.run(600_000)
    expect(times()[0]?.count).toBe(2)
  })

  it('out of the range are told of', async () => {
    await using h = await start(ports('a', 80))
    expect(h.events()).toEqual([
      'PortOutOfRange: Port 80 is not within the port range 30000-32767; please recreate service',
    ])
  })

  it('may be shared by protocols of one service', async () => {
    await using h = await start(ports('a', [30_001, 'TCP'], [30_001, 'UDP']))
    expect(h.events()).toEqual([])
  })
})

describe('ranges', () => {
  const ranges = (h: Harness) => h.client.stored(serviceCidrs)
  const range = (name: string, ...cidrs: string[]) =>
    ({
      apiVersion: 'networking.k8s.io/v1',
      kind: 'ServiceCIDR',
      metadata: { name, uid: name },
      spec: { cidrs },
    }) as KubeObject
  const extra = range('extra', '10.200.0.0/24')
  const going = async (...objects: KubeObject[]) => {
    const h = await start(extra, ...objects)
    await h.client.delete(serviceCidrs, { name: 'extra' })
    await h.run()
    return h
  }
  const states = (h: Harness) =>
    ranges(h).map(({ metadata, status }) => [
      metadata!.name,
      status?.conditions?.map((c) => [c.type, c.status, c.reason]),
    ])

  it('are ready, and protected', async () => {
    await using h = await start()
    expect(ranges(h)).toMatchObject([
      {
        metadata: { finalizers: ['networking.k8s.io/service-cidr-finalizer'] },
        status: {
          conditions: [{ type: 'Ready', status: 'True', reason: '', message: 'Kubernetes Service CIDR is ready' }],
        },
      },
    ])
    const before = h.client.writes().length
    await h.run(60_000)
    expect(h.client.writes().length).toBe(before)
  })

  it('go ten seconds after they were told to, when they have no address', async () => {
    await using h = await going(at('web', '10.96.0.9'))
    await h.run(8000)
    expect(ranges(h)).toHaveLength(2)
    await h.run(4000)
    expect(ranges(h).map(({ metadata }) => metadata?.name)).toEqual(['kubernetes'])
  })

  it('stay while an address is theirs alone, and say so', async () => {
    await using h = await going(at('web', '10.200.0.9'))
    await h.run(60_000)
    expect(states(h)).toContainEqual(['extra', [['Ready', 'False', 'Terminating']]])
    h.client.remove(services, key('web'))
    await h.run(1000)
    expect(states(h)).toEqual([['kubernetes', [['Ready', 'True', '']]]])
  })

  it.each([
    ['lies around them', '10.200.0.0/16', 1],
    ['holds their addresses', '10.200.0.8/29', 1],
    ['lies within them beside their addresses', '10.200.0.128/25', 2],
  ])('go or stay where another range %s', async (_, cidr, left) => {
    await using h = await going(at('web', '10.200.0.9'), range('other', cidr))
    await h.run(60_000)
    expect(ranges(h).filter(({ metadata }) => metadata?.name !== 'kubernetes')).toHaveLength(left)
  })
})
