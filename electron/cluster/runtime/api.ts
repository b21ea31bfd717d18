import type { Duplex, Readable, Writable } from 'node:stream'
import type { DirectorySize } from '../base/directory-size.ts'
import type { PortMapping } from '../network/api.ts'

/**
 * The shape of CRI v1, in TypeScript: what the kubelet asks of a container runtime. Drivers: process, cri, engine.
 * A sandbox is a pod's network and life; containers live in it. Ids are chosen by the driver and opaque.
 * All calls may be repeated: stopping what is stopped and removing what is gone succeed.
 */
export interface Runtime extends AsyncDisposable {
  /** Name and version as node status reports them, such as `wheelhouse-process://0.1.0`. */
  readonly version: string
  /** What is not isolated on this machine, one sentence each; reported in the node's conditions. Empty: everything is. */
  readonly limits: readonly string[]
  /** What not every runtime can do, as the node's status tells it. */
  readonly features?: { supplementalGroupsPolicy?: boolean }
  /** A read-only mount can be so for what is mounted below it too. */
  readonly recursiveReadOnly?: boolean

  /** Why no pod can be run now, as the node's Ready condition says it; undefined: they can. */
  problem?(): string | undefined

  runSandbox(config: SandboxConfig, signal?: AbortSignal): Promise<string>
  stopSandbox(id: string): Promise<void>
  removeSandbox(id: string): Promise<void>
  sandboxes(): Promise<SandboxStatus[]>

  createContainer(sandboxId: string, config: ContainerConfig): Promise<string>
  /** Resolves when the program runs. When it cannot be started, rejects with why, and the container is exited with reason StartError or ContainerCannotRun. */
  startContainer(id: string): Promise<void>
  /** SIGTERM (or the image's stop signal), then SIGKILL after the grace. Resolves when the process is gone. */
  stopContainer(id: string, graceSeconds: number): Promise<void>
  removeContainer(id: string): Promise<void>
  /** Holds a running container to other limits; `ContainerStatus.resources` tells them from then on. Rejects where the kernel refuses them. */
  updateContainer(id: string, resources: Resources): Promise<void>
  /** The same for a pod as a whole. */
  updateSandbox(id: string, resources: Resources): Promise<void>
  containers(): Promise<ContainerStatus[]>
  containerStatus(id: string): Promise<ContainerStatus | undefined>
  /** The container's log was renamed: a new file is begun. Absent where whoever writes it finds that out. */
  reopenLog?(id: string): Promise<void>
  /** Life-cycle events, so that nobody polls. At-least-once; the receiver reads the status. */
  events(signal: AbortSignal): AsyncIterable<{ sandboxId: string; containerId?: string }>

  /** Runs to the end and collects output (probes, hooks). Kills it at the timeout and then answers exitCode -1 with timedOut. */
  execSync(
    id: string,
    command: readonly string[],
    timeoutMs: number,
  ): Promise<{ exitCode: number; stdout: Buffer; stderr: Buffer; timedOut?: boolean }>
  exec(id: string, command: readonly string[], options: { tty: boolean; stdin: boolean }): Promise<ExecSession>
  attach(id: string, options: { tty: boolean; stdin: boolean }): Promise<ExecSession>
  /**
   * A byte stream to a port inside the sandbox's network, at the pod's own address, as a probe sees it. With `loopback`
   * also to what listens on the pod's loopback only, as port-forward does; such a stream may fail with PortError later.
   */
  dial(sandboxId: string, port: number, options?: { loopback?: boolean }): Promise<Duplex>

  images: ImageService
  stats(): Promise<ContainerStats[]>
  /** What pods with a network of their own have sent and received. */
  networkStats(): Promise<NetworkStats[]>
  /** What a container has written into its own root. Walks through files, so it is not asked for often. */
  writtenBytes(containerId: string): Promise<DirectorySize>
}

/** Why nothing comes of a stream to a port that seemed to be open, in the runtime's own words. */
export class PortError extends Error {}

/** What the kernel holds a container or a pod to. What is absent is not limited. */
export interface Resources {
  cpuLimitMilli?: number
  /** A share of the machine when it is short of CPU. */
  cpuRequestMilli?: number
  memoryLimitBytes?: number
}

export interface SandboxConfig {
  name: string
  namespace: string
  uid: string
  attempt: number
  hostname: string
  /** The whole name of a pod with a subdomain, for /etc/hosts. */
  fullHostname?: string
  labels: Readonly<Record<string, string>>
  /** Where the containers' log files go; a container's path below it is in its config. */
  logDirectory: string
  dns: { servers: readonly string[]; searches: readonly string[]; options: readonly string[] }
  hostAliases: readonly { ip: string; hostnames: readonly string[] }[]
  hostNetwork: boolean
  hostPid?: boolean
  hostIpc?: boolean
  sharePid: boolean
  /** Which of the runtime's ways to run pods; absent: its usual one. An unknown one is refused by `runSandbox`. */
  runtimeHandler?: string
  /** A container of it is. */
  privileged?: boolean
  /** By name, with dots. Those of the network only. */
  sysctls?: Readonly<Record<string, string>>
  /** Of all containers together. */
  resources?: Resources
  portMappings: readonly PortMapping[]
}

export interface SandboxStatus {
  id: string
  name: string
  namespace: string
  uid: string
  attempt: number
  state: 'ready' | 'notready'
  /** Empty for host network: then the node's address. */
  ip: string
  createdAt: number
  /** In force. */
  resources: Resources
}

export interface ContainerConfig {
  name: string
  attempt: number
  image: string
  /** Replaces the image's entrypoint. */
  command?: readonly string[]
  args?: readonly string[]
  workingDir?: string
  env: readonly { name: string; value: string }[]
  mounts: readonly Mount[]
  tty: boolean
  stdin: boolean
  stdinOnce: boolean
  /** Below the sandbox's logDirectory. Lines in the CRI format: `<RFC3339Nano> <stdout|stderr> <F|P> <text>`. */
  logPath: string
  /** Absent: as the image says. */
  runAsUser?: number
  /** Absent: the user's own group in the image. */
  runAsGroup?: number
  supplementalGroups?: readonly number[]
  /** `Strict`: the groups that the image gives its user are not among them. Default: Merge. */
  supplementalGroupsPolicy?: 'Merge' | 'Strict'
  /** Names without CAP_; `ALL` is all of them. Beside a default that is Docker's. */
  capabilities?: { add: readonly string[]; drop: readonly string[] }
  /** Programs gain nothing by setuid or file capabilities. */
  noNewPrivileges?: boolean
  readOnlyRootFilesystem?: boolean
  privileged?: boolean
  /** Nothing of /proc is kept from it that can be shown without harm to the machine. */
  unmaskedProc?: boolean
  /** The runtime's profile of system calls, or that of a file; absent: unconfined. */
  seccomp?: 'RuntimeDefault' | { file: string }
  resources?: Resources
  /** How soon the kernel ends it when memory is short, from -1000 to 1000. Runtimes that cannot say leave it out. */
  oomScoreAdjust?: number
  /** A running container of the sandbox whose processes this one sees (`kubectl debug --target`). */
  targetContainerId?: string
  labels: Readonly<Record<string, string>>
}

export interface Mount {
  /** Empty where it is an image. */
  hostPath: string
  containerPath: string
  readOnly: boolean
  /** With `readOnly`: what is mounted below it is so too. */
  recursiveReadOnly?: boolean
  /** Mounts that are made below it later are seen on the other side: the host's, or the container's too. Absent: none. */
  propagation?: 'HostToContainer' | 'Bidirectional'
  /** The files of an image (by id), or what is below a path in them. They are never written to. */
  image?: { id: string; subPath?: string }
}

export interface ContainerStatus {
  id: string
  sandboxId: string
  name: string
  attempt: number
  image: string
  imageId: string
  /** The image by the digest that its registry knows it by; absent when none does. */
  imageRef?: string
  state: 'created' | 'running' | 'exited' | 'unknown'
  /** Milliseconds since the epoch; 0 when it has not happened. */
  createdAt: number
  startedAt: number
  finishedAt: number
  exitCode: number
  /** Set when a signal ended it. */
  signal?: number
  /** CRI's reason: Completed, Error, OOMKilled, ContainerCannotRun… */
  reason: string
  message: string
  /** Host path of the log file. */
  logPath: string
  /** In force. */
  resources: Resources
  /** Whom its first process began as; the groups include `gid`. */
  user?: { uid: number; gid: number; supplementalGroups: readonly number[] }
}

export interface ExecSession extends AsyncDisposable {
  /** Undefined when not asked for. */
  readonly stdin?: Writable
  readonly stdout: Readable
  /** Undefined with a tty: everything is on stdout. */
  readonly stderr?: Readable
  resize(columns: number, rows: number): void
  /** Exit code; rejects when the command could not be started. For attach: 0 when the container ends or the session is disposed. */
  readonly exit: Promise<number>
}

export interface ImageService {
  /** Undefined when absent. */
  status(image: string): Promise<ImageStatus | undefined>
  /** Rejects with ImagePullError. */
  pull(
    image: string,
    auth?: { username: string; password: string },
    signal?: AbortSignal,
    onProgress?: (progress: PullProgress) => void,
  ): Promise<ImageStatus>
  list(): Promise<ImageStatus[]>
  /** By id or name. Rejects while a container uses it. */
  remove(image: string): Promise<void>
  /** The disk that images are kept on; undefined where there is none to speak of. */
  disk?(): Promise<{ capacityBytes: number; availableBytes: number } | undefined>
}

export interface ImageStatus {
  id: string
  tags: readonly string[]
  /** `<registry>/<repository>@<digest>`. */
  digests?: readonly string[]
  sizeBytes: number
  /** Numeric user of the image, when it sets one. */
  user?: number
  /** When it names its user instead. */
  username?: string
  /** Is never collected as garbage. */
  pinned?: boolean
}

/** How far a pull is; bytes are those that have to be fetched. */
export interface PullProgress {
  layers: number
  layersDone: number
  bytes: number
  bytesDone: number
}

/** `message` is shown to people: it names the image, and what stands in the way. */
export class ImagePullError extends Error {}

export interface ContainerStats {
  containerId: string
  sandboxId: string
  /** Milliseconds since the epoch. */
  at: number
  /** Cumulative CPU time, nanoseconds. */
  cpuNanos: number
  /** What cannot be taken back from it (working set); where there are no control groups, the resident set. Bytes. */
  memoryBytes: number
  /** What only control groups count. */
  details?: {
    /** Caches included. */
    usageBytes: number
    rssBytes: number
    cacheBytes: number
    pageFaults: number
    majorPageFaults: number
    processes: number
    /** Scheduler periods in which it ran, and in which it was held back. */
    periods: number
    throttledPeriods: number
    throttledNanos: number
  }
}

export interface NetworkStats {
  sandboxId: string
  at: number
  interfaces: readonly {
    name: string
    received: TrafficStats
    sent: TrafficStats
  }[]
}

export interface TrafficStats {
  bytes: number
  packets: number
  errors: number
  dropped: number
}
