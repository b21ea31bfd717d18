import { mkdirSync, readFileSync, realpathSync, rmSync, statSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { resolveInRoot } from '../root-path.ts'
import { devices, makeDevices, openDevices } from './devices.ts'
import { enterNamespaces } from './enter.ts'
import {
  environmentOf,
  hasOwnProcesses,
  sampleUser,
  type Isolation,
  type IsolationOptions,
  type PlacedMount,
} from './isolation.ts'
import { launched, makeLaunchFolder } from './launch-folder.ts'
import { launcherProgram, prepareRoot } from './launching.ts'
import { findPrograms, namespacePrograms, quote, run } from './programs.ts'
import { filtering, filterPrograms } from './seccomp.ts'
import { runPart, setupScript, type Setup } from './unshare-script.ts'
import { mountsOf, networkEnvironment, nodeMounts, type Mount } from './view.ts'

/**
 * Isolation by Linux namespaces with what util-linux has, for machines without bubblewrap: `unshare` makes the namespaces, a
 * script puts the container's root together and leaves the machine's behind, and a second, nested user namespace has
 * no power over what the first one made. Rejects with why where it may not run.
 */
export async function openUnshare(options: IsolationOptions): Promise<Isolation> {
  const programs = findPrograms(namespacePrograms)
  const { nsenter, setpriv, ...inside } = { ...programs, ...filterPrograms() }
  const launchFolder = path.join(options.scratch, 'launch')
  await makeLaunchFolder(launchFolder, inside)
  const node = await nodeMounts(options.nodeBinary)
  const isRoot = process.getuid?.() === 0
  const { folder: deviceFolder, limits } = await openDevices(path.join(options.scratch, 'shared-devices'))
  const tools: Tools = { ...options, ...programs, launchFolder, deviceFolder, node, isRoot }
  await tryOut(tools)
  const launchers = [programs.sh, nsenter, setpriv, programs.unshare, path.join(launchFolder, 'loader')]
  return {
    kind: 'unshare',
    limits,
    controlled: true,
    launch(subject) {
      const { place } = subject
      const { argv, workingDirectory } = prepareRoot(subject)
      const ownPid = hasOwnProcesses(subject)
      const ownIpc = !subject.sandbox.config.hostIpc && !subject.sandbox.sharesIpc
      const { privileged = false } = subject.container.config
      const user = sampleUser(subject)
      const setup = settings(tools, place.root, {
        hostname: subject.sandbox.config.hostname,
        mounts: mountsOf(subject, tools),
        environment: { ...environmentOf(subject), ...networkEnvironment(subject) },
        workingDirectory,
        user: privileged ? undefined : user,
        filtered: subject.container.filtered ?? false,
      })
      const program = launcherProgram(subject, {
        nsenter,
        parameters: setupScript(setup),
        launcher: launcherOf(tools, { privileged, ownPid, ownIpc }).map(quote).join(' '),
        argv,
      })
      const status = { file: place.statusFile, launchers, tellsExit: false }
      return { program, status, group: !ownPid, user }
    },
    enter: (subject, pid, command, streams) =>
      enterNamespaces(subject, { nsenter, pid, launch, through: isRoot ? undefined : parentOf(pid) }, command, streams),
  }
}

interface Tools extends IsolationOptions {
  unshare: string
  setpriv: string
  sh: string
  launchFolder: string
  deviceFolder: string
  node: readonly Mount[]
  isRoot: boolean
}

type Wanted = Pick<Setup, 'hostname' | 'mounts' | 'environment' | 'workingDirectory'> & {
  /** Who the program is, in a user namespace of its own; undefined: as privileged as its namespaces allow. */
  user: { uid: number; gid: number } | undefined
  /** Its system calls are filtered. */
  filtered: boolean
}

/** In a container. */
const launch = '/usr/lib/wheelhouse/launch'

/** What the script is given; makes the places in the root that it mounts to. */
function settings(tools: Tools, root: string, { user, filtered, ...wanted }: Wanted): Setup {
  // Where the machine's root is for a moment: no link that a volume may hold can know it.
  const old = `/usr/lib/wheelhouse/${path.basename(root)}.machine`
  for (const directory of [launch, old, '/proc', '/dev/pts', '/dev/shm'])
    mkdirSync(resolveInRoot(root, directory), { recursive: true })
  makeDevices(root)
  const mounts = wanted.mounts.map((mount) => (mount.kind === 'bind' ? placed(root, mount) : mount))
  return {
    ...wanted,
    child: [tools.setpriv, '--pdeathsig', 'KILL', tools.sh, ...runPart('setup')],
    root,
    launch,
    old,
    mounts,
    become: [
      ...(user
        ? [...launched(launch, 'unshare'), '--user', `--map-user=${user.uid}`, `--map-group=${user.gid}`, '--']
        : []),
      ...(filtered ? filtering(launch, { noNewPrivileges: true }) : []),
    ],
    // A privileged container of root has no user namespace at all.
    lastUserNamespace: !tools.isRoot || user !== undefined,
    launchFolder: tools.launchFolder,
    devices: devices.map((name) => path.join(tools.deviceFolder, name)),
  }
}

function placed(root: string, mount: Mount & { kind: 'bind' }): Setup['mounts'][number] {
  const { from, directory } = located(mount)
  const point = resolveInRoot(root, mount.to)
  mkdirSync(directory ? point : path.dirname(point), { recursive: true })
  if (!directory && !statSync(point, { throwIfNoEntry: false })) writeFileSync(point, '')
  return { ...mount, from, directory }
}

/** Follows links on the machine; what is not there yet has none. */
export function located({ from, directory }: PlacedMount): { from: string; directory: boolean } {
  if (directory !== undefined) return { from, directory }
  const real = realpathSync(from)
  return { from: real, directory: statSync(real).isDirectory() }
}

/** The program that makes the namespaces, and ends what is in them when the shim ends. */
function launcherOf(
  { unshare, setpriv, sh, isRoot }: Tools,
  { privileged, ownPid, ownIpc }: { privileged: boolean; ownPid: boolean; ownIpc: boolean },
): string[] {
  return [
    setpriv,
    '--pdeathsig',
    'KILL',
    unshare,
    ...(privileged && isRoot ? [] : ['--user', '--map-root-user']),
    '--mount',
    '--uts',
    ...(ownIpc ? ['--ipc'] : []),
    ...(ownPid ? ['--pid'] : []),
    '--',
    sh,
    ...runPart('wait'),
  ]
}

/** Everything that a container takes from the kernel, around a program that is there anyway. */
async function tryOut(tools: Tools): Promise<void> {
  const trial = path.join(tools.scratch, 'trial')
  rmSync(trial, { recursive: true, force: true })
  mkdirSync(trial, { recursive: true })
  try {
    const setup = settings(tools, trial, {
      hostname: 'trial',
      mounts: [{ kind: 'proc' }, { kind: 'dev' }, { kind: 'lock', to: '/proc/sys' }],
      environment: {},
      workingDirectory: '/',
      user: { uid: 0, gid: 0 },
      filtered: false,
    })
    const file = path.join(trial, 'setup')
    writeFileSync(file, setupScript(setup))
    const launcher = launcherOf(tools, { privileged: false, ownPid: true, ownIpc: true })
    const script = `exec 3> /dev/null 4< ${quote(file)}; exec "$@"`
    await run(tools.sh, ['-c', script, 'sh', ...launcher, ...launched(setup.launch, 'env')], { env: {} })
  } finally {
    rmSync(trial, { recursive: true, force: true })
  }
}

/** The shell that waits stays in the outer user namespace. */
const parentOf = (pid: number): number => {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
  return Number(text.slice(text.lastIndexOf(')') + 2).split(' ')[1])
}
