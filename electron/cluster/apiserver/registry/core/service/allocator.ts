import type { KubeObject } from '#shared/kube/object.ts'
import { internal, invalid as invalidObject, type FieldError, type StatusError } from '#shared/kube/status.ts'
import type { Reservation, StrategyContext } from '../../kind.ts'
import { invalid } from '../../validation/field.ts'
import { bigIntToIpv4, ipToBigInt, parseCidr } from '../../validation/ips.ts'
import { Pool, staticBand } from './pool.ts'
import { hasNodePorts, isHeadless, needsClusterIp, needsHealthCheck, needsNodePort, type Service } from './types.ts'

export interface ServiceRanges {
  /** IPv4 CIDR of cluster addresses. Default 10.96.0.0/16. */
  addresses?: string
  /** First and last node port. Default 30000 and 32767. */
  nodePorts?: readonly [first: number, last: number]
}

/** Gives prepared services their addresses and node ports. Source: registry/core/service/storage and its two allocators. */
export function serviceReservation(ranges: ServiceRanges = {}): Reservation<Service> {
  return new ServiceReservation(ranges.addresses ?? '10.96.0.0/16', ranges.nodePorts ?? [30000, 32767])
}

/** Where upstream keeps the node ports that are taken. */
export const servicePorts = 'ranges/servicenodeports'

class ServiceReservation implements Reservation<Service> {
  readonly group = ''
  readonly plural = 'services'
  readonly addresses: Addresses
  readonly ports: Ports
  readonly claims = new Set<Claim>()

  constructor(cidr: string, [first, last]: readonly [number, number]) {
    this.addresses = new Addresses(cidr)
    this.ports = new Ports(first, last)
  }

  restore(services: Iterable<Service>): void {
    this.addresses.clear()
    this.ports.clear()
    for (const service of services) {
      for (const ip of clusterIpsOf(service)) this.addresses.take(ip)
      for (const port of portsOf(service)) this.ports.take(port)
    }
    for (const claim of this.claims) claim.again()
  }

  /** Source: the allocator's RangeAllocation, whose data are the bytes of one big-endian number with a bit per port. */
  ledger(): { place: string; object: KubeObject } {
    const { range, data } = this.ports
    return { place: servicePorts, object: { metadata: {}, range, data } as KubeObject }
  }

  release(service: Service): void {
    for (const ip of clusterIpsOf(service)) this.addresses.release(ip)
    for (const port of portsOf(service)) this.ports.release(port)
  }

  reserve(service: Service, old: Service | undefined, context: StrategyContext): (stored: boolean) => void {
    const claim = new Claim(this, context)
    try {
      if (!old || !needsClusterIp(old)) claimAddress(service, claim)
      claimPorts(service, old, claim)
    } catch (error) {
      claim.settle(false)
      throw error
    }
    // What the old service had and the new one has not goes back once the write is known to be stored.
    const freed = old
      ? { ips: except(clusterIpsOf(old), clusterIpsOf(service)), ports: except(portsOf(old), portsInUse(service)) }
      : { ips: [], ports: [] }
    return (stored) => {
      claim.settle(stored)
      if (!stored || context.dryRun) return
      for (const ip of freed.ips) this.addresses.release(ip)
      for (const port of freed.ports) this.ports.release(port)
    }
  }
}

const except = <T>(list: readonly T[], other: readonly T[]): T[] => list.filter((item) => !other.includes(item))

function clusterIpsOf(service: Service): string[] {
  return needsClusterIp(service) && !isHeadless(service) ? (service.spec?.clusterIPs ?? []) : []
}

function portsOf(service: Service): number[] {
  const ports = (service.spec?.ports ?? []).flatMap(({ nodePort }) => (nodePort ? [nodePort] : []))
  const health = service.spec?.healthCheckNodePort
  return needsHealthCheck(service) && health ? [...ports, health] : ports
}

/** A type without node ports drops them when it is prepared, which is later. */
const portsInUse = (service: Service): number[] => (hasNodePorts(service) ? portsOf(service) : [])

const refusal = (service: Service, errors: readonly FieldError[]): StatusError =>
  invalidObject({ group: '', kind: 'Service' }, service.metadata?.name ?? '', errors)

/** What one write takes; given back when the write fails, or was a dry run. */
class Claim {
  readonly #owner: { addresses: Addresses; ports: Ports; claims: Set<Claim> }
  readonly #context: StrategyContext
  readonly #ips: string[] = []
  readonly #ports: number[] = []

  constructor(owner: { addresses: Addresses; ports: Ports; claims: Set<Claim> }, context: StrategyContext) {
    this.#owner = owner
    this.#context = context
    owner.claims.add(this)
  }

  /** Takes the same once more, after all has been given back. */
  again(): void {
    for (const ip of this.#ips) this.#owner.addresses.take(ip)
    for (const port of this.#ports) this.#owner.ports.take(port)
  }

  address(wanted: string): string {
    const ip = wanted === '' ? this.#owner.addresses.findFree(this.#context) : wanted
    if (ip === undefined) throw internal('failed to allocate a serviceIP: range is full')
    this.#owner.addresses.claim(ip)
    this.#ips.push(ip)
    return ip
  }

  port(wanted: number): number {
    const port = wanted === 0 ? this.#owner.ports.findFree(this.#context) : wanted
    if (port === undefined) throw internal('failed to allocate a nodePort: range is full')
    this.#owner.ports.claim(port, this.#context.dryRun)
    this.#ports.push(port)
    return port
  }

  settle(stored: boolean): void {
    this.#owner.claims.delete(this)
    if (stored && !this.#context.dryRun) return
    for (const ip of this.#ips) this.#owner.addresses.release(ip)
    for (const port of this.#ports) this.#owner.ports.release(port)
  }
}

/** Why an address or a port was not to be had. */
class Unavailable extends Error {}

function claimAddress(service: Service, claim: Claim): void {
  const spec = service.spec!
  if (!needsClusterIp(service) || isHeadless(service)) return
  const wanted = spec.clusterIPs?.[0] ?? ''
  try {
    const ip = claim.address(wanted)
    spec.clusterIP = ip
    spec.clusterIPs = [ip]
  } catch (error) {
    if (!(error instanceof Unavailable)) throw error
    throw refusal(service, [
      invalid('spec.clusterIPs', spec.clusterIPs, `failed to allocate IP ${wanted}: ${error.message}`),
    ])
  }
}

function claimPorts(service: Service, old: Service | undefined, claim: Claim): void {
  const spec = service.spec!
  const held = new Set(old ? portsOf(old) : [])
  const byPort = new Map<number, number>()
  for (const [i, port] of (hasNodePorts(service) ? (spec.ports ?? []) : []).entries()) {
    if (!port.nodePort && !needsNodePort(service)) continue
    // The same port over another protocol gets the same node port.
    const shared = byPort.get(port.port ?? 0)
    const asked =
      port.nodePort ||
      (old ? 0 : (spec.ports!.find((other) => other.port === port.port && other.nodePort)?.nodePort ?? 0))
    if (shared !== undefined && (asked === 0 || asked === shared)) {
      port.nodePort = shared
      continue
    }
    try {
      port.nodePort = asked !== 0 && held.has(asked) ? asked : claim.port(asked)
    } catch (error) {
      if (!(error instanceof Unavailable)) throw error
      throw refusal(service, [invalid(`spec.ports[${i}].nodePort`, asked, error.message)])
    }
    held.add(port.nodePort)
    if (shared === undefined) byPort.set(port.port ?? 0, port.nodePort)
  }
  if (!needsHealthCheck(service) || (old && needsHealthCheck(old))) return
  const wanted = spec.healthCheckNodePort ?? 0
  try {
    spec.healthCheckNodePort = claim.port(wanted)
  } catch (error) {
    if (!(error instanceof Unavailable)) throw error
    throw internal(`failed to allocate requested HealthCheck NodePort ${wanted}: ${error.message}`)
  }
}

class Addresses {
  readonly #first: bigint
  readonly #pool: Pool

  constructor(cidr: string) {
    const { address, bits } = parseCidr(cidr)!
    const hostBits = BigInt(32 - bits)
    this.#first = ((ipToBigInt(address) >> hostBits) << hostBits) + 1n
    // Neither the network's own address nor the broadcast address.
    const size = Math.max(1, 2 ** (32 - bits) - 2)
    this.#pool = new Pool(size, staticBand(size, 16, 256, 16))
  }

  #offset(ip: string): number {
    return Number(ipToBigInt(ip) - this.#first)
  }

  claim(ip: string): void {
    const offset = this.#offset(ip)
    if (ip.includes(':') || offset < 0 || offset >= this.#pool.size) {
      throw new Unavailable('the provided network does not match the current range')
    }
    if (!this.#pool.take(offset)) throw new Unavailable('provided IP is already allocated')
  }

  /** As found in the store: what lies outside the range is let be. */
  take(ip: string): void {
    if (ip.includes(':')) return
    const offset = this.#offset(ip)
    if (offset >= 0 && offset < this.#pool.size) this.#pool.take(offset)
  }

  clear(): void {
    this.#pool.clear()
  }

  release(ip: string): void {
    if (!ip.includes(':')) this.#pool.release(this.#offset(ip))
  }

  findFree({ random }: StrategyContext): string | undefined {
    const offset = this.#pool.findFree(random)
    return offset === undefined ? undefined : bigIntToIpv4(this.#first + BigInt(offset))
  }
}

class Ports {
  readonly #first: number
  readonly #last: number
  readonly #pool: Pool

  constructor(first: number, last: number) {
    this.#first = first
    this.#last = last
    const size = last - first + 1
    this.#pool = new Pool(size, staticBand(size, 16, 128, 32))
  }

  /** Upstream does not hold dry runs to the range. */
  claim(port: number, anywhere: boolean): void {
    if (this.#inRange(port)) {
      if (!this.#pool.take(port - this.#first)) throw new Unavailable('provided port is already allocated')
    } else if (!anywhere) {
      const range = `${this.#first}-${this.#last}`
      throw new Unavailable(`provided port is not in the valid range. The range of valid ports is ${range}`)
    }
  }

  take(port: number): void {
    if (this.#inRange(port)) this.#pool.take(port - this.#first)
  }

  clear(): void {
    this.#pool.clear()
  }

  get range(): string {
    return `${this.#first}-${this.#last}`
  }

  get data(): string {
    return this.#pool.bits().toString('base64')
  }

  #inRange(port: number): boolean {
    return port >= this.#first && port <= this.#last
  }

  release(port: number): void {
    this.#pool.release(port - this.#first)
  }

  findFree({ random }: StrategyContext): number | undefined {
    const offset = this.#pool.findFree(random)
    return offset === undefined ? undefined : this.#first + offset
  }
}
