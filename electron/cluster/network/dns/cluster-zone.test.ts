import { describe, expect, it } from 'vitest'
import { ServiceTable } from '../service-table.ts'
import { endpoint, leaving, service, servicePort, slice } from '../testing.ts'
import { ClusterZone } from './cluster-zone.ts'

const services = new ServiceTable()
services.setService(
  service('web', {
    clusterIP: '10.96.0.7',
    ports: [servicePort(80, { name: 'http' }), servicePort(53, { name: 'dns', protocol: 'UDP' })],
  }),
)
services.setService(service('plain', { clusterIP: '10.96.0.8' }))
services.setSlice(slice('plain', [endpoint('10.244.0.9', { hostname: 'nine' })]))
services.setService(
  service('outside', { type: 'ExternalName', externalName: 'Example.org.', clusterIP: '', clusterIPs: [] }),
)
services.setService(
  service('odd', { type: 'ExternalName', externalName: `${'x'.repeat(64)}.org`, clusterIP: '', clusterIPs: [] }),
)
services.setService(service('db', { clusterIP: 'None', ports: [servicePort(5432, { name: 'sql' })] }))
services.setSlice(
  slice(
    'db',
    [
      endpoint('10.244.0.2', { hostname: 'db-0' }),
      endpoint('10.244.0.3'),
      endpoint('10.244.0.4', { conditions: { ready: false } }),
      leaving('10.244.0.5', true),
    ],
    [{ name: 'sql', port: 15432, protocol: 'TCP' }],
  ),
)
services.setService(service('empty', { clusterIP: 'None', ports: [servicePort(1, { name: 'x' })] }))

const zone = new ClusterZone({
  services,
  domain: 'cluster.local',
  namespaceExists: (name) => name === 'default' || name === 'bare',
})

/** Compact: the answer's records as text, or which kind of nothing it is. */
function ask(name: string, type = 'A'): string[] | 'NXDOMAIN' | 'NODATA' {
  const { exists, records } = zone.resolve(`${name}.cluster.local`, type)
  if (!exists) return 'NXDOMAIN'
  if (!records.length) return 'NODATA'
  return records.map(({ data }) =>
    typeof data === 'string' ? data : 'port' in data ? `${data.port} ${data.target}` : data.mname,
  )
}

describe('addresses', () => {
  it.each([
    ['a service has its cluster IP', 'web.default.svc', ['10.96.0.7']],
    ['a headless service has its ready endpoints', 'db.default.svc', ['10.244.0.2', '10.244.0.3']],
    ['a headless service without ready endpoints does not exist', 'empty.default.svc', 'NXDOMAIN'],
    ['an endpoint goes by its hostname', 'db-0.db.default.svc', ['10.244.0.2']],
    ['an endpoint without one goes by its address', '10-244-0-3.db.default.svc', ['10.244.0.3']],
    ['an endpoint with one does not go by its address', '10-244-0-2.db.default.svc', 'NXDOMAIN'],
    ['an endpoint that is not ready has no name', '10-244-0-4.db.default.svc', 'NXDOMAIN'],
    ['an endpoint of a service with a cluster IP has a name too', 'nine.plain.default.svc', ['10.244.0.9']],
    ['an external name is an alias', 'outside.default.svc', ['example.org']],
    ['an external name that fits into no packet leads nowhere', 'odd.default.svc', 'NODATA'],
    ['a pod goes by its address', '10-244-0-77.default.pod', ['10.244.0.77']],
  ])('%s', (_, name, expected) => {
    expect(ask(name)).toEqual(expected)
  })
})

describe('a name that exists has no data of other types, and one that does not exist is denied', () => {
  it.each([
    ['web.default.svc', 'AAAA', 'NODATA'],
    ['web.default.svc', 'MX', 'NODATA'],
    ['db.default.svc', 'AAAA', 'NODATA'],
    ['db-0.db.default.svc', 'AAAA', 'NODATA'],
    ['10-244-0-77.default.pod', 'AAAA', 'NODATA'],
    ['_http._tcp.web.default.svc', 'A', 'NODATA'],
    ['_tcp.web.default.svc', 'SRV', 'NODATA'],
    ['_udp.plain.default.svc', 'SRV', 'NXDOMAIN'],
    ['_http._udp.web.default.svc', 'SRV', 'NXDOMAIN'],
    ['default.svc', 'A', 'NODATA'],
    ['bare.svc', 'A', 'NODATA'],
    ['bare.pod', 'A', 'NODATA'],
    ['svc', 'A', 'NODATA'],
    ['pod', 'A', 'NODATA'],
    ['nowhere.svc', 'A', 'NXDOMAIN'],
    ['absent.default.svc', 'A', 'NXDOMAIN'],
    ['absent.default.svc', 'AAAA', 'NXDOMAIN'],
    ['x.web.default.svc', 'A', 'NXDOMAIN'],
    ['a.b.c.web.default.svc', 'A', 'NXDOMAIN'],
    ['10-244-0-77.nowhere.pod', 'A', 'NXDOMAIN'],
    ['10-244-0-277.default.pod', 'A', 'NXDOMAIN'],
    ['web.default', 'A', 'NXDOMAIN'],
    // What the search path of a pod makes of names outside.
    ['example.com', 'A', 'NXDOMAIN'],
    ['example.com.svc', 'A', 'NXDOMAIN'],
    ['www.example.com.default.svc', 'A', 'NXDOMAIN'],
  ])('%s %s', (name, type, expected) => {
    expect(ask(name, type)).toBe(expected)
  })
})

describe('ports', () => {
  it('of a service lead to the service', () => {
    expect(ask('_http._tcp.web.default.svc', 'SRV')).toEqual(['80 web.default.svc.cluster.local'])
    expect(ask('_dns._udp.web.default.svc', 'SRV')).toEqual(['53 web.default.svc.cluster.local'])
    expect(ask('web.default.svc', 'SRV')).toEqual([
      '80 web.default.svc.cluster.local',
      '53 web.default.svc.cluster.local',
    ])
  })

  it('of a headless service lead to each endpoint, with the number they have there and the address beside', () => {
    const { records, additional } = zone.resolve('_sql._tcp.db.default.svc.cluster.local', 'SRV')
    expect(records.map(({ data }) => data)).toEqual([
      { priority: 0, weight: 50, port: 15432, target: 'db-0.db.default.svc.cluster.local' },
      { priority: 0, weight: 50, port: 15432, target: '10-244-0-3.db.default.svc.cluster.local' },
    ])
    expect(additional.map(({ name, data }) => `${name} ${data as string}`)).toEqual([
      'db-0.db.default.svc.cluster.local 10.244.0.2',
      '10-244-0-3.db.default.svc.cluster.local 10.244.0.3',
    ])
  })
})

it('names addresses: a cluster IP after its service, an endpoint within each of its services', () => {
  const names = (ip: string) => zone.reverse(ip, 'x')?.records.map(({ data }) => data)
  expect(names('10.96.0.7')).toEqual(['web.default.svc.cluster.local'])
  expect(names('10.244.0.2')).toEqual(['db-0.db.default.svc.cluster.local'])
  expect(names('10.244.0.9')).toEqual(['nine.plain.default.svc.cluster.local'])
  expect(names('192.0.2.1')).toBeUndefined()
})

it('holds the domain and what is below, and nothing that only ends alike', () => {
  expect(
    ['cluster.local', 'a.cluster.local', 'mycluster.local', 'local', 'example.org'].map((name) => zone.holds(name)),
  ).toEqual([true, true, false, false, false])
})

it('says which version of the specification it follows', () => {
  expect([ask('dns-version', 'TXT'), ask('dns-version'), ask('a.dns-version', 'TXT')]).toEqual([
    ['1.1.0'],
    'NODATA',
    'NXDOMAIN',
  ])
})
