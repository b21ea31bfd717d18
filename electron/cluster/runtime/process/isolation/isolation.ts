import type { ContainerStatus } from '../../api.ts'
import type { ContainerCgroup } from '../../cgroups/cgroups.ts'
import type { Runnable } from '../images/runnable.ts'
import type { SampleImage } from '../images/samples.ts'
import type { ContainerRecord, SandboxRecord } from '../records.ts'
import type { ContainerStart, Program } from '../shim/protocol.ts'

export interface IsolationOptions {
  nodeBinary: string
  /** Directory of the preloads (resources/images/preload). */
  preload: string
  /** A directory for trial runs and what a driver keeps. */
  scratch: string
}

/** The files of one container on the host. */
export interface ContainerPlace {
  /** Its writable root. */
  root: string
  /** Where the launcher reports. */
  statusFile: string
  /** Where the launcher's parameters are kept out of the process list: they hold the environment. */
  argumentsFile: string
  /** The filter of its system calls, as the kernel takes it. */
  filterFile: string
  /** Directory of the pod's hosts, hostname and resolv.conf. */
  etc: string
  /** A directory for the files of images that are mounted in it. */
  volumes: string
  /** A directory where the /proc of a pid namespace that it shares is mounted for it. */
  proc: string
}

/** A mount with its place on this machine. */
export interface PlacedMount {
  from: string
  to: string
  readOnly: boolean
  /** What it is; of one that the launcher has to make first. */
  directory?: boolean
  /** What is mounted below it is read-only too. */
  recursiveReadOnly?: boolean
  /** Mounts pass through it. */
  propagates?: boolean
}

export interface Subject<Image extends Runnable = SampleImage> {
  sandbox: SandboxRecord
  container: ContainerRecord
  image: Image
  place: ContainerPlace
  mounts: readonly PlacedMount[]
  /** Lines of a shell that run before the launcher, in a mount namespace that nobody else sees. */
  preparations: readonly string[]
  cgroup?: ContainerCgroup
  /** The pid namespace to be in, as a path; absent: one of its own, or the machine's with `hostPid`. */
  processes?: string
}

export interface Launch {
  program: Program
  status?: NonNullable<ContainerStart['status']>
  /** Undefined: that of this process. */
  user: ContainerStatus['user']
  /** The container has no pid namespace of its own: it is a process group. */
  group: boolean
}

/** How containers of a kind of image are run. */
export interface Launcher<Image extends Runnable> {
  /** Makes the container's root and says how to start it. Throws StartError. */
  launch(subject: Subject<Image>): Launch | Promise<Launch>
  /** How to run a command in a running container. Throws StartError. */
  enter(
    subject: Subject<Image>,
    pid: number,
    command: readonly string[],
    options: { tty: boolean; stdin: boolean },
  ): Program
}

/** How containers are kept apart on this machine. */
export interface Isolation extends Launcher<SampleImage> {
  readonly kind: 'bubblewrap' | 'unshare' | 'none'
  readonly limits: readonly string[]
  /** Containers can be put into control groups. */
  readonly controlled: boolean
}

/** The container's program cannot be run; the message is for people. */
export class StartError extends Error {}

/** What the container runs: `command` replaces the image's entrypoint and its arguments, `args` only the latter. */
export function argumentsOf({ container, image }: Subject<Runnable>): string[] {
  const { command, args } = container.config
  if (command?.length) return [...command, ...(args ?? [])]
  return [...image.entrypoint, ...(args?.length ? args : image.cmd)]
}

/** Whom a container of a sample image runs as, where it can be chosen. */
export function sampleUser({ container, image }: Subject): NonNullable<Launch['user']> {
  const { runAsUser: uid = image.user ?? 0, runAsGroup: gid = 0 } = container.config
  return { uid, gid, supplementalGroups: [gid] }
}

/** Whether the container's processes are alone in their pid namespace. */
export const hasOwnProcesses = ({ sandbox, processes }: Subject<Runnable>): boolean =>
  !processes && !sandbox.config.hostPid

const searchPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

export function environmentOf({ sandbox, container, image }: Subject<Runnable>): Record<string, string> {
  const environment: Record<string, string> = { PATH: searchPath, HOSTNAME: sandbox.config.hostname, HOME: '/root' }
  if (container.config.tty) environment['TERM'] = 'xterm'
  Object.assign(environment, image.env)
  for (const { name, value } of container.config.env) environment[name] = value
  return environment
}

/** Has Node programs load a module first, besides what the container asks of Node itself. */
export const preloading = (subject: Subject<Runnable>, module: string): { NODE_OPTIONS: string } => ({
  NODE_OPTIONS: [environmentOf(subject)['NODE_OPTIONS'] ?? '', `--import=${module}`].join(' ').trim(),
})

export const workingDirectoryOf = ({ container, image }: Subject<Runnable>): string =>
  container.config.workingDir || image.workingDir || '/'
