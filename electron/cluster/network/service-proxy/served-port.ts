import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Clock } from '../../base/clock.ts'
import type { Place } from '../api.ts'
import { Balancer } from './balancer.ts'
import { LocalhostPort } from './localhost-port.ts'
import { candidatePorts, portProblem, type ServicePortReport } from './ports.ts'
import type { EndpointAddress, PortRule, Protocol } from './rules.ts'
import { listenTcp, type Listener } from './tcp-listener.ts'
import { listenUdp } from './udp-listener.ts'

/** Whether policies let a client, who came to a port of localhost, to an endpoint. */
export type Allows = (client: string, endpoint: EndpointAddress, protocol: Protocol) => boolean

export interface ServedPortDeps {
  readonly clock: Clock
  /** Where cluster IPs are redirected to. */
  readonly gateway: string
  /** Whether they are, and so need a listener. */
  readonly clusterIps: boolean
  readonly connections: Set<Socket>
  allows: Allows
  dial(ip: string, port: number, signal: AbortSignal): Promise<Duplex>
}

/** One port of one Service as it is served here: its listeners and who is behind them. */
export class ServedPort {
  readonly #deps: ServedPortDeps
  #rule: PortRule
  readonly #internal: Balancer
  readonly #external: Balancer
  readonly #listeners = new Map<string, Listener>()
  #loadBalancer: LocalhostPort | undefined
  #nodePortError: NodeJS.ErrnoException | undefined

  constructor(rule: PortRule, deps: ServedPortDeps) {
    this.#rule = rule
    this.#deps = deps
    this.#internal = new Balancer(deps.clock)
    this.#external = new Balancer(deps.clock)
    this.setRule(rule)
  }

  get rule(): PortRule {
    return this.#rule
  }

  /** Where redirected packets for the cluster IPs arrive; undefined when nobody could answer them. */
  get clusterPort(): number | undefined {
    return this.#internal.isEmpty ? undefined : this.#listeners.get('cluster')?.port
  }

  /** New connections go to these endpoints from now on; those that exist stay where they are. */
  setRule(rule: PortRule): void {
    this.#rule = rule
    this.#internal.set(rule.internal[0] ?? [], rule.affinitySeconds)
    this.#external.set(rule.external, rule.affinitySeconds)
  }

  /** Brings the listeners in line with the rule. */
  async listen(): Promise<void> {
    const rule = this.#rule
    // Node has no sockets for it; the kernel leads it between pods.
    if (rule.protocol === 'SCTP') return
    if (this.#deps.clusterIps && rule.clusterIps.length)
      await this.#ensure('cluster', { host: this.#deps.gateway, port: 0 }, this.#internal)
    await this.#serveNodePort()
    await this.#serveLoadBalancer()
  }

  /** Tries again to get the ports that could not be had. */
  async retry(): Promise<void> {
    if (this.#nodePortError) await this.#serveNodePort()
    if (this.#loadBalancer?.problem) await this.#serveLoadBalancer()
  }

  reports(): ServicePortReport[] {
    const { protocol, port, nodePort } = this.#rule
    const reports: ServicePortReport[] = []
    if (nodePort !== undefined) {
      const error = this.#nodePortError
      const problem = error && portProblem(error, nodePort, undefined)
      const bound = error ? undefined : nodePort
      reports.push({ kind: 'NodePort', protocol, port, wanted: nodePort, bound, address: '127.0.0.1', problem })
    }
    if (this.#loadBalancer) {
      const { wanted, bound, problem } = this.#loadBalancer
      reports.push({ kind: 'LoadBalancer', protocol, port, wanted, bound, address: '127.0.0.1', problem })
    }
    return reports
  }

  /** Frees the ports; connections drain. */
  async close(): Promise<void> {
    const all = [...this.#listeners.values()]
    this.#listeners.clear()
    await Promise.all([...all.map((listener) => listener[Symbol.asyncDispose]()), this.#loadBalancer?.close()])
    this.#loadBalancer = undefined
  }

  async #serveNodePort(): Promise<void> {
    const { nodePort } = this.#rule
    this.#nodePortError = undefined
    if (nodePort === undefined) await this.#drop('node')
    else
      await this.#ensure('node', { host: '127.0.0.1', port: nodePort }, this.#external).catch(
        (error: Error) => (this.#nodePortError = error),
      )
  }

  async #serveLoadBalancer(): Promise<void> {
    const wanted = this.#rule.loadBalancerPort
    if (wanted === undefined) {
      await this.#loadBalancer?.close()
      this.#loadBalancer = undefined
      return
    }
    this.#loadBalancer ??= new LocalhostPort(candidatePorts(wanted), (place) => this.#listen(place, this.#external))
    await this.#loadBalancer.open()
  }

  async #ensure(key: string, place: Place, balancer: Balancer): Promise<void> {
    const current = this.#listeners.get(key)
    if (current && (place.port === 0 || current.port === place.port)) return
    await this.#drop(key)
    this.#listeners.set(key, await this.#listen(place, balancer))
  }

  async #drop(key: string): Promise<void> {
    const listener = this.#listeners.get(key)
    this.#listeners.delete(key)
    await listener?.[Symbol.asyncDispose]()
  }

  #listen({ host, port }: Place, balancer: Balancer): Promise<Listener> {
    const { protocol } = this.#rule
    const allows = (client: string, endpoint: EndpointAddress) => this.#deps.allows(client, endpoint, protocol)
    const deps = { ...this.#deps, balancer, allows }
    return protocol === 'TCP' ? listenTcp(host, port, deps) : listenUdp(host, port, deps)
  }
}
