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
  using cri = new CriConnection(deps.socket, deps.clock)
  const folders = await readFolders(cri)
  if (folders.loaded !== undefined && folders.loaded !== deps.name) return foreign(folders.loaded)
  const { configurations, plugins } = folders
  if (!configurations)
    throw new Error('the container runtime has no network for pods, and does not tell how to add one')
  const has = (plugin: string) => plugins.some((folder) => existsSync(path.join(folder, plugin)))
  const missing = ['ptp', 'host-local', 'loopback'].filter((plugin) => !has(plugin))
  if (missing.length)
    throw new Error(
      `the container runtime needs the CNI plug-ins ${missing.join(', ')} in ${plugins.join(' or ')}: on Debian, apt-get install containernetworking-plugins`,
    )
  const file = path.join(configurations, `10-${deps.name}.conflist`)
  const mapsPorts = has('portmap') && hasIptables()
  await mkdir(configurations, { recursive: true })
  // In one step: the runtime reads it as soon as it is there.
  await writeFile(`${file}.new`, JSON.stringify(configuration(deps, mapsPorts), undefined, 2))
  await rename(`${file}.new`, file)
  for (const end = deps.clock.monotonic() + patience; (await readFolders(cri)).loaded !== deps.name;) {
    if (deps.clock.monotonic() > end) throw new Error(`the container runtime does not take the network in ${file}`)
    await deps.clock.sleep(100)
  }
  return {
    limits: mapsPorts ? [] : ['Host ports of pods are not opened: that takes iptables and the CNI plug-in portmap.'],
    [Symbol.asyncDispose]: () => rm(file, { force: true }),
  }
}

const foreign = (name: string): Cni => ({
  limits: [
    `Pods have addresses of the network "${name}" that the container runtime is configured with: cluster IPs of Services are not served to them.`,
  ],
  [Symbol.asyncDispose]: async () => {},
})

/** As containerd tells it. */
interface CniState {
  PluginDirs?: string[]
  PluginConfDir?: string
  Networks?: { Config?: { Name?: string }; IFName?: string }[]
}

/** Where the runtime looks for networks and plug-ins, and the network that it has. */
async function readFolders(
  cri: CriConnection,
): Promise<{ configurations: string | undefined; plugins: string[]; loaded: string | undefined }> {
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

const hasIptables = (): boolean =>
  ['/usr/sbin', '/sbin', '/usr/bin', '/bin'].some((folder) => existsSync(path.join(folder, 'iptables')))

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
