import { describe, expect, it } from 'vitest'
import { endpoint, leaving, service, servicePort, slice } from '../testing.ts'
import { serviceRules, type Location } from './rules.ts'

const ips = (addresses: readonly { ip: string }[] | undefined) => addresses?.map(({ ip }) => ip)
const here = { node: 'here', zone: 'z1' }
const rule = (of: Parameters<typeof serviceRules>[0], slices: Parameters<typeof serviceRules>[1], node: Location) => {
  const [found] = serviceRules(of, slices, [node])
  return found && { ...found, internal: found.internal[0], external: found.external[0] }
}

it('matches the ports of slices by name and protocol, and takes their numbers', () => {
  const web = service('web', {
    ports: [servicePort(80, { name: 'http', targetPort: 'web' }), servicePort(53, { name: 'dns', protocol: 'UDP' })],
  })
  const slices = [
    slice(
      'web',
      [endpoint('10.0.0.1')],
      [
        { name: 'http', port: 8000 },
        { name: 'dns', port: 5353, protocol: 'UDP' },
      ],
      'a',
    ),
    slice('web', [endpoint('10.0.0.2')], [{ name: 'http', port: 9000 }], 'b'),
  ]
  expect(
    serviceRules(web, slices, [here]).map(({ protocol, port, internal }) => ({ protocol, port, internal })),
  ).toEqual([
    {
      protocol: 'TCP',
      port: 80,
      internal: [
        [
          { ip: '10.0.0.1', port: 8000 },
          { ip: '10.0.0.2', port: 9000 },
        ],
      ],
    },
    { protocol: 'UDP', port: 53, internal: [[{ ip: '10.0.0.1', port: 5353 }]] },
  ])
})

describe('endpoints', () => {
  it('are the ready ones, and those whose readiness is not told', () => {
    const endpoints = [
      endpoint('1.1.1.1', { conditions: { ready: false } }),
      endpoint('2.2.2.2', { conditions: {} }),
      endpoint('3.3.3.3'),
      leaving('4.4.4.4', true),
    ]
    expect(ips(rule(service('web'), [slice('web', endpoints)], here)?.internal)).toEqual(['2.2.2.2', '3.3.3.3'])
  })

  it('are those that terminate but still serve, when none is ready', () => {
    const endpoints = [
      leaving('1.1.1.1', true),
      leaving('2.2.2.2', false),
      endpoint('3.3.3.3', { conditions: { ready: false, serving: false } }),
    ]
    expect(ips(rule(service('web'), [slice('web', endpoints)], here)?.internal)).toEqual(['1.1.1.1'])
  })

  it('appear once, also while they move from one slice to another', () => {
    const slices = [
      slice('web', [endpoint('1.1.1.1')], undefined, 'a'),
      slice('web', [endpoint('1.1.1.1')], undefined, 'b'),
    ]
    expect(rule(service('web'), slices, here)?.internal).toHaveLength(1)
  })

  it('are those of this node where the traffic policy is Local, for each direction on its own', () => {
    const endpoints = [endpoint('1.1.1.1'), endpoint('2.2.2.2', { nodeName: 'there' })]
    const external = rule(
      service('web', { type: 'NodePort', externalTrafficPolicy: 'Local' }),
      [slice('web', endpoints)],
      here,
    )
    expect([ips(external?.internal), ips(external?.external)]).toEqual([['1.1.1.1', '2.2.2.2'], ['1.1.1.1']])
    const internal = rule(service('web', { internalTrafficPolicy: 'Local' }), [slice('web', endpoints)], {
      ...here,
      node: 'there',
    })
    expect([ips(internal?.internal), ips(internal?.external)]).toEqual([['2.2.2.2'], ['1.1.1.1', '2.2.2.2']])
  })

  it('that terminate on this node are preferred to ready ones elsewhere where the policy is Local', () => {
    const endpoints = [leaving('1.1.1.1', true), endpoint('2.2.2.2', { nodeName: 'there' })]
    const local = rule(
      service('web', { type: 'NodePort', externalTrafficPolicy: 'Local' }),
      [slice('web', endpoints)],
      here,
    )
    expect(ips(local?.external)).toEqual(['1.1.1.1'])
  })
})

it('endpoints of a Local policy are those of a node, on localhost those of every node of the machine', () => {
  const policy = { type: 'NodePort', internalTrafficPolicy: 'Local', externalTrafficPolicy: 'Local' } as const
  const endpoints = ['here', 'next', 'far'].map((nodeName, i) => endpoint(`1.1.1.${i}`, { nodeName }))
  const nodes = [here, { node: 'next', zone: undefined }] as const
  const [found] = serviceRules(service('web', policy), [slice('web', endpoints)], [...nodes])
  const all = ['1.1.1.0', '1.1.1.1', '1.1.1.2']
  expect([
    found?.internal.map(ips),
    found?.external.map(ips),
    found?.everywhere.map(ips),
    ips(found?.localhost),
  ]).toEqual([
    [['1.1.1.0'], ['1.1.1.1']],
    [['1.1.1.0'], ['1.1.1.1']],
    [all, all],
    ['1.1.1.0', '1.1.1.1'],
  ])
})

describe('hints', () => {
  const hinted = (ip: string, zone: string | undefined, node?: string) =>
    endpoint(ip, {
      hints: {
        ...(zone ? { forZones: [{ name: zone }] } : {}),
        ...(node ? { forNodes: [{ name: node }] } : {}),
      } as never,
    })
  const internal = (endpoints: ReturnType<typeof endpoint>[], location = here, spec: object = {}) =>
    ips(rule(service('web', spec), [slice('web', endpoints)], location)?.internal)

  it('keep to the endpoints for the zone of the node', () => {
    expect(internal([hinted('1.1.1.1', 'z1'), hinted('2.2.2.2', 'z2')])).toEqual(['1.1.1.1'])
  })

  it('keep to those for the node itself first', () => {
    const all = [hinted('1.1.1.1', 'z1', 'here'), hinted('2.2.2.2', 'z1', 'there')]
    expect([internal(all), internal(all, { node: 'elsewhere', zone: 'z1' })]).toEqual([
      ['1.1.1.1'],
      ['1.1.1.1', '2.2.2.2'],
    ])
  })

  it.each([
    ['one of the ready has none', [hinted('1.1.1.1', 'z1'), endpoint('2.2.2.2')], here],
    ['none is for this zone', [hinted('1.1.1.1', 'z2'), hinted('2.2.2.2', 'z3')], here],
    ['this node has no zone', [hinted('1.1.1.1', 'z1'), hinted('2.2.2.2', 'z2')], { node: 'here', zone: undefined }],
  ])('do not count where %s', (_, endpoints, location) => {
    expect(internal(endpoints, location as typeof here)).toEqual(['1.1.1.1', '2.2.2.2'])
  })

  it('do not need to be on endpoints that are not ready', () => {
    expect(internal([hinted('1.1.1.1', 'z1'), leaving('2.2.2.2', true), hinted('3.3.3.3', 'z2')])).toEqual(['1.1.1.1'])
  })

  it('do not count where the policy is Local', () => {
    const all = [hinted('1.1.1.1', 'z2'), hinted('2.2.2.2', 'z1')]
    expect(internal(all, here, { internalTrafficPolicy: 'Local' })).toEqual(['1.1.1.1', '2.2.2.2'])
  })
})

describe('places', () => {
  it.each([
    ['a headless service has none', service('web', { clusterIP: 'None', clusterIPs: ['None'] }), []],
    ['an external name has none', service('web', { type: 'ExternalName', externalName: 'example.org' }), []],
    [
      'an IPv6 cluster address is left out',
      service('web', { clusterIPs: ['fd00::1', '10.96.1.1'] }),
      [[['10.96.1.1'], undefined, undefined]],
    ],
    [
      'a node port',
      service('web', { type: 'NodePort', ports: [servicePort(80, { nodePort: 30080 })] }),
      [[['10.96.7.7'], 30080, undefined]],
    ],
    [
      'a load balancer',
      service('web', { type: 'LoadBalancer', ports: [servicePort(80, { nodePort: 30080 })] }),
      [[['10.96.7.7'], 30080, 80]],
    ],
    [
      'a load balancer without a node port',
      service('web', { type: 'LoadBalancer', allocateLoadBalancerNodePorts: false }),
      [[['10.96.7.7'], undefined, 80]],
    ],
    [
      'a load balancer of another class',
      service('web', { type: 'LoadBalancer', loadBalancerClass: 'example.com/x' }),
      [[['10.96.7.7'], undefined, undefined]],
    ],
  ])('%s', (_, of, expected) => {
    expect(
      serviceRules(of, [], [here]).map(({ clusterIps, nodePort, loadBalancerPort }) => [
        clusterIps,
        nodePort,
        loadBalancerPort,
      ]),
    ).toEqual(expected)
  })

  it.each([
    ['are left to the proxy that a service names', { 'service.kubernetes.io/service-proxy-name': 'other' }],
    ['are none where a label says that the service is headless', { 'service.kubernetes.io/headless': '' }],
  ])('%s', (_, labels) => {
    const web = service('web', { type: 'NodePort', ports: [servicePort(80, { nodePort: 30080 })] })
    web.metadata!.labels = labels
    expect(serviceRules(web, [], [here])).toEqual([])
  })
})

it('keeps clients for three hours by default where affinity is asked for', () => {
  const seconds = (spec: object) => rule(service('web', spec), [], here)?.affinitySeconds
  expect([seconds({}), seconds({ sessionAffinity: 'None' }), seconds({ sessionAffinity: 'ClientIP' })]).toEqual([
    undefined,
    undefined,
    10_800,
  ])
  expect(seconds({ sessionAffinity: 'ClientIP', sessionAffinityConfig: { clientIP: { timeoutSeconds: 5 } } })).toBe(5)
})
