import { createHash } from 'node:crypto'
import { isIPv4, type Socket } from 'node:net'
import type { Clock } from '../../base/clock.ts'
import type { Logger } from '../../base/logger.ts'
import type { Place, PodNetwork } from '../api.ts'
import { contains, parseAddress, parseRange } from '../pod-network/cidr.ts'
import type { ServiceTable } from '../service-table.ts'
import { ClusterIpTable } from './cluster-ip-table.ts'
import type { OnServicePorts, ServicePortReport } from './ports.ts'
import { serviceRules, type PortRule } from './rules.ts'
import { ServedPort } from './served-port.ts'

/** Ports that could not be had are tried again so often: their holder may have gone. */
const retryMs = 30_000

export interface ServiceProxyDeps {
  readonly clock: Clock
  readonly logger: Logger
  readonly services: ServiceTable
  readonly network: Pick<PodNetwork, 'driver' | 'podCidr' | 'gateway' | 'dial'>
  readonly nodeName: string
  readonly serviceCidr: string
  /** The same as the pod network's. */
  readonly clusterId: string
  readonly onPorts: OnServicePorts
  /** False leaves the machine's packet filter alone. Default: true. */
  readonly redirectClusterIps?: boolean
}

/**
 * Serves the Services on this node: a userspace proxy with a listener for each port, to which cluster IPs are redirected
 * where the machine allows that.
 */
export class ServiceProxy implements AsyncDisposable {
  /** One sentence each: what does not work on this machine. */
  readonly limits: readonly string[]
  readonly #deps: ServiceProxyDeps
  readonly #table: ClusterIpTable | undefined
  readonly #connections = new Set<Socket>()
  /** By the key of the service, then by the id of the rule. */
  readonly #served = new Map<string, Map<string, ServedPort>>()
  /** Mapped network: by `clusterIp:port`. With the bridge the packet filter knows. */
  #byClusterIp = new Map<string, ServedPort>()
  readonly #reported = new Map<string, string>()
  readonly #watching: Disposable
  #changed = new Set<string>()
  #retryPorts = false
  #zone: string | undefined
  #work: Promise<void> | undefined
  #cancelRetry: (() => void) | undefined
  #closing = false

  private constructor(deps: ServiceProxyDeps, table: ClusterIpTable | undefined, limits: readonly string[]) {
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

  /** In which zone the node is: endpoints may be meant for one. */
  setZone(zone: string | undefined): void {
    if (zone === this.#zone) return
    this.#zone = zone
    for (const [key] of this.#deps.services.services()) this.#onChange(key)
  }

  /** Resolves when everything that the table has told so far is in effect. */
  async settled(): Promise<void> {
    while (this.#work) await this.#work
  }

  /** Where a cluster IP is served for the pods of a mapped network; undefined when it is none. */
  locate(ip: string, port: number): Place | 'refused' | undefined {
    if (!isIPv4(ip) || !contains(parseRange(this.#deps.serviceCidr), parseAddress(ip))) return undefined
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
    while ((this.#changed.size || this.#retryPorts) && !this.#closing) {
      const keys = this.#changed
      this.#changed = new Set()
      if (this.#retryPorts) {
        this.#retryPorts = false
        for (const [key, ports] of this.#served) if (hasProblem(ports)) keys.add(key)
      }
      const left: ServedPort[] = []
      for (const key of keys) left.push(...(await this.#serve(key)))
      await this.#redirect()
      await closeAll(left)
    }
    if (!this.#cancelRetry && [...this.#served.values()].some(hasProblem))
      this.#cancelRetry = this.#deps.clock.after(retryMs, () => this.#retry())
    this.#work = undefined
  }

  #retry(): void {
    this.#cancelRetry = undefined
    this.#retryPorts = true
    this.#work ??= this.#reconcile()
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
      await port
        .listen()
        .catch((error: Error) =>
          this.#deps.logger.error('cannot serve a port', { port: rule.id, error: error.message }),
        )
    }
    if (after.size) this.#served.set(key, after)
    else this.#served.delete(key)
    this.#report(key, after)
    return [...before.values()]
  }

  #rulesOf(key: string): PortRule[] {
    const { services, nodeName, network } = this.#deps
    const service = services.service(key)
    const rules = service ? serviceRules(service, services.slicesOf(key), { node: nodeName, zone: this.#zone }) : []
    return network.driver === 'mapped' ? rules.filter((rule) => rule.protocol === 'TCP') : rules
  }

  #newPort(rule: PortRule): ServedPort {
    const { clock, network } = this.#deps
    return new ServedPort(rule, {
      clock,
      gateway: network.gateway,
      clusterIps: this.#table !== undefined || network.driver === 'mapped',
      connections: this.#connections,
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
    const redirects = ports.flatMap(({ rule: { clusterIps, protocol, port }, clusterPort }) =>
      clusterPort === undefined ? [] : clusterIps.map((ip) => ({ ip, protocol, port, localPort: clusterPort })),
    )
    const addresses = ports.flatMap(({ rule }) => rule.clusterIps)
    await this.#table
      .update(redirects, addresses)
      .catch((error: Error) => this.#deps.logger.error('cannot redirect cluster IPs', { error: error.message }))
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

/** Programs that free what the proxy holds of the machine when no agent is left to do it. */
export const serviceProxyReapCommands = (clusterId: string): string[][] => [
  ['nft', 'delete', 'table', 'ip', tableOf(clusterId)],
]

const tableOf = (clusterId: string): string =>
  `wheelhouse_${createHash('sha256').update(clusterId).digest('hex').slice(0, 8)}_services`

async function createTable(deps: ServiceProxyDeps): Promise<ClusterIpTable> {
  const { network, clusterId, serviceCidr } = deps
  if (deps.redirectClusterIps === false) throw new Error('redirecting them is switched off')
  if (process.platform !== 'linux') throw new Error(`${process.platform} has no nftables`)
  if (process.getuid?.() !== 0) throw new Error('redirecting them takes root')
  return ClusterIpTable.create({
    table: tableOf(clusterId),
    address: network.gateway,
    podCidr: network.podCidr,
    serviceCidr,
  })
}

const hasProblem = (ports: ReadonlyMap<string, ServedPort>): boolean =>
  [...ports.values()].some((port) => port.reports().some(({ problem }) => problem))

async function closeAll(ports: Iterable<ServedPort>): Promise<void> {
  await Promise.all([...ports].map((port) => port.close()))
}
