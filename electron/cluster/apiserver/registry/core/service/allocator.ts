import type { KubeObject } from '#shared/kube/object.ts'
import { internal, invalid as invalidObject, type FieldError, type StatusError } from '#shared/kube/status.ts'
import type { Reservation, StrategyContext } from '../../kind.ts'
import { invalid } from '../../validation/field.ts'
import { ClusterIps, type Stored } from './cluster-ips.ts'
import { Ports } from './node-ports.ts'
import { hasNodePorts, isHeadless, needsClusterIp, needsHealthCheck, needsNodePort, type Service } from './types.ts'
import { Unavailable } from './unavailable.ts'

/**
 * Gives prepared services their addresses and node ports (the first and the last of these). Source:
 * registry/core/service/storage and its two allocators.
 */
export const serviceReservation = (nodePorts: readonly [first: number, last: number] = [30000, 32767]) =>
  new ServiceReservation(nodePorts) as Reservation<Service>

/** Where upstream keeps the node ports that are taken. */
export const servicePorts = 'ranges/servicenodeports'

class ServiceReservation implements Reservation<Service> {
  readonly group = ''
  readonly plural = 'services'
  readonly addresses = new ClusterIps()
  readonly ports: Ports
  readonly claims = new Set<Claim>()

  constructor([first, last]: readonly [number, number]) {
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

  reserve(
    service: Service,
    old: Service | undefined,
    context: StrategyContext,
    stored: Stored,
  ): (stored: boolean) => void {
    const claim = new Claim(this, context)
    try {
      if (!old || !needsClusterIp(old)) claimAddress(service, claim, stored)
      claimPorts(service, old, claim)
    } catch (error) {
      claim.settle(false)
      throw error
    }
    // What the old service had and the new one has not goes back once the write is known to be stored.
    const freed = old
      ? { ips: except(clusterIpsOf(old), clusterIpsOf(service)), ports: except(portsOf(old), portsInUse(service)) }
      : { ips: [], ports: [] }
    return (isStored) => {
      claim.settle(isStored)
      if (!isStored || context.dryRun) return
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
  readonly #owner: { addresses: ClusterIps; ports: Ports; claims: Set<Claim> }
  readonly #context: StrategyContext
  readonly #ips: string[] = []
  readonly #ports: number[] = []

  constructor(owner: { addresses: ClusterIps; ports: Ports; claims: Set<Claim> }, context: StrategyContext) {
    this.#owner = owner
    this.#context = context
    owner.claims.add(this)
  }

  /** Takes the same once more, after all has been given back. */
  again(): void {
    for (const ip of this.#ips) this.#owner.addresses.take(ip)
    for (const port of this.#ports) this.#owner.ports.take(port)
  }

  address(wanted: string, stored: Stored): string {
    const { dryRun, random } = this.#context
    const ip = dryRun ? ClusterIps.foretold(wanted, stored) : this.#owner.addresses.claim(wanted, stored, random)
    if (ip === undefined) throw internal('failed to allocate a serviceIP: range is full')
    if (!dryRun) this.#ips.push(ip)
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

function claimAddress(service: Service, claim: Claim, stored: Stored): void {
  const spec = service.spec!
  if (!needsClusterIp(service) || isHeadless(service)) return
  const wanted = spec.clusterIPs?.[0] ?? ''
  try {
    const ip = claim.address(wanted, stored)
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
