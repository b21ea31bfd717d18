import type { Duplex } from 'node:stream'

/**
 * A pod's place in the network, given out by a driver:
 * `bridge` (Linux, root): a network namespace per pod with a veth to a bridge; addresses are real.
 * `mapped` (elsewhere): pods share the machine's network; their addresses are names for ports of its loopback. What goes
 * through the agent (services, probes, port-forward) is led there, and so are the Node programs of pods, which ask the
 * agent where an address of the cluster is before they connect.
 */
export interface PodNetwork extends AsyncDisposable {
  readonly driver: 'bridge' | 'mapped'
  /** Pod range of this node, such as 10.244.0.0/24. */
  readonly podCidr: string
  /** The address that DNS and the API listen on for pods. */
  readonly gateway: string
  /** What pods know the node by: `gateway` with bridge; with mapped a name for it, as their own addresses are names. */
  readonly nodeAddress: string
  /** One sentence each: what this driver cannot do. */
  readonly limits: readonly string[]
  /** The same sandbox gets the same attachment again, also from the next agent. */
  attach(sandboxId: string, pod?: PodReference, into?: ExistingNamespace): Promise<PodAttachment>
  detach(sandboxId: string): Promise<void>
  /** Detaches everything but these: what a crash left behind. */
  retain(sandboxIds: readonly string[]): Promise<void>
  /** Programs that a shim runs to free a pod's part of the network when no agent is left to do it. */
  reapCommands(sandboxId: string): string[][]
  /** Opens a TCP connection to an address and port of a pod of this node (or any routable one). */
  dial(ip: string, port: number, signal?: AbortSignal): Promise<Duplex>
  /** For the addresses of this node and its pods. */
  readonly locate: Locate
  /** Mapped driver: where the port is that a pod's programs reach on their own loopback. */
  loopback?(sandboxId: string, port: number): Place | undefined
  /** Mapped driver: ports of a pod that are on this machine's loopback, by the port that each is there. */
  publish?(sandboxId: string, ports: ReadonlyMap<number, number>): void
}

/** A network namespace that somebody else has made for a pod, with nothing in it; of the bridge driver only. */
export interface ExistingNamespace {
  /** A process in it. */
  readonly pid: number
}

/** A pod network as runtimes use it: a pod has its place in it when the policies that select the pod hold. */
export interface GuardedPodNetwork extends Omit<PodNetwork, 'attach'> {
  attach(sandboxId: string, pod: PodReference, into?: ExistingNamespace): Promise<PodAttachment>
  /** For a pod that has its address from elsewhere: resolves when policies hold for it, which they do until it is detached. */
  admit?(sandboxId: string, ip: string, pod: PodReference): Promise<void>
  /** Opens the host ports of a pod, until it is detached. Absent where pods have no network of their own. */
  expose?(sandboxId: string, ip: string, pod: PodReference & { portMappings: readonly PortMapping[] }): Promise<void>
}

export type Protocol = 'TCP' | 'UDP' | 'SCTP'

/** A port of an address of the cluster's. */
export interface EndpointAddress {
  readonly ip: string
  readonly port: number
}

/** A port of a container, and what leads to it from outside. */
export interface PortMapping {
  readonly protocol: 'TCP' | 'UDP'
  readonly containerPort: number
  readonly hostPort?: number
  /** Default: localhost and the node's address. */
  readonly hostIp?: string
}

/** Whose a sandbox is. */
export interface PodReference {
  readonly namespace: string
  readonly name: string
  readonly uid: string
}

/** An address of this machine's own network. */
export interface Place {
  readonly host: string
  readonly port: number
}

/**
 * Where a TCP port of an address of the cluster really is on this machine. `refused`: it is the cluster's, and nobody
 * listens. Undefined: it leads where it says.
 */
export type Locate = (ip: string, port: number) => Place | 'refused' | undefined

export interface PodAttachment {
  ip: string
  /** Path of the network namespace (`/run/netns/…`); undefined with the mapped driver. */
  namespace?: string
  /**
   * Mapped driver: the runtime passes it to the container in `WHEELHOUSE_NETWORK`; the preload of its Node programs turns
   * `listen(port)` into a report to this socket, and `connect` into a question.
   */
  reportSocket?: string
}
