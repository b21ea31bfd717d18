import { chownSync, mkdirSync } from 'node:fs'
import path from 'node:path'
import type { ContainerCgroup } from '../../cgroups/cgroups.ts'
import { findUser, type ContainerUser } from '../images/users.ts'
import type { PulledImage } from '../images/service.ts'
import type { ImageStore } from '../images/store.ts'
import { commandFault } from '../root-path.ts'
import { capabilityArguments } from './capabilities.ts'
import {
  argumentsOf,
  environmentOf,
  hasOwnProcesses,
  StartError,
  workingDirectoryOf,
  type Launcher,
  type Subject,
} from './isolation.ts'
import { makeDeviceFolder } from './devices.ts'
import { launched, makeLaunchFolder } from './launch-folder.ts'
import { ignoreTerminalSignals, isForLoader, launcherProgram, openFilter, outerPropagation } from './launching.ts'
import { findPrograms, namespacePrograms, quote, run } from './programs.ts'
import { makePulledRoot } from './pulled-root.ts'
import { filtering, filterPrograms, isForPerl } from './seccomp.ts'
import { command, isName, runPart, setupScript, type Setup } from './unshare-script.ts'
import { located } from './unshare.ts'
import { openUserNamespace } from './user-namespace.ts'
import { mountsOf, type Mount } from './view.ts'

type PulledSubject = Subject<PulledImage>

/** Names in the container that an image does not have. */
const launch = '/.wheelhouse/launch'
const old = '/.wheelhouse/machine'

/**
 * Runs images from registries, for root on Linux. The container's root is mounted in a mount namespace that ends with its
 * last process, so that the machine never has the mount. All containers are in one user namespace, which has all users
 * as they are: root of a container may chown and setuid as images expect, and has no power beyond; what it is left with
 * is Docker's default. Rejects with why where it may not run.
 */
export async function openPulledLauncher(options: {
  scratch: string
  store: ImageStore
}): Promise<Launcher<PulledImage> & Disposable> {
  const programs = findPrograms({
    ...namespacePrograms,
    mkdir: 'coreutils',
    rm: 'coreutils',
    chown: 'coreutils',
    cp: 'coreutils',
  })
  const { nsenter, unshare, cp: _, ...inside } = { ...programs, ...filterPrograms() }
  const launchFolder = path.join(options.scratch, 'launch-pulled')
  await makeLaunchFolder(launchFolder, inside)
  const deviceFolder = path.join(options.scratch, 'devices')
  await makeDeviceFolder(deviceFolder)
  const userNamespace = await openUserNamespace(programs)
  // Shells of before 2019 cannot.
  const resets = await run(programs.env, ['--default-signal=INT', 'true']).then(
    () => true,
    () => false,
  )
  const launchers = [programs.sh, nsenter, programs.setpriv, unshare, path.join(launchFolder, 'loader')]
  const { store } = options

  const userOf = ({ image, container }: PulledSubject): ContainerUser => {
    const { runAsUser, runAsGroup, supplementalGroups = [], supplementalGroupsPolicy = 'Merge' } = container.config
    const top = image.stored.chain.at(-1)
    const accounts = top === undefined ? { passwd: '', group: '' } : store.snapshots.accounts(top)
    const written = runAsUser === undefined ? image.stored.config.user : String(runAsUser)
    try {
      const user = findUser(runAsGroup === undefined ? written : `${written.split(':')[0]}:${runAsGroup}`, accounts)
      const ofImage = supplementalGroupsPolicy === 'Strict' ? [] : user.groups
      return { ...user, groups: [...new Set([user.gid, ...ofImage, ...supplementalGroups])] }
    } catch (error) {
      throw new StartError((error as Error).message, { cause: error })
    }
  }

  /** Takes from a program what a container's must not have, and makes it the container's user. */
  const becoming = (
    { container: { config, filtered } }: PulledSubject,
    { uid, gid, groups }: ContainerUser,
    variables: readonly string[] = [],
  ): string[] => {
    const { noNewPrivileges = false } = config
    const filter = filtered ? filtering(launch, { noNewPrivileges, variables }) : []
    const privileges = [
      ...launched(launch, 'setpriv'),
      '--pdeathsig',
      'KILL',
      '--reuid',
      String(uid),
      '--regid',
      String(gid),
      '--groups',
      groups.join(),
      ...capabilityArguments(config),
      ...(noNewPrivileges ? ['--no-new-privs'] : []),
      '--',
    ]
    // Who may still gain privileges has to have those that loading takes.
    return noNewPrivileges ? [...privileges, ...filter] : [...filter, ...privileges]
  }

  const environmentFor = (subject: PulledSubject, { home }: ContainerUser): Record<string, string> => {
    const environment = environmentOf(subject)
    const said = [...subject.container.config.env.map(({ name }) => name), ...Object.keys(subject.image.env)]
    return said.includes('HOME') ? environment : { ...environment, HOME: home }
  }

  const own = ({ container }: PulledSubject) => container.config.privileged !== true

  return {
    async launch(subject) {
      const { container, place, sandbox } = subject
      const argv = argumentsOf(subject)
      if (!argv[0]) throw new StartError('no command specified')
      const user = userOf(subject)
      const root = await makePulledRoot(place.root, subject.image.stored.chain, store.snapshots, [
        launch,
        old,
        '/dev',
        '/proc',
        '/sys',
      ])
      const { readOnlyRootFilesystem, tty } = container.config
      const propagation = outerPropagation(subject)
      const ownPid = hasOwnProcesses(subject)
      const ownIpc = !sandbox.config.hostIpc && !sandbox.sharesIpc
      const [sys, dev] = ['sys', 'dev'].map((name) => path.join(place.root, name)) as [string, string]
      for (const folder of [sys, dev]) mkdirSync(folder)
      const kept = readOnlyRootFilesystem ? subject.image.stored.config.volumes : []
      const controlGroups = groupMounts(subject.cgroup)
      const mounts = [...controlGroups, ...mountsOf(subject, { node: [], preload: '' })]
      const tool = (program: string, ...args: string[]) => command([...launched(launch, program), ...args])
      const workingDirectory = workingDirectoryOf(subject)
      const setup: Setup = {
        root: root.path,
        launchFolder,
        launch,
        old,
        hostname: sandbox.config.hostname,
        mounts: mounts.map((mount) => (mount.kind === 'bind' ? { ...mount, ...located(mount) } : mount)),
        // In the folder that is mounted first.
        devices: [],
        child: [programs.setpriv, '--pdeathsig', 'KILL', programs.sh, ...runPart('setup')],
        environment: environmentFor(subject, user),
        workingDirectory,
        become: becoming(subject, user),
        lastUserNamespace: false,
        runner: tty && resets ? [...launched(launch, 'env'), ...defaultSignals] : [],
        outer: [
          ...root.mountLines,
          `${command([programs.mount, '-t', 'sysfs', '-o', 'ro,nosuid,nodev,noexec', 'sysfs', sys])} 2> /dev/null || :`,
          command([programs.mount, '-t', 'tmpfs', '-o', 'mode=755,size=64k,nosuid,noexec', 'tmpfs', dev]),
          command([programs.cp, '-a', `${deviceFolder}/.`, dev]),
          ...(own(subject) ? [`exec 5< ${quote(userNamespace.path)}`] : []),
          `exec ${command([
            ...(own(subject) ? [nsenter, '--user=/proc/self/fd/5', '--preserve-credentials', '--'] : []),
            programs.setpriv,
            '--pdeathsig',
            'KILL',
            unshare,
            '--mount',
            '--propagation',
            propagation,
            '--uts',
            ...(ownIpc ? ['--ipc'] : []),
            ...(ownPid ? ['--pid'] : []),
            '--',
            programs.sh,
            ...runPart('wait'),
          ])} "$@"`,
        ],
        first: [
          tool('mount', '--rbind', `${old}${sys}`, '/sys'),
          tool('mount', '--rbind', `${old}${dev}`, '/dev'),
          // Version 1 has a folder for each controller.
          ...(controlGroups.length > 1
            ? [tool('mount', '-t', 'tmpfs', '-o', 'mode=755,size=64k,nosuid,nodev,noexec', 'tmpfs', groupsInside)]
            : []),
          // What an image says is a volume is written to even where the rest is not.
          ...kept.flatMap((volume) => [tool('mkdir', '-p', volume), tool('mount', '--rbind', volume, volume)]),
          ...(readOnlyRootFilesystem ? [tool('mkdir', '-p', workingDirectory)] : []),
        ],
        last: [
          ...(readOnlyRootFilesystem ? [] : [tool('mkdir', '-p', workingDirectory)]),
          `cd ${quote(workingDirectory)}`,
          ...owning(user, tty, tool),
        ],
        makesPlaces: true,
        propagates: propagation !== 'private',
        ...(root.flags ? { rootFlags: root.flags } : {}),
      }
      const program = launcherProgram(subject, {
        nsenter,
        parameters: setupScript(setup),
        launcher: command([unshare, '--mount', '--propagation', propagation, programs.sh, ...runPart('outer')]),
        argv,
      })
      // The last part of the script is read by the user that the program has.
      chownSync(place.argumentsFile, user.uid, user.gid)
      const status = { file: place.statusFile, launchers, tellsExit: false }
      const { uid, gid, groups } = user
      return { program, status, group: !ownPid, user: { uid, gid, supplementalGroups: groups } }
    },

    enter(subject, pid, argv, { tty, stdin }) {
      const root = `/proc/${pid}/root`
      const user = userOf(subject)
      const workingDirectory = workingDirectoryOf(subject)
      const variables: Record<string, string> = { ...environmentFor(subject, user), ...(tty ? { TERM: 'xterm' } : {}) }
      const fault = argv[0]
        ? commandFault(root, argv[0], variables['PATH'] ?? '', workingDirectory)
        : 'no command given'
      if (fault) throw new StartError(`failed to exec in container: ${fault}`)
      const { namespace, config } = subject.sandbox
      const tool = (program: string, ...args: string[]) => command([...launched(launch, program), ...args])
      // Nor do shells pass on what has a name that they could not say.
      const isApart = (name: string) => isForLoader(name) || !isName(name)
      const isLate = (name: string) => !isApart(name) && subject.container.filtered === true && isForPerl(name)
      const those = (test: (name: string) => boolean) =>
        Object.entries(variables).flatMap(([name, value]) => (test(name) ? [`${name}=${value}`] : []))
      const runner = [...(tty && resets ? defaultSignals : []), ...those(isApart)]
      // Changing to the directory from inside: a link in its place leads nowhere else.
      const script = [
        ...owning(user, tty, tool),
        'cd -- "$1" || exit 126',
        'shift',
        'unset PWD OLDPWD SHLVL',
        'exec "$@"',
      ]
      return {
        argv: [
          programs.sh,
          '-c',
          [...ignoreTerminalSignals(tty), ...openFilter(subject), 'exec "$@"'].join('\n'),
          'sh',
          nsenter,
          `--target=${pid}`,
          ...(own(subject) ? ['--user', '--preserve-credentials'] : []),
          '--mount',
          '--uts',
          ...(namespace ? ['--net'] : []),
          ...(config.hostPid ? [] : ['--pid']),
          ...(config.hostIpc ? [] : ['--ipc']),
          '--root',
          `--wd=${root}`,
          '--',
          ...launched(launch, 'sh'),
          '-c',
          script.join('\n'),
          'sh',
          workingDirectory,
          ...becoming(subject, user, those(isLate)),
          ...(runner.length ? [...launched(launch, 'env'), ...runner] : []),
          ...argv,
        ],
        env: Object.fromEntries(Object.entries(variables).filter(([name]) => !isApart(name) && !isLate(name))),
        cwd: '/',
        tty,
        stdin,
      }
    },

    [Symbol.dispose]: () => userNamespace[Symbol.dispose](),
  }
}

/** Terminals are told to leave the launchers alone; the program shall hear again what they do not. */
const defaultSignals = ['--default-signal=INT,QUIT,TSTP']

/** Programs open /dev/stdout again, which only its owner may. Only pipes and terminals of ours are given away. */
const owning = (user: ContainerUser, tty: boolean, tool: (program: string, ...args: string[]) => string): string[] =>
  tty
    ? [`[ ! -t 0 ] || ${tool('chown', String(user.uid), '/proc/self/fd/0')} || :`]
    : [1, 2].map((stream) => {
        const file = `/proc/self/fd/${stream}`
        return `[ ! -p ${file} ] || ${tool('chown', String(user.uid), file)} || :`
      })

const groupsInside = '/sys/fs/cgroup'

/** A container's own control groups, where programs look for their limits. */
function groupMounts(cgroup: ContainerCgroup | undefined): Mount[] {
  const folders = (cgroup?.join ?? []).map((file) => path.dirname(file))
  return folders.map((from) => {
    const [controller = ''] = path.relative(groupsInside, from).split('/')
    const to = folders.length > 1 ? `${groupsInside}/${controller}` : groupsInside
    return { kind: 'bind', from, to, readOnly: true }
  })
}
