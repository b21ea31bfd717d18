import type { EndpointAddress, PortMapping } from '../api.ts'
import type { NewEntrance } from '../entrances/entrance-table.ts'
import { Balancer } from '../listeners/balancer.ts'
import { listen, type ListenDeps } from '../listeners/listen.ts'
import { ListeningPort } from '../listeners/listening-port.ts'
import type { PortProblem } from '../listeners/port-problem.ts'

export type HostPortDeps = Omit<ListenDeps, 'balancer'>

/** Where a pod is, and what it knows its node by. */
export interface PodPlace {
  readonly ip: string
  readonly nodeAddress: string
}

/** A port of this machine that leads to a port of one pod: of localhost and the node's address, or of the address it asks for. */
export class HostPort {
  readonly #mapping: PortMapping & { readonly hostPort: number }
  readonly #endpoint: EndpointAddress
  readonly #nodeAddress: string
  readonly #own: ListeningPort
  readonly #atLocalhost: ListeningPort | undefined

  constructor(
    mapping: PortMapping & { readonly hostPort: number },
    { ip, nodeAddress }: PodPlace,
    hostPortDeps: HostPortDeps,
  ) {
    const { protocol, containerPort, hostPort, hostIp = '' } = mapping
    const balancer = new Balancer(hostPortDeps.clock)
    const deps = { ...hostPortDeps, balancer }
    const at = (hosts?: [string]) => new ListeningPort([hostPort], (place) => listen(protocol, place, deps), hosts)
    const everywhere = ['', '0.0.0.0', '::'].includes(hostIp)
    this.#mapping = mapping
    this.#endpoint = { ip, port: containerPort }
    this.#nodeAddress = nodeAddress
    balancer.set([this.#endpoint], undefined)
    this.#own = at([everywhere ? nodeAddress : hostIp])
    this.#atLocalhost = everywhere ? at() : undefined
  }

  /** What the kernel leads to the pod, who then sees the client's address. */
  get entrance(): NewEntrance | undefined {
    const { protocol, hostPort, hostIp } = this.#mapping
    if (this.#own.bound === undefined || !(this.#atLocalhost || hostIp === this.#nodeAddress)) return undefined
    return {
      id: `host port ${this.#nodeAddress}/${protocol}/${hostPort}`,
      protocol,
      places: [{ ip: this.#nodeAddress, port: hostPort }],
      affinitySeconds: undefined,
      endpoints: [[this.#endpoint]],
    }
  }

  get #onLocalhost(): string {
    return `${this.#mapping.protocol} ${this.#mapping.hostPort}`
  }

  /** Which port of localhost it has. */
  get localhost(): string | undefined {
    return this.#atLocalhost?.bound === undefined ? undefined : this.#onLocalhost
  }

  /** Why it is not served wherever it shall be. `shared`: ports of localhost that others of this machine's pods have. */
  problem(shared: ReadonlySet<string> = new Set()): PortProblem | undefined {
    return this.#own.problem ?? (shared.has(this.#onLocalhost) ? undefined : this.#atLocalhost?.problem)
  }

  /** Called again it tries for what it does not have. */
  async open(): Promise<void> {
    await this.#own.open()
    await this.#atLocalhost?.open()
  }

  /** Frees the port; connections drain. */
  async close(): Promise<void> {
    await this.#own.close()
    await this.#atLocalhost?.close()
  }
}
