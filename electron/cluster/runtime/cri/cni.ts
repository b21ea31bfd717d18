import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import type { Clock } from '../../base/clock.ts'
import { acquireLock } from '../../base/lock-file.ts'
import { CriConnection } from './connection.ts'

export interface CniDeps {
  clock: Clock
  /** Of the runtime. */
  socket: string
  /** Tells this node's network from every other on the machine. */
  name: string
  /** The node's range; its first address is the gateway's. */
  podCidr: string
  /** Where addresses that are given out are noted; locked while the network is this process's. */
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
  const { configurations } = await readState(cri)
  const removed = configurations ? await removeAbandoned(configurations, fileOf(name)) : []
  const state = await when(
    clock,
    () => readState(cri),
    ({ loaded }) => !removed.includes(loaded ?? ''),
  )
  if (!state) throw new Error(`the container runtime does not let go of the network ${removed.join(' or ')}`)
  if (state.loaded !== undefined && state.loaded !== name) return foreign(state.loaded)
  const why = whyNoNetwork(state)
  if (why !== undefined) throw new Error(why)
  const folder = state.configurations!
  const file = path.join(folder, fileOf(name))
  await mkdir(folder, { recursive: true })
  await mkdir(deps.directory, { recursive: true })
  const lock = acquireLock(lockOf(deps.directory))
  const remove = async () => {
    await rm(file, { force: true })
    lock[Symbol.dispose]()
  }
  try {
    // In one step: the runtime reads it as soon as it is there.
    await writeFile(`${file}.new`, JSON.stringify(configuration(deps), undefined, 2))
    await rename(`${file}.new`, file)
    if (
      !(await when(
        clock,
        () => readState(cri),
        ({ loaded }) => loaded === name,
      ))
    )
      throw new Error(`the container runtime does not take the network in ${file}`)
  } catch (error) {
    await remove()
    throw error
  }
  return { limits: [], [Symbol.asyncDispose]: remove }
}

/** Ours, to be told from everybody else's; a hash of the node. */
export const cniName = (hash: string): string => `wheelhouse-${hash}`
const fileOf = (name: string): string => `10-${name}.conflist`
const ours = /^10-wheelhouse-[0-9a-f]{8}\.conflist$/
const lockOf = (addresses: string): string => `${addresses}.lock`

/** Removes the networks of other clusters that were killed, and returns their names. */
async function removeAbandoned(folder: string, own: string): Promise<string[]> {
  const removed: string[] = []
  for (const file of await readdir(folder).catch(() => [])) {
    if (file === own || !ours.test(file)) continue
    const whole = path.join(folder, file)
    const { name, plugins } = JSON.parse(await readFile(whole, 'utf8').catch(() => '{}')) as Partial<Configuration>
    const addresses = plugins?.[0]?.ipam?.dataDir
    if (!name || !addresses || !isAbandoned(addresses)) continue
    await rm(whole, { force: true })
    removed.push(name)
  }
  return removed
}

function isAbandoned(addresses: string): boolean {
  if (!existsSync(addresses)) return true
  try {
    acquireLock(lockOf(addresses))[Symbol.dispose]()
    return true
  } catch {
    return false
  }
}

/** What is read when it is as it shall be; undefined when it does not come to be that in time. */
async function when<State>(
  clock: Clock,
  read: () => Promise<State>,
  isRight: (state: State) => boolean,
): Promise<State | undefined> {
  for (const end = clock.monotonic() + patience; ;) {
    const state = await read()
    if (isRight(state)) return state
    if (clock.monotonic() > end) return undefined
    await clock.sleep(100)
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
  const missing = ['ptp', 'tuning', 'host-local', 'loopback'].filter((plugin) => !has(plugins, plugin))
  if (!missing.length) return undefined
  return `the container runtime lacks the CNI plug-ins ${missing.join(', ')} in ${plugins.join(' or ')} (on Debian, package containernetworking-plugins)`
}

const has = (folders: readonly string[], plugin: string): boolean =>
  folders.some((folder) => existsSync(path.join(folder, plugin)))

interface Configuration {
  cniVersion: string
  name: string
  plugins: ({ type: string; ipam?: { dataDir: string } } & Record<string, unknown>)[]
}

function configuration({ name, podCidr, directory }: CniDeps): Configuration {
  const ipam = {
    type: 'host-local',
    dataDir: directory,
    ranges: [[{ subnet: podCidr }]],
    routes: [{ dst: '0.0.0.0/0' }],
  }
  // Interfaces give themselves addresses of IPv6, by which pods would reach each other and the machine past all policies.
  const withoutIpv6 = { type: 'tuning', sysctl: { 'net.ipv6.conf.eth0.disable_ipv6': '1' } }
  return {
    cniVersion: '0.4.0',
    name,
    plugins: [{ type: 'ptp', ipMasq: false, ipam }, ...(existsSync('/proc/sys/net/ipv6') ? [withoutIpv6] : [])],
  }
}
