import { launched } from './launch-folder.ts'
import { lastingFlags } from './mount-flags.ts'
import { quote } from './programs.ts'
import type { Mount } from './view.ts'

export interface Setup {
  /** Of the container, on the machine. */
  root: string
  /** The launch folder on the machine, and in the container. */
  launchFolder: string
  launch: string
  /** Where in the container the machine's root is while the script runs. */
  old: string
  hostname: string
  mounts: readonly (Exclude<Mount, { kind: 'bind' }> | (Mount & { kind: 'bind'; directory?: boolean }))[]
  devices: readonly string[]
  /** Runs this script's next part in the first process. */
  child: readonly string[]
  environment: Readonly<Record<string, string>>
  workingDirectory: string
  /** Who the program is, in a user namespace of its own; undefined: as privileged as its namespaces allow. */
  user: { uid: number; gid: number } | undefined
  /** No user namespace at all: a privileged container of root. */
  ownUser: boolean
}

const command = (argv: readonly string[]): string => argv.map(quote).join(' ')
/** Arguments of a shell that runs a part of the script, which it finds as descriptor 4. */
export const runPart = (part: 'wait' | 'setup' | 'program'): string[] => ['-c', '. /proc/self/fd/4', part]

const isName = (name: string): boolean => /^[A-Za-z_]\w*$/.test(name)

/**
 * A script of three parts. `wait` starts the container's first process and passes on how it ended: util-linux's own way
 * turns a SIGKILL into an error. That process changes the root in `setup` and only then mounts, so that no link in a
 * container's files can lead it to the machine's. As `program` it has the container's privileges, and tells its pid once
 * nothing is left that can fail but the program.
 */
export function setupScript(setup: Setup): string {
  const { old, launch, user } = setup
  const tool = (program: string, ...args: string[]) => command([...launched(launch, program), ...args])
  const before = (program: string, ...args: string[]) => command([...launched(setup.launchFolder, program), ...args])
  const rootFlags = lastingFlags(setup.root)
  const nested = user
    ? [...launched(launch, 'unshare'), '--user', `--map-user=${user.uid}`, `--map-group=${user.gid}`, '--']
    : []
  const becomeProgram = command([...nested, ...launched(launch, 'sh'), ...runPart('program')])
  return lines([
    'if [ "$0" = wait ]; then',
    // Shells say how a program ended, and that is not for the container's log.
    'exec 6>&2 2> /dev/null',
    `(exec 2>&6 6>&-; exec ${command(setup.child)} "$@")`,
    'exit $?',
    'fi',
    'set -e',
    'if [ "$0" = program ]; then',
    ...programLines(setup),
    'fi',
    'read -r pid rest < /proc/self/stat',
    `{ echo ${quote(setup.hostname)} > /proc/sys/kernel/hostname || hostname ${quote(setup.hostname)} || :; } 2> /dev/null`,
    // The nested one is the last: what the kernel gives to the root of a new one is the larger part of its attack surface.
    ...(setup.ownUser ? [] : ['{ echo 1 > /proc/sys/user/max_user_namespaces || :; } 2> /dev/null']),
    before('mount', '--rbind', setup.root, setup.root),
    before(
      'mount',
      '--bind',
      '-o',
      ['ro', ...lastingFlags(setup.launchFolder)].join(),
      setup.launchFolder,
      `${setup.root}${launch}`,
    ),
    `cd ${quote(setup.root)}`,
    before('pivot_root', '.', `.${old}`),
    'cd /',
    ...setup.mounts.flatMap((mount) => mountLines(mount, { old, tool, devices: setup.devices, rootFlags })),
    tool('umount', '-l', old),
    `exec ${becomeProgram} "$pid" "$@"`,
  ])
}

function programLines({ environment, workingDirectory, launch }: Setup): string[] {
  const variables = Object.entries(environment)
  const unusual = variables.filter(([name]) => !isName(name)).map(([name, value]) => quote(`${name}=${value}`))
  const env = unusual.length ? `${command(launched(launch, 'env'))} ${unusual.join(' ')} ` : ''
  return [
    'pid=$1',
    'shift',
    `cd ${quote(workingDirectory)}`,
    'unset PWD OLDPWD SHLVL',
    ...variables.filter(([name]) => isName(name)).map(([name, value]) => `export ${name}=${quote(value)}`),
    'command -v -- "$1" > /dev/null || { echo "exec: \\"$1\\": executable file not found or not executable" >&2; exit 127; }',
    'echo "{\\"child-pid\\": $pid}" >&3',
    'exec 3>&- 4<&-',
    `exec ${env}"$@"`,
  ]
}

interface Rendering {
  old: string
  devices: readonly string[]
  rootFlags: readonly string[]
  tool: (program: string, ...args: string[]) => string
}

function mountLines(mount: Setup['mounts'][number], { old, tool, devices, rootFlags }: Rendering): string[] {
  switch (mount.kind) {
    case 'bind': {
      const { from, to, readOnly, directory } = mount
      const options = [...(readOnly ? ['ro', ...lastingFlags(from)] : []), ...(directory ? ['X-mount.mkdir'] : [])]
      return [
        ...(directory ? [] : [`[ -e ${quote(to)} ] || : > ${quote(to)}`]),
        tool('mount', '--rbind', ...(options.length ? ['-o', options.join()] : []), `${old}${from}`, to),
      ]
    }
    case 'proc':
      return [tool('mount', '-t', 'proc', '-o', 'nosuid,nodev,noexec', 'proc', '/proc')]
    case 'dev':
      return [
        ...devices.map((name) => tool('mount', '--bind', `${old}/dev/${name}`, `/dev/${name}`)),
        tool('mount', '-t', 'devpts', '-o', 'nosuid,noexec,newinstance,ptmxmode=0666,mode=620', 'devpts', '/dev/pts'),
        tool('mount', '-t', 'tmpfs', '-o', 'nosuid,nodev,mode=1777', 'tmpfs', '/dev/shm'),
      ]
    case 'lock':
      return [`[ ! -e ${mount.to} ] || ${tool('mount', '--bind', '-o', 'ro,nosuid,nodev,noexec', mount.to, mount.to)}`]
    case 'hide':
      return [`[ ! -e ${mount.to} ] || ${tool('mount', '--bind', `${old}/dev/null`, mount.to)}`]
    case 'lock-root':
      return [tool('mount', '-o', ['remount', 'bind', 'ro', ...rootFlags].join(), '/')]
  }
}

const lines = (all: readonly string[]): string => all.map((line) => `${line}\n`).join('')
