import { mkdirSync, rmSync } from 'node:fs'
import path from 'node:path'
import { resolveInRoot } from '../root-path.ts'
import { devices, openDevices } from './devices.ts'
import { enterNamespaces } from './enter.ts'
import {
  environmentOf,
  hasOwnProcesses,
  sampleUser,
  type Isolation,
  type IsolationOptions,
  type Launch,
  type Subject,
} from './isolation.ts'
import { makeLaunchFolder } from './launch-folder.ts'
import { launcherProgram, prepareRoot } from './launching.ts'
import { findProgram, findPrograms, quote, run } from './programs.ts'
import { filterDescriptor, filterPrograms } from './seccomp.ts'
import { mountsOf, networkEnvironment, nodeMounts, type Mount } from './view.ts'

/** In a container. */
const launch = '/usr/lib/wheelhouse/launch'

/** Variables that the launching shell and bubblewrap set by themselves. */
const launcherVariables = ['PWD', 'OLDPWD', 'SHLVL', '_']

/**
 * Isolation by Linux namespaces through bubblewrap. Every container has a user namespace too, even under root: root
 * inside owns its files and its processes and has no power over the host, in `exec` sessions as well.
 * Rejects with why where it may not run.
 */
export async function openBubblewrap(options: IsolationOptions): Promise<Isolation> {
  const { bwrap, nsenter } = findPrograms({ bwrap: 'bubblewrap', nsenter: 'util-linux' })
  const node = await nodeMounts(options.nodeBinary)
  const launchFolder = path.join(options.scratch, 'launch-filtered')
  const loader = filterPrograms()
  if (loader.perl) await makeLaunchFolder(launchFolder, loader as { perl: string })
  const from = await openDevices(path.join(options.scratch, 'shared-devices'))
  const trial = path.join(options.scratch, 'trial')
  mkdirSync(trial, { recursive: true })
  const mounts: Mount[] = [...node, { kind: 'proc' }, { kind: 'dev' }]
  const namespaces = ['--unshare-pid', '--unshare-ipc', '--unshare-uts', '--as-pid-1', '--die-with-parent']
  const files = ['--bind', trial, '/', ...mounts.flatMap((mount) => mountArguments(trial, from.folder, mount))]
  const command = [...namespaces, ...files, '/usr/bin/node', '--version']
  const oldest = ['--unshare-user']
  const newest = [...oldest, '--disable-userns']
  const isRoot = process.getuid?.() === 0
  try {
    // Others than root could not enter a nested user namespace any more.
    const nested =
      isRoot &&
      (await run(bwrap, [...newest, ...command]).then(
        () => true,
        () => false,
      ))
    if (!nested) await run(bwrap, [...oldest, ...command])
    return isolationWith({
      ...options,
      bwrap,
      nsenter,
      node,
      launchFolder,
      from,
      isRoot,
      user: nested ? newest : oldest,
    })
  } finally {
    rmSync(trial, { recursive: true, force: true })
  }
}

interface Tools extends IsolationOptions {
  bwrap: string
  nsenter: string
  node: readonly Mount[]
  /** For exec sessions: bubblewrap loads filters itself. */
  launchFolder: string
  from: Awaited<ReturnType<typeof openDevices>>
  isRoot: boolean
  /** Arguments that make the user namespace. */
  user: readonly string[]
}

function isolationWith(tools: Tools): Isolation {
  const { nsenter, isRoot } = tools
  const limits = !isRoot
    ? ["All users in containers are the container's root, which is your user to the machine: runAsUser is not applied."]
    : tools.user.length > 1
      ? []
      : ['Root in a container may change kernel settings: bubblewrap is older than 0.8.']
  const launchers = ['/bin/sh', nsenter, tools.bwrap].map((name) => findProgram(path.basename(name)) ?? name)
  return {
    kind: 'bubblewrap',
    limits: [...limits, ...tools.from.limits],
    controlled: true,
    launch(given) {
      // It looks for its own child in /proc, which has to be that of the namespace that it is in.
      const subject = { ...given, place: { ...given.place, proc: '/proc' } }
      const { place } = subject
      const { argv, workingDirectory } = prepareRoot(subject)
      const settings = [
        ...namespaceArguments(tools, subject),
        '--bind',
        place.root,
        '/',
        ...mountsOf(subject, tools).flatMap((mount) => mountArguments(place.root, tools.from.folder, mount)),
        ...(subject.container.filtered ? ['--ro-bind', tools.launchFolder, launch] : []),
        ...environmentArguments(subject),
        '--chdir',
        workingDirectory,
        ...(subject.container.filtered ? ['--seccomp', String(filterDescriptor)] : []),
      ]
      const program = launcherProgram(subject, {
        nsenter,
        parameters: settings.map((argument) => `${argument}\0`).join(''),
        launcher: `${quote(tools.bwrap)} --args 4`,
        argv,
      })
      const { processes } = subject
      const status = { file: place.statusFile, launchers, tellsExit: true, ...(processes ? { processes } : {}) }
      return { program, status, group: !hasOwnProcesses(subject), user: userOf(tools, subject) }
    },
    enter: (subject, pid, command, options) => enterNamespaces(subject, { nsenter, pid, launch }, command, options),
  }
}

const userOf = ({ isRoot }: Tools, subject: Subject): NonNullable<Launch['user']> =>
  isRoot ? sampleUser(subject) : { uid: 0, gid: 0, supplementalGroups: [0] }

function namespaceArguments(tools: Tools, subject: Subject): string[] {
  const { sandbox, container } = subject
  const { privileged } = container.config
  const { uid, gid } = userOf(tools, subject)
  return [
    ...(privileged && tools.isRoot ? [] : [...tools.user, '--uid', String(uid), '--gid', String(gid)]),
    ...(hasOwnProcesses(subject) ? ['--unshare-pid', '--as-pid-1'] : []),
    ...(sandbox.config.hostIpc || sandbox.sharesIpc ? [] : ['--unshare-ipc']),
    '--unshare-uts',
    '--hostname',
    sandbox.config.hostname,
    '--die-with-parent',
    '--json-status-fd',
    '3',
  ]
}

function mountArguments(root: string, deviceFolder: string, mount: Mount): string[] {
  switch (mount.kind) {
    case 'bind':
      return [mount.readOnly ? '--ro-bind' : '--bind', mount.from, insideRoot(root, mount.to)]
    case 'proc':
      return ['--proc', '/proc']
    case 'dev':
      return [
        '--dev',
        '/dev',
        ...devices.flatMap((name) => ['--dev-bind', path.join(deviceFolder, name), `/dev/${name}`]),
      ]
    case 'lock':
      return ['--ro-bind-try', mount.to, mount.to]
    case 'hide':
      // Containers of sample images have no /sys.
      if (!mount.to.startsWith('/proc/')) return []
      return mount.directory
        ? ['--tmpfs', mount.to, '--remount-ro', mount.to]
        : ['--dev-bind', path.join(deviceFolder, 'null'), mount.to]
    case 'lock-root':
      return ['--remount-ro', '/']
  }
}

function environmentArguments(subject: Subject): string[] {
  const environment = { ...environmentOf(subject), ...networkEnvironment(subject) }
  return [
    ...launcherVariables.flatMap((name) => ['--unsetenv', name]),
    ...Object.entries(environment).flatMap(([name, value]) => ['--setenv', name, value]),
  ]
}

const insideRoot = (root: string, inside: string): string => `/${path.relative(root, resolveInRoot(root, inside))}`
