import { commandFault, resolveInRoot } from '../root-path.ts'
import type { Program } from '../shim/protocol.ts'
import { environmentOf, StartError, workingDirectoryOf, type Subject } from './isolation.ts'
import { ignoreTerminalSignals, isForLoader, openFilter } from './launching.ts'
import { filtering, isForPerl } from './seccomp.ts'
import { networkEnvironment } from './view.ts'

export interface Entrance {
  nsenter: string
  pid: number
  through?: number | undefined
  /** The launch folder in the container, of which a filter is loaded. */
  launch: string
}

/**
 * A command in the namespaces of a running container's first process. `through`: a process in the user namespace that
 * owns the container's mounts, which others than root must join first.
 */
export function enterNamespaces(
  subject: Subject,
  { nsenter, pid, through, launch }: Entrance,
  command: readonly string[],
  { tty, stdin }: { tty: boolean; stdin: boolean },
): Program {
  const root = `/proc/${pid}/root`
  const workingDirectory = workingDirectoryOf(subject)
  const environment: Record<string, string> = {
    ...environmentOf(subject),
    ...(tty ? { TERM: 'xterm' } : {}),
    ...networkEnvironment(subject),
  }
  const fault = command[0]
    ? commandFault(root, command[0], environment['PATH'] ?? '', workingDirectory)
    : 'no command given'
  if (fault) throw new StartError(`failed to exec in container: ${fault}`)
  const { filtered } = subject.container
  const variables = Object.entries(environment)
    .filter(([name]) => isForPerl(name))
    .map(([name, value]) => `${name}=${value}`)
  const user = ['--user', '--preserve-credentials']
  const { namespace, config } = subject.sandbox
  const argv = [
    ...(through === undefined ? [] : [nsenter, `--target=${through}`, ...user, '--']),
    nsenter,
    `--target=${pid}`,
    ...(subject.container.config.privileged && through === undefined && process.getuid?.() === 0 ? [] : user),
    '--mount',
    '--uts',
    ...(namespace ? ['--net'] : []),
    ...(config.hostPid ? [] : ['--pid']),
    ...(config.hostIpc ? [] : ['--ipc']),
    '--root',
    `--wd=${resolveInRoot(root, workingDirectory)}`,
    '--',
    ...(filtered ? filtering(launch, { noNewPrivileges: true, variables }) : []),
    ...command,
  ]
  const before = [...ignoreTerminalSignals(tty), ...openFilter(subject)]
  const wrapped = before.length ? ['/bin/sh', '-c', [...before, 'exec "$@"'].join('\n'), 'sh', ...argv] : argv
  // No program of the sample images needs what would also be nsenter's.
  const env = Object.fromEntries(
    Object.entries(environment).filter(([name]) => !isForLoader(name) && !(filtered && isForPerl(name))),
  )
  return { argv: wrapped, env, cwd: '/', tty, stdin }
}
