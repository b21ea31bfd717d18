import { Balancer } from '../listeners/balancer.ts'
import { listen, type ListenDeps } from '../listeners/listen.ts'
import { ListeningPort } from '../listeners/listening-port.ts'
import { candidatePorts, type ServicePortReport } from './ports.ts'
import type { PortRule } from './rules.ts'

export interface ServedPortDeps extends Omit<ListenDeps, 'balancer'> {
  /** Where cluster IPs are redirected to. */
  readonly gateway: string
  /** Whether they are, and so need a listener. */
  readonly clusterIps: boolean
}

type Kind = 'Cluster' | ServicePortReport['kind']

/** One port of one Service as it is served here: its listeners and who is behind them. */
export class ServedPort {
  readonly #deps: ServedPortDeps
  #rule: PortRule
  readonly #internal: Balancer
  readonly #localhost: Balancer
  readonly #ports = new Map<Kind, ListeningPort>()

  constructor(rule: PortRule, deps: ServedPortDeps) {
    this.#rule = rule
    this.#deps = deps
    this.#internal = new Balancer(deps.clock)
    this.#localhost = new Balancer(deps.clock)
    this.setRule(rule)
  }

  get rule(): PortRule {
    return this.#rule
  }

  /** Where redirected packets for the cluster IPs arrive; undefined when nobody could answer them. */
  get clusterPort(): number | undefined {
    return this.#internal.isEmpty ? undefined : this.#ports.get('Cluster')?.bound
  }

  /** New connections go to these endpoints from now on; those that exist stay where they are. */
  setRule(rule: PortRule): void {
    this.#rule = rule
    this.#internal.set(rule.internal[0] ?? [], rule.affinitySeconds)
    this.#localhost.set(rule.localhost, rule.affinitySeconds)
  }

  /** Brings the listeners in line with the rule; tries again for ports that could not be had. */
  async listen(): Promise<void> {
    const { clusterIps, nodePort, loadBalancerPort } = this.#rule
    const { gateway } = this.#deps
    const isRedirected = this.#deps.clusterIps && clusterIps.length > 0
    await this.#serve('Cluster', this.#internal, isRedirected ? [0] : undefined, [gateway])
    await this.#serve('NodePort', this.#localhost, nodePort === undefined ? undefined : [nodePort], ['127.0.0.1'])
    const candidates = loadBalancerPort === undefined ? undefined : candidatePorts(loadBalancerPort)
    await this.#serve('LoadBalancer', this.#localhost, candidates)
  }

  reports(): ServicePortReport[] {
    const { protocol, port } = this.#rule
    return [...this.#ports].flatMap(([kind, { wanted, bound, problem }]) =>
      kind === 'Cluster' ? [] : [{ kind, protocol, port, wanted, bound, address: '127.0.0.1', problem }],
    )
  }

  /** Whether it does not have what it asks for. */
  get hasProblem(): boolean {
    return [...this.#ports.values()].some(({ problem }) => problem)
  }

  /** Frees the ports; connections drain. */
  async close(): Promise<void> {
    const all = [...this.#ports.values()]
    this.#ports.clear()
    await Promise.all(all.map((port) => port.close()))
  }

  async #serve(
    kind: Kind,
    balancer: Balancer,
    candidates: readonly number[] | undefined,
    hosts?: readonly [string, ...string[]],
  ): Promise<void> {
    const { protocol } = this.#rule
    const current = this.#ports.get(kind)
    if (current && current.wanted !== candidates?.[0]) {
      this.#ports.delete(kind)
      await current.close()
    }
    // Node has no sockets for SCTP; the kernel leads it between pods.
    if (!candidates || protocol === 'SCTP') return
    const deps = { ...this.#deps, balancer }
    const port = this.#ports.get(kind) ?? new ListeningPort(candidates, (place) => listen(protocol, place, deps), hosts)
    this.#ports.set(kind, port)
    await port.open()
  }
}
