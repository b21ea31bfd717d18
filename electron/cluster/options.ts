import { accessSync, constants } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import type { ShutdownGrace } from './kubelet/shutdown/graces.ts'

/** An etcd that several servers may share. */
export interface EtcdOptions {
  /** Such as http://127.0.0.1:2379. */
  urls: string[]
  /** PEM files, for https. */
  caFile?: string
  certFile?: string
  keyFile?: string
}

/** How many nodes of each kind. */
export interface NodeCounts {
  /** Containers as processes of this machine. */
  process: number
  /** Containers of containerd or CRI-O: at most one. */
  cri: number
  /** Containers of a Docker-compatible engine: at most one. */
  engine: number
  simulated: number
}

/** What a built-in cluster is started with. */
export interface ClusterOptions {
  /** Absolute. Holds everything of the cluster: store, keys, kubeconfig, logs, nodes. */
  dataDirectory: string
  /** 0: the port remembered in the data directory, or a free one. */
  port: number
  /** Where the admin's kubeconfig is written. */
  kubeconfig: string
  nodes: NodeCounts
  /** How many devices each simulated node pretends to have. Default: none. */
  simulatedDevices?: number
  /** Of the container runtime that nodes of the kind `cri` use, when it is not a usual one: a path or a unix:// URL. */
  criSocket?: string
  /** Of the engine that nodes of the kind `engine` use, when it is not the first that answers: a path, or a URL of unix or npipe. */
  engineSocket?: string
  store: 'lmdb' | 'memory' | EtcdOptions
  /** The API server and its bootstrap objects only. */
  bare: boolean
  /** What pods get to end when the cluster stops; absent: a moment, all of them together. */
  shutdownGraces?: ShutdownGrace[]
}

/**
 * How Node is started for a cluster: left to itself, V8 lets young objects take 130 MB before it looks at them, and the
 * heap grow to several times what is alive: most of what a cluster holds is bytes outside of it. docs/limits.md has the
 * figures. Known to scripts/toolchain.mjs too.
 */
export const clusterNodeFlags: readonly string[] = ['--max-semi-space-size=8', '--heap-growing-percent=50']

/** And for its agent, which holds less and lets go of most of it sooner. */
export const agentNodeFlags: readonly string[] = ['--max-semi-space-size=2', '--heap-growing-percent=50']

/** Addresses that every cluster has in common. */
export const serviceCidr = '10.96.0.0/16'
export const apiServiceAddress = '10.96.0.1'
export const dnsAddress = '10.96.0.10'
export const clusterDomain = 'cluster.local'
export const podCidr = '10.244.0.0/16'

/** The user's own directory for the app's data, by the customs of the system. */
export function userDataDirectory(platform = process.platform, env = process.env, home = os.homedir()): string {
  if (platform === 'darwin') return path.join(home, 'Library', 'Application Support', 'Wheelhouse')
  if (platform === 'win32') return path.join(env.APPDATA ?? path.join(home, 'AppData', 'Roaming'), 'Wheelhouse')
  return path.join(env.XDG_DATA_HOME ?? path.join(home, '.local', 'share'), 'wheelhouse')
}

export function defaultOptions(dataDirectory = path.join(userDataDirectory(), 'cluster')): ClusterOptions {
  return {
    dataDirectory,
    port: 0,
    kubeconfig: path.join(dataDirectory, 'kubeconfig'),
    nodes: { process: 1, cri: 0, engine: 0, simulated: 0 },
    store: 'lmdb',
    bare: false,
  }
}

/** A short directory for sockets: their paths may not exceed about 100 characters, a data directory's may. */
export function runDirectory(dataDirectory: string, digest: string): string {
  const base = process.platform === 'linux' && process.getuid?.() === 0 && isWritable('/run') ? '/run' : os.tmpdir()
  return path.join(base, `wheelhouse-${digest.slice(0, 10)}`)
}

/** Root of somebody's own user namespace is not root of the machine. */
function isWritable(directory: string): boolean {
  try {
    accessSync(directory, constants.W_OK)
    return true
  } catch {
    return false
  }
}
