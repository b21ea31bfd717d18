import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { commandFault, resolveInRoot } from '../root-path.ts'
import type { SandboxRecord } from '../records.ts'
import type { Program } from '../shim/protocol.ts'
import type { Runnable } from '../images/runnable.ts'
import { argumentsOf, environmentOf, StartError, workingDirectoryOf, type Subject } from './isolation.ts'
import { quote } from './programs.ts'
import { buildRoot } from './root.ts'
import { filterDescriptor } from './seccomp.ts'

export interface Command {
  argv: string[]
  workingDirectory: string
}

/** Makes the container's root, with what it shall run checked. Throws StartError. */
export function prepareRoot(subject: Subject): Command {
  const { place, image } = subject
  buildRoot(place.root, image)
  const argv = argumentsOf(subject)
  const workingDirectory = workingDirectoryOf(subject)
  mkdirSync(resolveInRoot(place.root, workingDirectory), { recursive: true })
  checkCommand(subject, argv[0], workingDirectory)
  return { argv, workingDirectory }
}

/** A program on a volume cannot be looked for before it is mounted: then the launcher finds out. */
function checkCommand(subject: Subject, command: string | undefined, workingDirectory: string): void {
  if (!command) throw new StartError('no command specified')
  if (/^(\/usr)?\/bin\/node$|^node$/.test(command)) return
  const absolute = path.posix.resolve(workingDirectory, command)
  const { mounts } = subject.container.config
  if (command.includes('/') && mounts.some(({ containerPath }) => absolute.startsWith(containerPath))) return
  const fault = commandFault(subject.place.root, command, environmentOf(subject)['PATH'] ?? '', workingDirectory)
  if (fault) throw new StartError(`failed to create containerd task: failed to create shim task: ${fault}`)
}

/**
 * Root of a user namespace may neither bind ports below 1024 of a network namespace that it does not own, nor ping from
 * it; unless the pod says otherwise, everybody may.
 */
const openNetwork = (sysctls: SandboxRecord['config']['sysctls'] = {}): string[] =>
  Object.entries({ 'net.ipv4.ip_unprivileged_port_start': '0', 'net.ipv4.ping_group_range': '0 2147483647' })
    .filter(([name]) => sysctls[name] === undefined)
    .map(([name, value]) => `echo ${value} > /proc/sys/${name.replaceAll('.', '/')} || :`)

/**
 * A program that becomes the launcher in the pod's network and the container's control groups. The launcher finds the
 * status file as its descriptor 3 and `parameters`, which hold the environment and are not for the process list, as 4.
 */
export function launcherProgram(
  subject: Subject<Runnable>,
  {
    nsenter,
    parameters,
    launcher,
    argv,
  }: {
    nsenter: string
    parameters: string
    launcher: string
    argv: readonly string[]
  },
): Program {
  const { sandbox, container, place, cgroup } = subject
  writeFileSync(place.argumentsFile, parameters, { mode: 0o600 })
  rmSync(place.statusFile, { force: true })
  const { tty, stdin, oomScoreAdjust = 0 } = container.config
  const script = [
    ...ignoreTerminalSignals(tty),
    ...(cgroup?.join ?? []).map((file) => `echo $$ > ${quote(file)} || :`),
    // To be ended sooner than the machine's own programs; only root may ask for later.
    ...(oomScoreAdjust ? [`{ echo ${oomScoreAdjust} > /proc/self/oom_score_adj || :; } 2> /dev/null`] : []),
    ...(sandbox.namespace ? openNetwork(sandbox.config.sysctls) : []),
    `exec 3> ${quote(place.statusFile)} 4< ${quote(place.argumentsFile)}`,
    ...openFilter(subject),
    `exec ${prepared(subject, nsenter, launcher)} "$@"`,
  ]
  const network = sandbox.namespace ? [nsenter, `--net=${sandbox.namespace}`, '--'] : []
  return { argv: [...network, '/bin/sh', '-c', script.join('\n'), 'sh', ...argv], env: {}, cwd: '/', tty, stdin }
}

/**
 * A launcher after its preparations, in the pid namespace that it joins. The /proc of that is mounted from outside too,
 * since it may belong to a user namespace in which the container has no power.
 */
function prepared(
  { preparations, processes, place, mounts }: Subject<Runnable>,
  nsenter: string,
  launcher: string,
): string {
  if (!preparations.length && !processes) return launcher
  const shell = (...lines: string[]) => `sh -c ${quote(['set -e', ...lines].join('\n'))} sh`
  const run = `exec ${launcher} "$@"`
  // An nsenter that forks does not end with the shim by itself.
  const enter = `setpriv --pdeathsig KILL ${quote(nsenter)} --pid=${quote(processes ?? '')} --`
  const mountProc = `mount -t proc -o nosuid,nodev,noexec proc ${quote(place.proc)}`
  const last = processes ? `exec ${enter} ${shell(mountProc, run)} "$@"` : run
  return `unshare --mount --propagation ${outerPropagation({ mounts })} -- ${shell(...preparations, last)}`
}

/** Lines of a shell that open the filter for what loads it. */
export const openFilter = ({ container, place }: Pick<Subject<Runnable>, 'container' | 'place'>): string[] =>
  container.filtered ? [`exec ${filterDescriptor}< ${quote(place.filterFile)}`] : []

/** Where mounts pass through, those that do are told from the others by the preparations. */
export const outerPropagation = ({ mounts }: Pick<Subject<Runnable>, 'mounts'>): 'private' | 'unchanged' =>
  mounts.some(({ propagates }) => propagates) ? 'unchanged' : 'private'

/** A Ctrl-C in a terminal reaches the launchers too, and must not end them; Node programs take their signals back. */
export const ignoreTerminalSignals = (tty: boolean): string[] => (tty ? [`trap '' INT QUIT TSTP`] : [])

/** What the loader of a program obeys: it must not be said to the launchers, which are the machine's and run as root. */
export const isForLoader = (name: string): boolean =>
  /^(LD_|GLIBC_|GCONV_PATH$|LOCPATH$|NLSPATH$|MALLOC_|RES_OPTIONS$|TMPDIR$)/.test(name)
