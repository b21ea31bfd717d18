import type { GuardedPodNetwork } from '../../network/api.ts'
import { bridgeName, networkHash } from '../../network/pod-network/names.ts'
import type { SandboxConfig } from '../api.ts'
import { unlessGone, type EngineConnection } from './connection.ts'
import { sandboxName, type SandboxPlace } from './sandbox-request.ts'

/** Ports of a container as the engine has published them. */
type Ports = Readonly<Record<string, readonly { HostIp: string; HostPort: string }[] | null>>

/** Where pods have their network: in the node's own, or in one that the engine makes for the node. */
export interface PodPlaces extends AsyncDisposable {
  /** Pods reach the server of names at the node's address. */
  readonly servesDns: boolean
  /** What has to be known of a pod's place when its container is made. */
  reserve(sandboxId: string, config: SandboxConfig): Promise<Pick<SandboxPlace, 'published'>>
  /** Gives a pod whose first process runs its place, and answers its address: empty in the host's network. */
  settle(sandboxId: string, config: SandboxConfig, running: { pid: number; ports: Ports }): Promise<string>
  /** Leads to a pod of an earlier agent again. */
  lead(sandboxId: string, ip: string, config: SandboxConfig): Promise<void>
}

export interface PodPlacesDeps {
  connection: EngineConnection
  network: GuardedPodNetwork
  node: string
}

export const openPodPlaces = (deps: PodPlacesDeps): Promise<PodPlaces> =>
  deps.network.driver === 'bridge' ? Promise.resolve(ownPlaces(deps.network)) : openPublishedPlaces(deps)

/** Namespaces of containers joined to the network that pods of processes have. */
const ownPlaces = (network: GuardedPodNetwork): PodPlaces => ({
  servesDns: true,
  reserve: async () => ({}),
  async settle(id, config, { pid }) {
    if (config.hostNetwork) return ''
    const { ip } = await network.attach(id, config, { pid })
    await network.expose?.(id, ip, config)
    return ip
  },
  async lead(id, ip, config) {
    await network.attach(id, config)
    await network.expose?.(id, ip, config)
  },
  [Symbol.asyncDispose]: async () => {},
})

/** A network of the engine with the node's range: pods have their addresses there, and ports that they declare here. */
async function openPublishedPlaces({ connection: { engine }, network, node }: PodPlacesDeps): Promise<PodPlaces> {
  const name = `wheelhouse-${networkHash(node)}`
  const { podCidr, nodeAddress } = network
  const IPAM = { Config: [{ Subnet: podCidr, Gateway: nodeAddress }] }
  const before = await unlessGone(engine.getNetwork(name).inspect())
  const isSame = (before as { IPAM?: typeof IPAM } | undefined)?.IPAM?.Config[0]?.Subnet === podCidr
  if (before && !isSame) await engine.getNetwork(name).remove()
  if (!isSame) {
    const Options = { 'com.docker.network.bridge.name': bridgeName(networkHash(node)) }
    await engine.createNetwork({ Name: name, Driver: 'bridge', IPAM, Options })
  }
  const portsOf = async (id: string): Promise<Ports> =>
    (await engine.getContainer(sandboxName(id)).inspect()).NetworkSettings.Ports
  const publish = (id: string, ports: Ports) => network.publish?.(id, onLoopback(ports))
  return {
    servesDns: false,
    async reserve(id, config) {
      if (config.hostNetwork) return {}
      const { ip } = await network.attach(id, config)
      return { published: { network: name, ip } }
    },
    async settle(id, config, { ports }) {
      if (config.hostNetwork) return ''
      publish(id, ports)
      return (await network.attach(id, config)).ip
    },
    async lead(id) {
      publish(id, await portsOf(id))
    },
    /** Pods that live keep it. */
    async [Symbol.asyncDispose]() {
      await engine
        .getNetwork(name)
        .remove()
        .catch(() => {})
    },
  }
}

function onLoopback(ports: Ports): Map<number, number> {
  const found = Object.entries(ports).flatMap(([key, places]) => {
    const [port, protocol] = key.split('/')
    const place = places?.find(({ HostIp }) => HostIp === '127.0.0.1')
    return place && protocol === 'tcp' ? [[Number(port), Number(place.HostPort)] as const] : []
  })
  return new Map(found)
}
