import { expect, it } from 'vitest'
import type { KubeObject } from '#shared/kube/object.ts'
import { seededRandom } from '../../../../base/random.ts'
import { FakeClock } from '../../../../base/fake-clock.ts'
import type { StrategyContext } from '../../kind.ts'
import { serviceReservation } from './allocator.ts'
import type { Stored } from './cluster-ips.ts'
import { defaultService } from './defaults.ts'
import { prepareAddresses } from './families.ts'
import type { Service, ServiceSpec } from './types.ts'

const context = (dryRun = false): StrategyContext => ({
  clock: new FakeClock(),
  random: seededRandom(1),
  user: { name: 'admin', groups: [] },
  namespace: 'default',
  dryRun,
  subresource: '',
})

interface StoredCidr extends KubeObject {
  spec: { cidrs: string[] }
  status?: object
}

const cidr = (name: string, range: string, more: Partial<StoredCidr> = {}): StoredCidr => ({
  spec: { cidrs: [range] },
  ...more,
  metadata: {
    name,
    creationTimestamp: name === 'kubernetes' ? '2026-01-01T00:00:00Z' : '2026-01-02T00:00:00Z',
    ...more.metadata,
  },
})
const standard = cidr('kubernetes', '10.96.0.0/16')

/** What the API server has stored besides services. */
const storing = (cidrs: readonly StoredCidr[], addresses: readonly KubeObject[] = []): Stored => ({
  get: (_, __, name) => addresses.find(({ metadata }) => metadata?.name === name) as never,
  list: () => cidrs as never,
})
const stored = storing([standard])

function service(spec: ServiceSpec): Service {
  const object: Service = { metadata: { name: 'web' }, spec: { ports: [{ port: 80 }], ...spec } }
  defaultService(object)
  prepareAddresses(object, undefined)
  return object
}

it('gives a service an address of the dynamic band and nobody else the same', () => {
  const reservation = serviceReservation()
  const [a, b] = [service({}), service({})]
  for (const each of [a, b]) reservation.reserve(each, undefined, context(), stored)(true)
  expect(a.spec!.clusterIP).toMatch(/^10\.96\./)
  expect(a.spec!.clusterIPs).toEqual([a.spec!.clusterIP])
  expect(b.spec!.clusterIP).not.toBe(a.spec!.clusterIP)
  expect(a.spec).toMatchObject({ ipFamilies: ['IPv4'], ipFamilyPolicy: 'SingleStack' })
})

it('takes an address back when the write fails, so that the next one may have it', () => {
  const reservation = serviceReservation()
  reservation.reserve(service({ clusterIP: '10.96.0.50' }), undefined, context(), stored)(false)
  const again = service({ clusterIP: '10.96.0.50' })
  reservation.reserve(again, undefined, context(), stored)(true)
  expect(again.spec!.clusterIPs).toEqual(['10.96.0.50'])
})

it('refuses an address that is taken, with the words of the API server', () => {
  const reservation = serviceReservation()
  reservation.restore([service({ clusterIP: '10.96.0.1', clusterIPs: ['10.96.0.1'] })])
  expect(() => reservation.reserve(service({ clusterIP: '10.96.0.1' }), undefined, context(), stored)).toThrow(
    'spec.clusterIPs: Invalid value: ["10.96.0.1"]: failed to allocate IP 10.96.0.1: provided IP is already allocated',
  )
})

it('refuses a node port outside the range, but not in a dry run', () => {
  const reservation = serviceReservation()
  const asked = () => service({ type: 'NodePort', ports: [{ port: 80, nodePort: 70000 }] })
  expect(() => reservation.reserve(asked(), undefined, context(), stored)).toThrow(
    'The range of valid ports is 30000-32767',
  )
  expect(() => reservation.reserve(asked(), undefined, context(true), stored)).not.toThrow()
})

it('keeps the node ports that an update left out, and frees them when the type loses them', () => {
  const reservation = serviceReservation()
  const old = service({
    type: 'NodePort',
    ports: [
      { name: 'a', port: 80 },
      { name: 'b', port: 81 },
    ],
  })
  reservation.reserve(old, undefined, context(), stored)(true)
  const ports = old.spec!.ports!.map(({ nodePort }) => nodePort)
  const updated = service({
    type: 'NodePort',
    ports: [
      { name: 'a', port: 80 },
      { name: 'b', port: 82 },
    ],
  })
  delete updated.spec!.clusterIPs
  prepareAddresses(updated, old)
  reservation.reserve(updated, old, context(), stored)(true)
  expect(updated.spec!.ports!.map(({ nodePort }) => nodePort)).toEqual(ports)
  expect(updated.spec!.clusterIP).toBe(old.spec!.clusterIP)
  reservation.reserve(service({ type: 'ClusterIP' }), updated, context(), stored)(true)
  const other = service({ type: 'NodePort', ports: [{ port: 90, nodePort: ports[0] }] })
  expect(() => reservation.reserve(other, undefined, context(), stored)(true)).not.toThrow()
})

it('gives TCP and UDP of one port the same node port', () => {
  const both = service({
    type: 'NodePort',
    ports: [
      { name: 't', port: 53 },
      { name: 'u', port: 53, protocol: 'UDP' },
    ],
  })
  serviceReservation().reserve(both, undefined, context(), stored)(true)
  expect(both.spec!.ports![0]!.nodePort).toBe(both.spec!.ports![1]!.nodePort)
})

it('gives headless services and external names no address', () => {
  const headless = service({ clusterIP: 'None', selector: { app: 'db' } })
  const external = service({ type: 'ExternalName', externalName: 'db.example.com' })
  for (const each of [headless, external]) serviceReservation().reserve(each, undefined, context(), stored)(true)
  expect(headless.spec).toMatchObject({ clusterIPs: ['None'], ipFamilies: ['IPv4'] })
  expect(external.spec!.clusterIPs).toBeUndefined()
})

it('takes what the objects hold that other servers stored, and what is on its way here', () => {
  const reservation = serviceReservation()
  const asked = (clusterIP: string) => service({ clusterIP })
  const mine = asked('10.96.0.60')
  const settle = reservation.reserve(mine, undefined, context(), stored)
  reservation.restore([service({ clusterIP: '10.96.0.50', clusterIPs: ['10.96.0.50'] })])
  for (const taken of ['10.96.0.50', '10.96.0.60'])
    expect(() => reservation.reserve(asked(taken), undefined, context(), stored)).toThrow('already allocated')
  settle(true)
  reservation.restore([mine])
  reservation.reserve(asked('10.96.0.50'), undefined, context(), stored)(true)
})

it('keeps the ledger of node ports as upstream does: the bytes of a number with a bit for each', () => {
  const reservation = serviceReservation()
  const at = (nodePort: number) => service({ type: 'NodePort', ports: [{ port: 80, nodePort }] })
  for (const port of [30000, 30009]) reservation.reserve(at(port), undefined, context(), stored)(true)
  expect(reservation.ledger()).toEqual({
    place: 'ranges/servicenodeports',
    object: { metadata: {}, range: '30000-32767', data: Buffer.from([0b10, 0b1]).toString('base64') },
  })
})

it('gives addresses out of the oldest range until it is full, then out of the next that is ready', () => {
  const reservation = serviceReservation()
  const small = storing([
    cidr('going', '10.203.0.0/24', { metadata: { deletionTimestamp: '2026-01-03T00:00:00Z' } }),
    cidr('late', '10.201.0.0/30'),
    cidr('kubernetes', '10.200.0.0/30'),
    cidr('down', '10.202.0.0/24', { status: { conditions: [{ type: 'Ready', status: 'False' }] } }),
  ])
  const next = (spec: ServiceSpec = {}) => {
    const made = service(spec)
    reservation.reserve(made, undefined, context(), small)(true)
    return made.spec!.clusterIP
  }
  const two = () => new Set([next(), next()])
  expect([two(), two()]).toEqual([new Set(['10.200.0.1', '10.200.0.2']), new Set(['10.201.0.1', '10.201.0.2'])])
  expect(() => next()).toThrow('failed to allocate a serviceIP: range is full')
  for (const clusterIP of ['10.202.0.9', '10.203.0.9', '10.200.0.0', '10.200.0.3'])
    expect(() => next({ clusterIP })).toThrow(
      `failed to allocate IP ${clusterIP}: the provided network does not match the current range`,
    )
})

it('leaves the lower part of a range of any size to those who ask for an address in it', () => {
  const band = storing([cidr('extra', '10.200.0.0/20')])
  const reservation = serviceReservation()
  const given = Array.from({ length: 300 }, () => {
    const made = service({})
    reservation.reserve(made, undefined, context(), band)(true)
    return made.spec!.clusterIP!.split('.').map(Number)
  })
  expect(given.every(([, , third, last]) => third! > 0 && (third! > 1 || last! > 0))).toBe(true)
  const asked = service({ clusterIP: '10.200.0.5' })
  reservation.reserve(asked, undefined, context(), band)(true)
  expect(asked.spec!.clusterIPs).toEqual(['10.200.0.5'])
})

it('gives no service an address that an IPAddress holds for something else', () => {
  const labels = { 'ipaddress.kubernetes.io/managed-by': 'ipallocator.k8s.io' }
  const held = storing(
    [cidr('kubernetes', '10.200.0.0/30')],
    [{ metadata: { name: '10.200.0.1' } }, { metadata: { name: '10.200.0.2', labels } }],
  )
  const reservation = serviceReservation()
  const asked = service({ clusterIP: '10.200.0.1' })
  expect(() => reservation.reserve(asked, undefined, context(), held)).toThrow('provided IP is already allocated')
  const any = service({})
  // What the allocator itself wrote down of a service that is gone by now holds nothing.
  reservation.reserve(any, undefined, context(), held)(true)
  expect(any.spec!.clusterIP).toBe('10.200.0.2')
})

it('takes no address for a dry run, and answers as upstream does', () => {
  const reservation = serviceReservation()
  const dry = (spec: ServiceSpec) => {
    const made = service(spec)
    reservation.reserve(made, undefined, context(true), stored)(false)
    return made.spec!.clusterIP
  }
  reservation.restore([service({ clusterIP: '10.96.0.50', clusterIPs: ['10.96.0.50'] })])
  expect([dry({}), dry({}), dry({ clusterIP: '10.96.0.50' })]).toEqual(['10.96.0.0', '10.96.0.0', '10.96.0.50'])
  expect(() => dry({ clusterIP: '10.97.0.1' })).toThrow(
    'failed to allocate IP 10.97.0.1: provided IP 10.97.0.1 is not in the valid range',
  )
})
