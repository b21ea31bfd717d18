import type { ShutdownGrace } from './kubelet/shutdown/graces.ts'

/** What the cluster's process tells the agent's process to run: plain data, sent once over the IPC channel. */
export interface AgentConfig {
  server: string
  /** PEM of the cluster's authority. */
  authority: string
  /** Tells this cluster from every other on the machine. */
  clusterId: string
  nodes: readonly AgentNode[]
  /** Simulated nodes are called `name-1`, `name-2`… */
  simulated: { count: number; name: string; devices: number; client: PemPair } | undefined
  /** Identity of the service proxy and of DNS. */
  proxy: PemPair
  /** Identity of the ingress controller, and what it shows for hosts without a certificate of their own. */
  ingress: { client: PemPair; certificate: PemPair }
  /** Identity of who removes the directories of deleted volumes. */
  volumes: PemPair
  /** What the node agents' HTTPS server shows. */
  serving: PemPair
  podCidr: string
  apiServiceAddress: string
  dnsAddress: string
  clusterDomain: string
  directory: string
  runDirectory: string
  lifeline: string
  imagesDirectory: string
  shimEntry: string
  unpackEntry: string
  nodeBinary: string
  logFile: string
}

export interface AgentNode {
  name: string
  /** Tells its network from every other on the machine. */
  networkId: string
  podCidr: string
  client: PemPair
  /** What runs its containers; absent: they are processes. */
  runtime?: NodeRuntime
}

/** A container runtime or engine, by its socket. `isHere`: an engine's containers are processes of this machine, and this process is its root. */
export type NodeRuntime = { kind: 'cri'; socket: string } | { kind: 'engine'; socket: string; isHere: boolean }

export interface PemPair {
  certificate: string
  key: string
}

export interface Place {
  host: string
  port: number
}

export type ToAgent =
  | { type: 'start'; config: AgentConfig }
  /** Where is this address of the cluster's network on this machine? Answered by `located`. */
  | { type: 'locate'; question: number; address: Place }
  /** The nodes are to shut down with these graces of their pods. Answered by `shutDown`. */
  | { type: 'shutDown'; graces: readonly ShutdownGrace[] }
  | { type: 'stop' }
export type FromAgent =
  /**
   * `mapped`: pods have no network of their own, and where they are is to be asked. `unenforced`: why NetworkPolicies
   * hold nothing back.
   */
  | { type: 'ready'; mapped: boolean; unenforced?: string | undefined }
  | { type: 'shutDown' }
  | { type: 'located'; question: number; place: Place | 'refused' }
