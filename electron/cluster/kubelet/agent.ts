import type { Clock } from '../base/clock.ts'
import { Disposer } from '../base/dispose.ts'
import type { Logger } from '../base/logger.ts'
import type { Random } from '../base/random.ts'
import { Kubelet, type KubeletDeps } from './kubelet.ts'
import { internalAddress } from './node/node-object.ts'
import { KubeletServer, type ServerTls } from './server/kubelet-server.ts'
import type { ShutdownGrace } from './shutdown/graces.ts'
import { earlierPort, startFleet, type Fleet, type FleetDeps } from './simulated/fleet.ts'

export interface AgentDeps {
  clock: Clock
  random: Random
  logger: Logger
  server: { tls: ServerTls; allowedClients?: readonly string[] }
  kubeletVersion: string
}

/** A node that runs pods. Its kubelet listens at the node's InternalIP. */
export type AgentNode = Omit<KubeletDeps, 'clock' | 'random' | 'logger' | 'port' | 'kubeletVersion'>
/** Nodes that only pretend to. */
export type AgentFleet = Omit<FleetDeps, 'clock' | 'random' | 'logger' | 'server' | 'kubeletVersion'>

export interface Agent extends AsyncDisposable {
  readonly nodes: readonly Kubelet[]
  /** Registers a node and takes its pods over; resolves when it is Ready. */
  add(node: AgentNode, signal?: AbortSignal): Promise<Kubelet>
  /** Stops looking after a node; its pods go on running and the Node object stays. */
  remove(name: string): Promise<void>
  /** Nodes that run pods shut down, each with its pods. */
  shutDown(graces: readonly ShutdownGrace[]): Promise<void>
  simulate(fleet: AgentFleet, signal?: AbortSignal): Promise<Fleet>
}

/** On loopback, which nodes of all clusters share, any port will do. */
const loopback = '127.0.0.1'
const usualPort = 10_250

/** Holds the kubelets of this process; nodes are added one by one. */
export function startAgent(deps: AgentDeps): Agent {
  const { clock, random, logger, kubeletVersion } = deps
  const owned = new Disposer()
  const kubelets = new Map<string, { kubelet: Kubelet; server: KubeletServer }>()
  const shared = { clock, random, kubeletVersion }
  const never = new AbortController().signal

  async function listen(host: string, wanted?: number): Promise<KubeletServer> {
    const server = new KubeletServer({ ...deps.server, host, clock, logger, version: kubeletVersion })
    await server.listen(wanted === undefined ? [0] : [wanted, 0])
    return server
  }
  async function end(name: string): Promise<void> {
    const found = kubelets.get(name)
    if (!found) return
    kubelets.delete(name)
    await found.kubelet[Symbol.asyncDispose]()
    await found.server[Symbol.asyncDispose]()
  }
  owned.defer(async () => {
    await Promise.all([...kubelets.keys()].map(end))
  })

  return {
    get nodes() {
      return [...kubelets.values()].map(({ kubelet }) => kubelet)
    },
    async add(node, signal = never) {
      const host = internalAddress(node.addresses)
      const server = await listen(host, host === loopback ? undefined : usualPort)
      try {
        const own = { logger: logger.child(node.name), port: server.port }
        const kubelet = await Kubelet.start({ ...node, ...shared, ...own }, signal)
        kubelets.set(node.name, { kubelet, server })
        server.served.nodes.push(kubelet)
        return kubelet
      } catch (error) {
        await server[Symbol.asyncDispose]()
        throw error
      }
    },
    remove: end,
    async shutDown(graces) {
      await Promise.all([...kubelets.values()].map(({ kubelet }) => kubelet.shutDown(graces)))
    },
    async simulate(fleet, signal = never) {
      // Where nodes of an earlier run are said to be: what they report next may take a minute.
      const server = owned.own(await listen(loopback, await earlierPort(fleet.client)))
      const started = await startFleet(
        { ...fleet, ...shared, logger: logger.child('simulated'), serverPort: server.port },
        signal,
      )
      server.served.refusals.push((namespace, name) => started.refusal(namespace, name))
      return owned.own(started)
    },
    [Symbol.asyncDispose]: () => owned[Symbol.asyncDispose](),
  }
}
