import { existsSync, mkdirSync, realpathSync, statSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { boxPath } from '../images/samples.ts'
import { shimVariable, type Program } from '../shim/protocol.ts'
import {
  argumentsOf,
  environmentOf,
  preloading,
  StartError,
  workingDirectoryOf,
  type Isolation,
  type Subject,
} from './isolation.ts'
import { buildRoot } from './root.ts'

const programDirectories = new Set(['/bin', '/sbin', '/usr/bin', '/usr/sbin'])

export interface HostOptions {
  nodeBinary: string
  /** Directory of the preloads. */
  preload: string
  /** Paths that containers' programs and the host's mean alike: what the node itself keeps. */
  shared: readonly string[]
  why: string
}

/**
 * No isolation: a container is a group of host processes that run an image's own programs, each looked up by name in
 * the image. A program of the host never runs under an image's name. Its root is a folder that only Node's fs calls `/`.
 */
export function hostIsolation(options: HostOptions): Isolation {
  const program = (subject: Subject, argv: readonly string[], tty: boolean, stdin: boolean): Program => {
    const { sandbox } = subject
    const network = sandbox.namespace ? ['nsenter', `--net=${sandbox.namespace}`, '--'] : []
    const files = filesOf(subject)
    const cwd = hostPath(files, workingDirectoryOf(subject))
    mkdirSync(cwd, { recursive: true })
    return {
      argv: [...network, ...resolve(subject, files, argv)],
      env: {
        ...hostVariables(),
        ...environmentOf(subject),
        ...(tty ? { TERM: 'xterm' } : {}),
        WHEELHOUSE_FILES: JSON.stringify({ ...files, shared: options.shared.map(realPath) }),
        WHEELHOUSE_BOX: path.join(files.root, boxPath),
        WHEELHOUSE_NETWORK: sandbox.reportSocket ? `${sandbox.id}@${sandbox.reportSocket}` : '',
        [shimVariable]: '',
        ...preloading(subject, pathToFileURL(path.join(options.preload, 'host.mjs')).href),
      },
      cwd,
      tty,
      stdin,
    }
  }

  const resolve = ({ image }: Subject, files: Files, [command, ...args]: readonly string[]): string[] => {
    if (!command) throw new StartError('no command specified')
    const name = path.posix.basename(command)
    const plain = !command.includes('/') || programDirectories.has(path.posix.dirname(command))
    if (plain && name === 'node') {
      // The program itself is opened by Node before its fs knows of the container's root.
      const program = args.findIndex((argument) => !argument.startsWith('-'))
      const isPath = args[program]?.startsWith('/')
      return [options.nodeBinary, ...args.map((one, i) => (isPath && i === program ? hostPath(files, one) : one))]
    }
    if (plain && image.bin.includes(name)) return [options.nodeBinary, path.join(files.root, boxPath), name, ...args]
    throw new StartError(`exec: "${command}": executable file not found in the image: unknown`)
  }

  return {
    kind: 'none',
    limits: [
      `Containers are not isolated (${options.why}): they are ordinary processes of your user, see the host's files and processes, and run only the sample images.`,
      'CPU and memory limits, users, seccomp profiles, read-only volumes and read-only root filesystems are not enforced.',
    ],
    controlled: false,
    launch(subject) {
      const { container, image, place } = subject
      buildRoot(place.root, image)
      for (const [inside, here] of filesOf(subject).mounts) makeMountPoint(place.root, inside, here)
      const { tty, stdin } = container.config
      return { program: program(subject, argumentsOf(subject), tty, stdin), group: true, user: undefined }
    },
    enter: (subject, _pid, command, { tty, stdin }) => program(subject, command, tty, stdin),
  }
}

/** What the preload's files.mjs is told, in paths without links: the ones that processes find themselves in. */
interface Files {
  root: string
  mounts: readonly (readonly [inside: string, here: string])[]
}

const realPath = (file: string): string => (existsSync(file) ? realpathSync(file) : file)

const filesOf = ({ mounts, place }: Subject): Files => ({
  root: realPath(place.root),
  mounts: [
    ...mounts.map(({ to, from }) => [to, realPath(from)] as const),
    ...['hosts', 'hostname', 'resolv.conf'].map(
      (name) => [`/etc/${name}`, realPath(path.join(place.etc, name))] as const,
    ),
  ],
})

/** What files.mjs does. */
function hostPath({ root, mounts }: Files, inside: string): string {
  const wanted = path.posix.resolve('/', inside)
  const [point, here] = mounts
    .toSorted(([one], [other]) => other.length - one.length)
    .find(([point]) => wanted === point || wanted.startsWith(`${point}/`)) ?? ['', root]
  return path.join(here, wanted.slice(point.length))
}

/** So that it is there in listings of its folder. */
function makeMountPoint(root: string, inside: string, here: string): void {
  const isDirectory = statSync(here).isDirectory()
  const point = path.join(root, inside)
  if (existsSync(point)) return
  mkdirSync(isDirectory ? point : path.dirname(point), { recursive: true })
  if (!isDirectory) writeFileSync(point, '')
}

/** Without these, programs do not start on Windows. */
const hostVariables = (): Record<string, string> =>
  process.platform === 'win32'
    ? Object.fromEntries(
        ['SystemRoot', 'TEMP', 'TMP'].flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : [])),
      )
    : {}
