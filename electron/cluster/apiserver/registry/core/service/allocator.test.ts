import { expect, it } from 'vitest'
import { seededRandom } from '../../../../base/random.ts'
import { FakeClock } from '../../../../base/fake-clock.ts'
import type { StrategyContext } from '../../kind.ts'
import { serviceReservation } from './allocator.ts'
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

function service(spec: ServiceSpec): Service {
  const object: Service = { metadata: { name: 'web' }, spec: { ports: [{ port: 80 }], ...spec } }
  defaultService(object)
  prepareAddresses(object, undefined)
  return object
}

it('gives a service an address of the dynamic band and nobody else the same', () => {
  const reservation = serviceReservation()
  const [a, b] = [service({}), service({})]
  for (const each of [a, b]) reservation.reserve(each, undefined, context())(true)
  expect(a.spec!.clusterIP).toMatch(/^10\.96\./)
  expect(a.spec!.clusterIPs).toEqual([a.spec!.clusterIP])
  expect(b.spec!.clusterIP).not.toBe(a.spec!.clusterIP)
  expect(a.spec).toMatchObject({ ipFamilies: ['IPv4'], ipFamilyPolicy: 'SingleStack' })
})

it('takes an address back when the write fails, so that the next one may have it', () => {
  const reservation = serviceReservation()
  reservation.reserve(service({ clusterIP: '10.96.0.50' }), undefined, context())(false)
  const again = service({ clusterIP: '10.96.0.50' })
  reservation.reserve(again, undefined, context())(true)
  expect(again.spec!.clusterIPs).toEqual(['10.96.0.50'])
})

it('refuses an address that is taken, with the words of the API server', () => {
  const reservation = serviceReservation()
  reservation.restore([service({ clusterIP: '10.96.0.1', clusterIPs: ['10.96.0.1'] })])
  expect(() => reservation.reserve(service({ clusterIP: '10.96.0.1' }), undefined, context())).toThrow(
    'spec.clusterIPs: Invalid value: ["10.96.0.1"]: failed to allocate IP 10.96.0.1: provided IP is already allocated',
  )
})

it('refuses a node port outside the range, but not in a dry run', () => {
  const reservation = serviceReservation()
  const asked = () => service({ type: 'NodePort', ports: [{ port: 80, nodePort: 70000 }] })
  expect(() => reservation.reserve(asked(), undefined, context())).toThrow('The range of valid ports is 30000-32767')
  expect(() => reservation.reserve(asked(), undefined, context(true))).not.toThrow()
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
  reservation.reserve(old, undefined, context())(true)
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
  reservation.reserve(updated, old, context())(true)
  expect(updated.spec!.ports!.map(({ nodePort }) => nodePort)).toEqual(ports)
  expect(updated.spec!.clusterIP).toBe(old.spec!.clusterIP)
  reservation.reserve(service({ type: 'ClusterIP' }), updated, context())(true)
  const other = service({ type: 'NodePort', ports: [{ port: 90, nodePort: ports[0] }] })
  expect(() => reservation.reserve(other, undefined, context())(true)).not.toThrow()
})

it('gives TCP and UDP of one port the same node port', () => {
  const both = service({
    type: 'NodePort',
    ports: [
      { name: 't', port: 53 },
      { name: 'u', port: 53, protocol: 'UDP' },
    ],
  })
  serviceReservation().reserve(both, undefined, context())(true)
  expect(both.spec!.ports![0]!.nodePort).toBe(both.spec!.ports![1]!.nodePort)
})

it('gives headless services and external names no address', () => {
  const headless = service({ clusterIP: 'None', selector: { app: 'db' } })
  const external = service({ type: 'ExternalName', externalName: 'db.example.com' })
  for (const each of [headless, external]) serviceReservation().reserve(each, undefined, context())(true)
  expect(headless.spec).toMatchObject({ clusterIPs: ['None'], ipFamilies: ['IPv4'] })
  expect(external.spec!.clusterIPs).toBeUndefined()
})

it('takes what the objects hold that other servers stored, and what is on its way here', () => {
  const reservation = serviceReservation()
  const asked = (clusterIP: string) => service({ clusterIP })
  const mine = asked('10.96.0.60')
  const settle = reservation.reserve(mine, undefined, context())
  reservation.restore([service({ clusterIP: '10.96.0.50', clusterIPs: ['10.96.0.50'] })])
  for (const taken of ['10.96.0.50', '10.96.0.60'])
    expect(() => reservation.reserve(asked(taken), undefined, context())).toThrow('already allocated')
  settle(true)
  reservation.restore([mine])
  reservation.reserve(asked('10.96.0.50'), undefined, context())(true)
})

it('keeps the ledger of node ports as upstream does: the bytes of a number with a bit for each', () => {
  const reservation = serviceReservation()
  const at = (nodePort: number) => service({ type: 'NodePort', ports: [{ port: 80, nodePort }] })
  for (const port of [30000, 30009]) reservation.reserve(at(port), undefined, context())(true)
  expect(reservation.ledger()).toEqual({
    place: 'ranges/servicenodeports',
    object: { metadata: {}, range: '30000-32767', data: Buffer.from([0b10, 0b1]).toString('base64') },
  })
})
