import { existsSync } from 'node:fs'
import { mkdir, rename, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import type { Clock } from '../../base/clock.ts'
import { CriConnection } from './connection.ts'

export interface CniDeps {
  clock: Clock
  /** Of the runtime. */
  socket: string
  /** Tells this node's network from every other on the machine. */
  name: string
  /** The node's range; its first address is the gateway's. */
  podCidr: string
  /** Where addresses that are given out are noted. */
  directory: string
}

export interface Cni extends AsyncDisposable {
  /** One sentence each: what this network does not do. */
  readonly limits: readonly string[]
}

/** How long the runtime may take to notice a configuration. It watches the folder. */
const patience = 15_000

/**
 * Gives the runtime a network for pods where it has none: an address of the node's range for each, and all of its
 * traffic through the machine's IP stack, as the bridge network's pods have it. Where somebody has configured one, that
 * is used. Disposing takes ours away. Rejects with a sentence for people.
 */
export async function openCni(deps: CniDeps): Promise<Cni> {
  const { clock, name } = deps
  using cri = new CriConnection(deps.socket, clock)
  const state = await readState(cri)
  if (state.loaded !== undefined && state.loaded !== name) return foreign(state.loaded)
  const why = whyNoNetwork(state)
  if (why !== undefined) throw new Error(why)
  const folder = state.configurations!
  const file = path.join(folder, `10-${name}.conflist`)
  const mapsPorts = has(state.plugins, 'portmap') && hasIptables()
  await mkdir(folder, { recursive: true })
  // In one step: the runtime reads it as soon as it is there.
  await writeFile(`${file}.new`, JSON.stringify(configuration(deps, mapsPorts), undefined, 2))
  await rename(`${file}.new`, file)
  const remove = () => rm(file, { force: true })
  try {
    for (const end = clock.monotonic() + patience; (await readState(cri)).loaded !== name;) {
      if (clock.monotonic() > end) throw new Error(`the container runtime does not take the network in ${file}`)
      await clock.sleep(100)
    }
  } catch (error) {
    await remove()
    throw error
  }
  return {
    limits: mapsPorts ? [] : ['Host ports of pods are not opened: that takes iptables and the CNI plug-in portmap.'],
    [Symbol.asyncDispose]: remove,
  }
}

const foreign = (name: string): Cni => ({
  limits: [
    `Pods have addresses of the network "${name}" that the container runtime is configured with: cluster IPs of Services are not served to them.`,
  ],
  [Symbol.asyncDispose]: async () => {},
})

/** Where the runtime looks for networks and plug-ins, and the network that it has. */
interface NetworkState {
  configurations: string | undefined
  plugins: readonly string[]
  loaded: string | undefined
}

/** As containerd tells it. */
interface CniState {
  PluginDirs?: string[]
  PluginConfDir?: string
  Networks?: { Config?: { Name?: string }; IFName?: string }[]
}

export async function readState(cri: CriConnection): Promise<NetworkState> {
  const { status, info } = await cri.call('Status', { verbose: true })
  const { PluginConfDir, PluginDirs = [], Networks } = JSON.parse(info['cniconfig'] ?? '{}') as CniState
  const ready = status?.conditions.some((condition) => condition.type === 'NetworkReady' && condition.status)
  const named = Networks?.find(({ IFName }) => IFName !== 'lo')?.Config?.Name
  return {
    configurations: PluginConfDir,
    plugins: PluginDirs,
    loaded: ready ? (named ?? 'of the runtime') : undefined,
  }
}

/** Undefined when pods can have a network: the runtime has one, or can be given ours. */
export function whyNoNetwork({ configurations, plugins, loaded }: NetworkState): string | undefined {
  if (loaded !== undefined) return undefined
  if (!configurations) return 'the container runtime has no network for pods, and does not tell how to add one'
  const missing = ['ptp', 'host-local', 'loopback'].filter((plugin) => !has(plugins, plugin))
  if (!missing.length) return undefined
  return `the container runtime lacks the CNI plug-ins ${missing.join(', ')} in ${plugins.join(' or ')} (on Debian, package containernetworking-plugins)`
}

const has = (folders: readonly string[], plugin: string): boolean =>
  folders.some((folder) => existsSync(path.join(folder, plugin)))

const hasIptables = (): boolean => has(['/usr/sbin', '/sbin', '/usr/bin', '/bin'], 'iptables')

function configuration({ name, podCidr, directory }: CniDeps, mapsPorts: boolean): object {
  const ipam = {
    type: 'host-local',
    dataDir: directory,
    ranges: [[{ subnet: podCidr }]],
    routes: [{ dst: '0.0.0.0/0' }],
  }
  return {
    cniVersion: '0.4.0',
    name,
    plugins: [
      { type: 'ptp', ipMasq: false, ipam },
      ...(mapsPorts ? [{ type: 'portmap', capabilities: { portMappings: true }, snat: true }] : []),
    ],
  }
}
