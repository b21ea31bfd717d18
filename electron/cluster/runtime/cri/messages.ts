/** Messages of CRI v1 as they come and go: only fields that are in use. What was not set comes as empty, 0 or null. */
type Text = Record<string, string>
interface Wrapped {
  value: number
}

export const namespaceMode = { pod: 0, container: 1, node: 2, target: 3 } as const
export const sandboxReady = 0
export const containerStates = ['created', 'running', 'exited', 'unknown'] as const
export const seccompProfile = { runtimeDefault: 0, unconfined: 1, localhost: 2 } as const
export const groupsPolicy = { Merge: 0, Strict: 1 } as const
export const cgroupfsDriver = 1

export interface NamespaceOption {
  network: number
  pid: number
  ipc: number
  target_id?: string
}

export interface LinuxResources {
  /** Microseconds, both; a quota below 0 is none. */
  cpu_period?: number
  cpu_quota?: number
  cpu_shares?: number
  memory_limit_in_bytes?: number
  oom_score_adj?: number
}

export interface PodSandboxConfig {
  metadata: { name: string; uid: string; namespace: string; attempt: number }
  hostname: string
  log_directory: string
  dns_config: { servers: readonly string[]; searches: readonly string[]; options: readonly string[] }
  labels: Text
  annotations: Text
  linux: {
    cgroup_parent: string
    security_context: { namespace_options: NamespaceOption; privileged: boolean; seccomp: { profile_type: number } }
    sysctls: Text
    resources: LinuxResources
  }
}

export interface ContainerConfig {
  metadata: { name: string; attempt: number }
  image: { image: string; user_specified_image: string }
  command: readonly string[]
  args: readonly string[]
  working_dir: string
  envs: { key: string; value: string }[]
  mounts: Mount[]
  labels: Text
  annotations: Text
  log_path: string
  stdin: boolean
  stdin_once: boolean
  tty: boolean
  linux: { resources: LinuxResources; security_context: ContainerSecurity }
}

export interface Mount {
  container_path: string
  host_path: string
  readonly: boolean
  image?: { image: string }
  image_sub_path?: string
}

export interface ContainerSecurity {
  privileged: boolean
  namespace_options: NamespaceOption
  readonly_rootfs: boolean
  no_new_privs: boolean
  masked_paths: readonly string[]
  readonly_paths: readonly string[]
  supplemental_groups: readonly number[]
  supplemental_groups_policy: number
  seccomp: { profile_type: number; localhost_ref?: string }
  capabilities?: { add_capabilities: readonly string[]; drop_capabilities: readonly string[] }
  run_as_user?: Wrapped
  run_as_username?: string
  run_as_group?: Wrapped
}

export interface PodSandbox {
  id: string
  metadata: { name: string; uid: string; namespace: string; attempt: number }
  state: number
  /** Nanoseconds since the epoch, as all times. */
  created_at: number
  annotations: Text
}

export interface Container {
  id: string
  pod_sandbox_id: string
  metadata: { name: string; attempt: number }
  image: { image: string } | null
  image_ref: string
  state: number
  created_at: number
  annotations: Text
  /** Newer runtimes. */
  image_id: string
}

export interface ContainerStatus {
  id: string
  state: number
  created_at: number
  started_at: number
  finished_at: number
  exit_code: number
  image: { image: string; user_specified_image: string } | null
  image_ref: string
  reason: string
  message: string
  log_path: string
  /** Newer runtimes. */
  user: { linux: { uid: number; gid: number; supplemental_groups: number[] } | null } | null
}

export interface Image {
  id: string
  repo_tags: string[]
  repo_digests: string[]
  size: number
  uid: Wrapped | null
  username: string
  pinned: boolean
}

export interface FilesystemUsage {
  fs_id: { mountpoint: string } | null
  used_bytes: Wrapped | null
  inodes_used: Wrapped | null
}

export interface ContainerStats {
  attributes: { id: string } | null
  cpu: { timestamp: number; usage_core_nano_seconds: Wrapped | null } | null
  memory: { working_set_bytes: Wrapped | null } | null
  writable_layer: FilesystemUsage | null
}

interface Selector {
  filter: { label_selector: Text }
}
interface ById {
  container_id: string
}
interface BySandbox {
  pod_sandbox_id: string
}
interface Url {
  url: string
}
type Nothing = Record<never, never>

/** Request and response of each call. */
export interface RuntimeCalls {
  Version: [Nothing, { runtime_name: string; runtime_version: string }]
  Status: [
    { verbose: boolean },
    {
      status: { conditions: { type: string; status: boolean; reason: string; message: string }[] } | null
      info: Text
      features: { supplemental_groups_policy: boolean } | null
    },
  ]
  RuntimeConfig: [Nothing, { linux: { cgroup_driver: number } | null }]
  RunPodSandbox: [{ config: PodSandboxConfig; runtime_handler: string }, BySandbox]
  StopPodSandbox: [BySandbox, Nothing]
  RemovePodSandbox: [BySandbox, Nothing]
  PodSandboxStatus: [BySandbox & { verbose: boolean }, { status: { network: { ip: string } | null }; info: Text }]
  ListPodSandbox: [Selector, { items: PodSandbox[] }]
  CreateContainer: [BySandbox & { config: ContainerConfig; sandbox_config: PodSandboxConfig }, ById]
  StartContainer: [ById, Nothing]
  /** Seconds. */
  StopContainer: [ById & { timeout: number }, Nothing]
  RemoveContainer: [ById, Nothing]
  ListContainers: [Partial<Selector>, { containers: Container[] }]
  ContainerStatus: [ById, { status: ContainerStatus }]
  UpdateContainerResources: [ById & { linux: LinuxResources }, Nothing]
  ReopenContainerLog: [ById, Nothing]
  /** Seconds; 0: for ever. */
  ExecSync: [ById & { cmd: readonly string[]; timeout: number }, { stdout: Buffer; stderr: Buffer; exit_code: number }]
  Exec: [ById & { cmd: readonly string[] } & StreamChoice, Url]
  Attach: [ById & StreamChoice, Url]
  PortForward: [BySandbox & { port: number[] }, Url]
  ListContainerStats: [Selector, { stats: ContainerStats[] }]
}

export interface ImageCalls {
  ListImages: [Nothing, { images: Image[] }]
  ImageStatus: [{ image: { image: string } }, { image: Image | null }]
  PullImage: [{ image: { image: string }; auth?: { username: string; password: string } }, { image_ref: string }]
  RemoveImage: [{ image: { image: string } }, Nothing]
  ImageFsInfo: [Nothing, { image_filesystems: FilesystemUsage[] }]
}

export interface StreamChoice {
  tty: boolean
  stdin: boolean
  stdout: boolean
  stderr: boolean
}
