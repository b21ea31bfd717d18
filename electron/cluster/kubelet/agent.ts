import type { Clock } from '../base/clock.ts'
import { Disposer } from '../base/dispose.ts'
import type { Logger } from '../base/logger.ts'
import type { Random } from '../base/random.ts'
import { Kubelet, type KubeletDeps } from './kubelet.ts'
import { KubeletServer, type ServerTls } from './server/kubelet-server.ts'
import { startFleet, type Fleet, type FleetDeps } from './simulated/fleet.ts'

export interface AgentDeps {
  clock: Clock
  random: Random
  logger: Logger
  /** Where the kubelets of this process listen, all at one port (0: any free one). */
  server: { host: string; port: number; tls: ServerTls; allowedClients?: readonly string[] }
  kubeletVersion: string
}

/** A node that runs pods. */
export type AgentNode = Omit<KubeletDeps, 'clock' | 'random' | 'logger' | 'port' | 'kubeletVersion'>
/** Nodes that only pretend to. */
export type AgentFleet = Omit<FleetDeps, 'clock' | 'random' | 'logger' | 'server' | 'kubeletVersion'>

export interface Agent extends AsyncDisposable {
  /** Of the HTTPS server: what nodes report as their kubelet's endpoint. */
  readonly port: number
  readonly nodes: readonly Kubelet[]
  /** Registers a node and takes its pods over; resolves when it is Ready. */
  add(node: AgentNode, signal?: AbortSignal): Promise<Kubelet>
  /** Stops looking after a node; its pods go on running and the Node object stays. */
  remove(name: string): Promise<void>
  simulate(fleet: AgentFleet, signal?: AbortSignal): Promise<Fleet>
}

/** Starts the server of this process's kubelets; nodes are added to it one by one. */
export async function startAgent(deps: AgentDeps): Promise<Agent> {
  const { clock, random, logger, kubeletVersion } = deps
  const owned = new Disposer()
  const server = owned.own(new KubeletServer({ ...deps.server, clock, logger, version: kubeletVersion }))
  await server.listen()
  const kubelets = new Map<string, Kubelet>()
  owned.defer(async () => {
    await Promise.all([...kubelets.values()].map((kubelet) => kubelet[Symbol.asyncDispose]()))
  })
  const shared = { clock, random, kubeletVersion }
  const never = new AbortController().signal

  return {
    port: server.port,
    get nodes() {
      return [...kubelets.values()]
    },
    async add(node, signal = never) {
      const kubelet = await Kubelet.start(
        { ...node, ...shared, logger: logger.child(node.name), port: server.port },
        signal,
      )
      kubelets.set(node.name, kubelet)
      server.served.nodes.push(kubelet)
      return kubelet
    },
    async remove(name) {
      const kubelet = kubelets.get(name)
      if (!kubelet) return
      kubelets.delete(name)
      server.served.nodes.splice(server.served.nodes.indexOf(kubelet), 1)
      await kubelet[Symbol.asyncDispose]()
    },
    async simulate(fleet, signal = never) {
      const endpoint = { host: deps.server.host, port: server.port }
      const started = await startFleet(
        { ...fleet, ...shared, logger: logger.child('simulated'), server: endpoint },
        signal,
      )
      server.served.refusals.push((namespace, name) => started.refusal(namespace, name))
      return owned.own(started)
    },
    [Symbol.asyncDispose]: () => owned[Symbol.asyncDispose](),
  }
}
