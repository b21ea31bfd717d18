import { isIPv4, type Socket } from 'node:net'
import type { Service } from 'kubernetes-types/core/v1'
import type { EndpointSlice } from 'kubernetes-types/discovery/v1'
import type { Frozen } from '#shared/kube/object.ts'
import type { Clock } from '../../base/clock.ts'
import type { Logger } from '../../base/logger.ts'
import type { Place, PodNetwork } from '../api.ts'
import { EntranceTable, type NewEntrance } from '../entrances/entrance-table.ts'
import type { Allows } from '../listeners/listen.ts'
import { retryMs } from '../listeners/port-problem.ts'
import { tableName } from '../nftables/table.ts'
import { contains, parseAddress, parseRange } from '../pod-network/cidr.ts'
import type { ServiceTable } from '../service-table.ts'
import { HealthCheck, type HealthByAddress } from './health-check.ts'
import type { OnServicePorts, ServicePortReport } from './ports.ts'
import { healthCheckPort, serviceHealth, serviceRules, type Location, type PortRule } from './rules.ts'
import { ServedPort } from './served-port.ts'

export interface ServiceProxyDeps {
  readonly clock: Clock
  readonly logger: Logger
  readonly services: ServiceTable
  /** Of all nodes of this machine together. */
  readonly network: Pick<PodNetwork, 'driver' | 'podCidr' | 'gateway' | 'dial'>
  /** The nodes of this machine. */
  readonly nodes: readonly [ProxiedNode, ...ProxiedNode[]]
  /** The same as the pod network's. */
  readonly clusterId: string
  readonly onPorts: OnServicePorts
  /** Default: everybody. */
  readonly allows?: Allows
  /** False leaves the machine's packet filter alone. Default: true. */
  readonly redirectClusterIps?: boolean
}

export interface ProxiedNode {
  readonly name: string
  readonly podCidr: string
  /** What its pods know it by. */
  readonly address: string
}

/**
 * Serves the Services on this machine. Where pods have a network of their own, the kernel leads packets for cluster IPs,
 * external IPs and the node's ports to them. Ports of localhost are listened on, and where pods are mapped to such ports
 * themselves, cluster IPs are redirected to a listener each.
 */
export class ServiceProxy implements AsyncDisposable {
  /** One sentence each: what does not work on this machine. */
  readonly limits: readonly string[]
  readonly #deps: ServiceProxyDeps
  readonly #table: EntranceTable | undefined
  readonly #connections = new Set<Socket>()
  /** By the key of the service, then by the id of the rule. */
  readonly #served = new Map<string, Map<string, ServedPort>>()
  /** By the key of the service. */
  readonly #healthChecks = new Map<string, HealthCheck>()
  /** Mapped network: by `clusterIp:port`. With the bridge the packet filter knows. */
  #byClusterIp = new Map<string, ServedPort>()
  readonly #reported = new Map<string, string>()
  readonly #watching: Disposable
  #changed = new Set<string>()
  #further: readonly NewEntrance[] = []
  #retryPorts = false
  #furtherChanged = false
  #ranges: readonly string[] = []
  readonly #zones = new Map<string, string | undefined>()
  #work: Promise<void> | undefined
  #cancelRetry: (() => void) | undefined
  #closing = false

  private constructor(deps: ServiceProxyDeps, table: EntranceTable | undefined, limits: readonly string[]) {
    this.#deps = deps
    this.#table = table
    this.limits = limits
    for (const [key] of deps.services.services()) this.#changed.add(key)
    this.#watching = deps.services.onChange((key) => this.#onChange(key))
    this.#work = this.#reconcile()
  }

  static async create(deps: ServiceProxyDeps): Promise<ServiceProxy> {
    const limits: string[] = []
    const table = await createTable(deps).catch((error: Error) => {
      const led = deps.network.driver === 'mapped' ? ', only from Node programs in pods' : ''
      limits.push(`The cluster IPs of Services cannot be reached on this machine${led}: ${error.message}.`)
      return undefined
    })
    if (deps.network.driver === 'mapped')
      limits.push('Services do not pass on UDP here: pods share the network of this machine.')
    return new ServiceProxy(deps, table, limits)
  }

  /** In which zone a node is: endpoints may be meant for one. */
  setZone(node: string, zone: string | undefined): void {
    if (zone === this.#zones.get(node)) return
    this.#zones.set(node, zone)
    for (const [key] of this.#deps.services.services()) this.#onChange(key)
  }

  /** The IPv4 ranges of Services: in them nothing answers pods but Services. */
  setRanges(ranges: readonly string[]): void {
    this.#ranges = ranges
    this.#furtherChanged = true
    if (!this.#closing) this.#work ??= this.#reconcile()
  }

  /** What the kernel leads from besides Services, all of it. Resolves when it does, or when this machine has no such kernel. */
  async lead(entrances: readonly NewEntrance[]): Promise<void> {
    this.#further = entrances
    if (this.#closing) return
    this.#furtherChanged = true
    this.#work ??= this.#reconcile()
    await this.settled()
  }

  /** Resolves when everything that the table has told so far is in effect. */
  async settled(): Promise<void> {
    while (this.#work) await this.#work
  }

  /** Where a cluster IP is served for the pods of a mapped network; undefined when it is none. */
  locate(ip: string, port: number): Place | 'refused' | undefined {
    if (!isIPv4(ip) || !this.#ranges.some((range) => contains(parseRange(range), parseAddress(ip)))) return undefined
    const served = this.#byClusterIp.get(`${ip}:${port}`)?.clusterPort
    return served === undefined ? 'refused' : { host: this.#deps.network.gateway, port: served }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing = true
    this.#watching[Symbol.dispose]()
    this.#cancelRetry?.()
    await this.settled()
    await this.#table?.[Symbol.asyncDispose]()
    for (const ports of this.#served.values()) await closeAll(ports.values())
    for (const check of this.#healthChecks.values()) await check.close()
    for (const connection of this.#connections) connection.resetAndDestroy()
  }

  #onChange(key: string): void {
    // At once: no new connection may go to an endpoint that has just left.
    const ports = this.#served.get(key)
    if (ports) for (const rule of this.#rulesOf(key)) ports.get(rule.id)?.setRule(rule)
    this.#changed.add(key)
    this.#work ??= this.#reconcile()
  }

  async #reconcile(): Promise<void> {
    await Promise.resolve()
    while ((this.#changed.size || this.#retryPorts || this.#furtherChanged) && !this.#closing) {
      const keys = this.#changed
      this.#changed = new Set()
      this.#furtherChanged = false
      if (this.#retryPorts) {
        this.#retryPorts = false
        for (const key of this.#withProblem()) keys.add(key)
      }
      const left: ServedPort[] = []
      for (const key of keys) left.push(...(await this.#serve(key)))
      await this.#redirect()
      await closeAll(left)
    }
    if (this.#withProblem().length) this.#retryLater()
    this.#work = undefined
  }

  #retryLater(): void {
    if (this.#closing) return
    this.#cancelRetry ??= this.#deps.clock.after(retryMs, () => {
      this.#cancelRetry = undefined
      this.#retryPorts = true
      this.#work ??= this.#reconcile()
    })
  }

  /** Opens what the service needs, and returns what it needs no more, to be closed when nothing leads there. */
  async #serve(key: string): Promise<ServedPort[]> {
    const before = this.#served.get(key) ?? new Map<string, ServedPort>()
    const after = new Map<string, ServedPort>()
    for (const rule of this.#rulesOf(key)) {
      const port = before.get(rule.id) ?? this.#newPort(rule)
      before.delete(rule.id)
      after.set(rule.id, port)
      port.setRule(rule)
      await port.listen()
    }
    if (after.size) this.#served.set(key, after)
    else this.#served.delete(key)
    this.#report(key, after)
    await this.#checkHealth(key)
    return [...before.values()]
  }

  async #checkHealth(key: string): Promise<void> {
    const service = this.#deps.services.service(key)
    const wanted = service && healthCheckPort(service)
    const before = this.#healthChecks.get(key)
    if (before && before.port !== wanted) {
      this.#healthChecks.delete(key)
      await before.close()
    }
    if (!service || wanted === undefined) return
    const health = this.#healthOf(service, this.#deps.services.slicesOf(key))
    const check = this.#healthChecks.get(key) ?? new HealthCheck(wanted, health)
    this.#healthChecks.set(key, check)
    const known = check.problem?.message
    await check.serve(health)
    const error = check.problem?.message
    if (error && error !== known) this.#deps.logger.warn('cannot tell the health of a service', { service: key, error })
  }

  /** Localhost speaks for all nodes of the machine, the address of a node for that one. */
  #healthOf(service: Frozen<Service>, slices: readonly Frozen<EndpointSlice>[]): HealthByAddress {
    const { nodes } = this.#deps
    const at = (host: string, those: readonly ProxiedNode[]) =>
      [
        host,
        serviceHealth(
          service,
          slices,
          those.map(({ name }) => name),
        ),
      ] as const
    return new Map([at('127.0.0.1', nodes), ...nodes.map((node) => at(node.address, [node]))])
  }

  /** Keys of the services that do not have a port they ask for. */
  #withProblem(): string[] {
    const served = [...this.#served].filter(([, ports]) => hasProblem(ports))
    const checked = [...this.#healthChecks].filter(([, { problem }]) => problem)
    return [...served, ...checked].map(([key]) => key)
  }

  #locations(): [Location, ...Location[]] {
    const locate = ({ name }: ProxiedNode) => ({ node: name, zone: this.#zones.get(name) })
    const [first, ...others] = this.#deps.nodes
    return [locate(first), ...others.map(locate)]
  }

  #rulesOf(key: string): PortRule[] {
    const { services, network } = this.#deps
    const service = services.service(key)
    if (!service) return []
    const rules = serviceRules(service, services.slicesOf(key), this.#locations())
    return network.driver === 'mapped' ? rules.filter((rule) => rule.protocol === 'TCP') : rules
  }

  #newPort(rule: PortRule): ServedPort {
    const { clock, network } = this.#deps
    return new ServedPort(rule, {
      clock,
      gateway: network.gateway,
      clusterIps: network.driver === 'mapped',
      connections: this.#connections,
      allows: this.#deps.allows ?? (() => true),
      dial: network.dial,
    })
  }

  async #redirect(): Promise<void> {
    const ports = [...this.#served.values()].flatMap((byId) => [...byId.values()])
    if (this.#deps.network.driver === 'mapped')
      this.#byClusterIp = new Map(
        ports.flatMap((port) => port.rule.clusterIps.map((ip) => [`${ip}:${port.rule.port}`, port])),
      )
    if (!this.#table) return
    const addresses = ports.flatMap(({ rule }) => rule.clusterIps)
    const entrances = [...ports.flatMap(this.#entrances), ...this.#further]
    await this.#table.update(entrances, addresses, this.#ranges).catch((error: Error) => {
      this.#deps.logger.error('cannot lead to services', { error: error.message })
      this.#retryLater()
    })
  }

  readonly #entrances = ({ rule, clusterPort }: ServedPort): NewEntrance[] => {
    const { network, nodes } = this.#deps
    const { id, protocol, affinitySeconds } = rule
    const at = (ips: readonly string[], port: number) => ips.map((ip) => ({ ip, port }))
    const cluster = at(rule.clusterIps, rule.port)
    if (network.driver === 'mapped') {
      const endpoints = [clusterPort === undefined ? [] : [{ ip: network.gateway, port: clusterPort }]]
      return [{ id, protocol, places: cluster, affinitySeconds: undefined, endpoints }]
    }
    const outside = { protocol, affinitySeconds }
    return [
      { id, protocol, places: cluster, affinitySeconds, endpoints: rule.internal },
      { id: `${id} from outside`, ...outside, places: at(rule.externalIps, rule.port), endpoints: rule.everywhere },
      ...nodes.map(({ name, address }, here) => ({
        id: `${id} at ${name}`,
        ...outside,
        places: rule.nodePort === undefined ? [] : [{ ip: address, port: rule.nodePort }],
        endpoints: rule.everywhere.map((own, i) => (i === here ? own : rule.external[here]!)),
      })),
    ].filter(({ places }) => places.length)
  }

  #report(key: string, ports: ReadonlyMap<string, ServedPort>): void {
    const reports: ServicePortReport[] = [...ports.values()].flatMap((port) => port.reports())
    const text = JSON.stringify(reports)
    if (text === (this.#reported.get(key) ?? '[]')) return
    const [first] = ports.values()
    if (first) {
      this.#reported.set(key, text)
      this.#deps.onPorts(first.rule.service, reports)
    } else this.#reported.delete(key)
  }
}

async function createTable(deps: ServiceProxyDeps): Promise<EntranceTable> {
  const { network, nodes, clusterId } = deps
  if (deps.redirectClusterIps === false) throw new Error('redirecting them is switched off')
  if (process.platform !== 'linux') throw new Error(`${process.platform} has no nftables`)
  if (process.getuid?.() !== 0) throw new Error('redirecting them takes root')
  return EntranceTable.create({
    table: tableName(clusterId, 'services'),
    address: network.gateway,
    podCidr: network.podCidr,
    podCidrs: nodes.map(({ podCidr }) => podCidr),
  })
}

const hasProblem = (ports: ReadonlyMap<string, ServedPort>): boolean =>
  [...ports.values()].some((port) => port.hasProblem)

async function closeAll(ports: Iterable<ServedPort>): Promise<void> {
  await Promise.all([...ports].map((port) => port.close()))
}
