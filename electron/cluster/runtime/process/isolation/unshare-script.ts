import path from 'node:path'
import { launched } from './launch-folder.ts'
import { lasting, lastingFlags } from './mount-flags.ts'
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
  mounts: readonly Mount[]
  /** Files on the machine that are mounted; empty: the container's /dev is there before anything else, with its own. */
  devices: readonly string[]
  /** Runs this script's next part in the first process. */
  child: readonly string[]
  environment: Readonly<Record<string, string>>
  workingDirectory: string
  /** Gives up the privileges that the set-up needed, and runs what follows it. Empty: they are kept. */
  become: readonly string[]
  /** Whether the program shall make no more than one user namespace: the nested one that `become` makes. */
  lastUserNamespace: boolean
  /** Runs what follows it as it is. */
  runner?: readonly string[]
  /** Lines that make the root in a mount namespace, and end in what runs the rest of the script. */
  outer?: readonly string[]
  /** Lines run with the machine's root still below `old`, before anything is mounted, and after all is. */
  first?: readonly string[]
  last?: readonly string[]
  /** Files that are mounted on are made by the script, and not there before. */
  makesPlaces?: boolean
  /** Mounts have peers on the machine: all but those that they are to pass through are taken from them. */
  propagates?: boolean
  /** See `lastingFlags`; of a root that is not mounted yet. */
  rootFlags?: readonly string[]
}

/** Of /dev/shm. Source: containerd, which gives each pod 64 MiB. */
export const sharedMemoryOptions = 'nosuid,nodev,noexec,mode=1777,size=64m'

export const command = (argv: readonly string[]): string => argv.map(quote).join(' ')
/** Arguments of a shell that runs a part of the script, which it finds as descriptor 4. */
export const runPart = (part: 'outer' | 'wait' | 'setup' | 'program'): string[] => ['-c', '. /proc/self/fd/4', part]

/** Of a variable that shells know. */
export const isName = (name: string): boolean => /^[A-Za-z_]\w*$/.test(name)

/**
 * A script of three parts. `wait` starts the container's first process and passes on how it ended: util-linux's own way
 * turns a SIGKILL into an error. That process changes the root in `setup` and only then mounts, so that no link in a
 * container's files can lead it to the machine's. As `program` it has the container's privileges, and tells its pid once
 * nothing is left that can fail but the program.
 */
export function setupScript(setup: Setup): string {
  const { old, launch, become, outer = [] } = setup
  const tool = (program: string, ...args: string[]) => command([...launched(launch, program), ...args])
  const before = (program: string, ...args: string[]) => command([...launched(setup.launchFolder, program), ...args])
  const rootFlags = setup.rootFlags ?? lastingFlags(setup.root)
  const becomeProgram = command([...become, ...launched(launch, 'sh'), ...runPart('program')])
  return lines([
    ...(outer.length ? ['if [ "$0" = outer ]; then', ...outer, 'fi'] : []),
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
    ...(setup.lastUserNamespace ? ['{ echo 1 > /proc/sys/user/max_user_namespaces || :; } 2> /dev/null'] : []),
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
    ...(setup.first ?? []),
    ...setup.mounts.flatMap((mount) => mountLines(mount, { ...setup, tool, rootFlags })),
    ...(setup.last ?? []),
    ...(setup.propagates ? [tool('mount', '--make-rprivate', old)] : []),
    tool('umount', '-l', old),
    `exec ${becomeProgram} "$pid" "$@"`,
  ])
}

function programLines({ environment, workingDirectory, launch, runner = [], last }: Setup): string[] {
  const variables = Object.entries(environment)
  const unusual = variables.filter(([name]) => !isName(name)).map(([name, value]) => quote(`${name}=${value}`))
  const env = unusual.length ? `${command(launched(launch, 'env'))} ${unusual.join(' ')} ` : ''
  return [
    'pid=$1',
    'shift',
    ...(last ? [] : [`cd ${quote(workingDirectory)}`]),
    'unset PWD OLDPWD SHLVL',
    ...variables.filter(([name]) => isName(name)).map(([name, value]) => `export ${name}=${quote(value)}`),
    'case $1 in */*) test -x "$1" ;; *) command -v -- "$1" > /dev/null ;; esac || {',
    'echo "exec: \\"$1\\": executable file not found or not executable" >&2; exit 127; }',
    'echo "{\\"child-pid\\": $pid}" >&3',
    'exec 3>&- 4<&- 5<&-',
    `exec ${env}${runner.length ? `${command(runner)} ` : ''}"$@"`,
  ]
}

interface Rendering extends Pick<Setup, 'old' | 'devices' | 'makesPlaces' | 'propagates'> {
  rootFlags: readonly string[]
  tool: (program: string, ...args: string[]) => string
}

function mountLines(mount: Setup['mounts'][number], rendering: Rendering): string[] {
  const { old, tool, devices, rootFlags, makesPlaces } = rendering
  switch (mount.kind) {
    case 'bind': {
      const { from, to, readOnly, directory } = mount
      const leaves = rendering.propagates && !mount.propagates
      const options = [...(readOnly ? ['ro', ...lastingFlags(from)] : []), ...(directory ? ['X-mount.mkdir'] : [])]
      return [
        ...(directory
          ? []
          : [
              `[ -e ${quote(to)} ] || { ${[...(makesPlaces ? clearing(to, tool) : []), `: > ${quote(to)}`].join('; ')}; }`,
            ]),
        tool('mount', '--rbind', ...(options.length ? ['-o', options.join()] : []), `${old}${from}`, to),
        ...(mount.recursiveReadOnly && directory ? locking(to, tool) : []),
        ...(leaves ? [tool('mount', '--make-rprivate', to)] : []),
      ]
    }
    case 'proc':
      return [tool('mount', '-t', 'proc', '-o', 'nosuid,nodev,noexec', 'proc', '/proc')]
    case 'dev':
      return [
        ...devices.map((file) => tool('mount', '--bind', `${old}${file}`, `/dev/${path.basename(file)}`)),
        tool('mount', '-t', 'devpts', '-o', 'nosuid,noexec,newinstance,ptmxmode=0666,mode=620', 'devpts', '/dev/pts'),
        tool('mount', '-t', 'tmpfs', '-o', sharedMemoryOptions, 'tmpfs', '/dev/shm'),
      ]
    case 'lock':
      return [`[ ! -e ${mount.to} ] || ${tool('mount', '--bind', '-o', 'ro,nosuid,nodev,noexec', mount.to, mount.to)}`]
    case 'hide': {
      if (mount.directory)
        return [
          `[ ! -e ${mount.to} ] || ${tool('mount', '-t', 'tmpfs', '-o', 'ro,size=4k,nosuid,nodev,noexec', 'tmpfs', mount.to)}`,
        ]
      const empty = devices.find((file) => path.basename(file) === 'null')
      return [`[ ! -e ${mount.to} ] || ${tool('mount', '--bind', empty ? `${old}${empty}` : '/dev/null', mount.to)}`]
    }
    case 'lock-root':
      return [tool('mount', '-o', ['remount', 'bind', 'ro', ...rootFlags].join(), '/')]
  }
}

/** Makes what is mounted below a directory read-only; what may not be taken from a mount is repeated. */
const locking = (to: string, tool: Rendering['tool']): string[] => [
  `below=$(cd ${quote(to)} && pwd -P)`,
  'while read -r _ _ _ _ point options _; do',
  'point=$(printf %b "$point")',
  'case $point in "$below"/*) ;; *) continue ;; esac',
  'flags=ro',
  `for flag in ${lasting.join(' ')}; do case ,$options, in *,$flag,*) flags=$flags,$flag ;; esac; done`,
  `${tool('mount')} -o "remount,bind,$flags" "$point"`,
  'done < /proc/self/mountinfo',
]

/** Makes way for a file: its folder is there afterwards, and a link that leads nowhere is not. */
const clearing = (to: string, tool: Rendering['tool']): string[] => [
  tool('mkdir', '-p', path.posix.dirname(to)),
  tool('rm', '-f', to),
]

const lines = (all: readonly string[]): string => all.map((line) => `${line}\n`).join('')
