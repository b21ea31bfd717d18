import type { Socket } from 'node:net'
import type { Clock } from '../../base/clock.ts'
import type { PodNetwork, PortMapping } from '../api.ts'
import { Balancer } from '../service-proxy/balancer.ts'
import type { NewEntrance } from '../service-proxy/cluster-ip-table.ts'
import { LocalhostPort } from '../service-proxy/localhost-port.ts'
import type { EndpointAddress } from '../service-proxy/rules.ts'
import type { Allows } from '../service-proxy/served-port.ts'
import { listenTcp } from '../service-proxy/tcp-listener.ts'
import { listenUdp } from '../service-proxy/udp-listener.ts'

export interface HostPortDeps {
  readonly clock: Clock
  readonly connections: Set<Socket>
  readonly allows: Allows
  readonly dial: PodNetwork['dial']
}

/** Where a pod is, and what it knows its node by. */
export interface PodPlace {
  readonly ip: string
  readonly nodeAddress: string
}

/** A port of this machine that leads to a port of one pod: of localhost and the node's address, or of the address it asks for. */
export class HostPort {
  readonly #mapping: PortMapping & { readonly hostPort: number }
  readonly #endpoint: EndpointAddress
  readonly #node: LocalhostPort | undefined
  readonly #nodeAddress: string
  readonly #ports: readonly LocalhostPort[]

  constructor(
    mapping: PortMapping & { readonly hostPort: number },
    { ip, nodeAddress }: PodPlace,
    { clock, connections, allows, dial }: HostPortDeps,
  ) {
    const { protocol, containerPort, hostPort, hostIp = '' } = mapping
    const balancer = new Balancer(clock)
    const deps = {
      clock,
      balancer,
      connections,
      dial,
      allows: (client: string, endpoint: EndpointAddress) => allows(client, endpoint, protocol),
    }
    const listen = protocol === 'TCP' ? listenTcp : listenUdp
    const at = (hosts?: [string]) => new LocalhostPort([hostPort], ({ host, port }) => listen(host, port, deps), hosts)
    const everywhere = ['', '0.0.0.0', '::'].includes(hostIp)
    this.#mapping = mapping
    this.#endpoint = { ip, port: containerPort }
    this.#nodeAddress = nodeAddress
    balancer.set([this.#endpoint], undefined)
    this.#node = everywhere || hostIp === nodeAddress ? at([nodeAddress]) : undefined
    this.#ports = [...(everywhere ? [at()] : []), this.#node ?? at([hostIp])]
  }

  /** What the kernel leads to the pod, who then sees the client's address. */
  get entrance(): NewEntrance | undefined {
    if (this.#node?.bound === undefined) return undefined
    const { protocol, hostPort } = this.#mapping
    return {
      id: `host port ${this.#nodeAddress}/${protocol}/${hostPort}`,
      protocol,
      places: [{ ip: this.#nodeAddress, port: hostPort }],
      affinitySeconds: undefined,
      endpoints: [[this.#endpoint]],
    }
  }

  /** Why it is not served wherever it shall be. */
  get problem(): LocalhostPort['problem'] {
    return this.#ports.find(({ problem }) => problem)?.problem
  }

  /** Called again it tries for what it does not have. */
  async open(): Promise<void> {
    for (const port of this.#ports) await port.open()
  }

  /** Frees the port; connections drain. */
  async close(): Promise<void> {
    for (const port of this.#ports) await port.close()
  }
}
