import { readFile } from 'node:fs/promises'
import type { ContainerConfig } from '../../api.ts'
import { defaultProfile } from '../../seccomp/default-profile.ts'
import { assembleFilter } from '../../seccomp/filter.ts'
import type { ArchitectureName } from '../../seccomp/syscalls.ts'
import { capabilityTest } from './capabilities.ts'
import { launched } from './launch-folder.ts'
import { findProgram } from './programs.ts'

/** By Node's names. */
const natives: Partial<Record<NodeJS.Architecture, ArchitectureName>> = {
  x64: 'SCMP_ARCH_X86_64',
  arm64: 'SCMP_ARCH_AARCH64',
}

/** Number of prctl, which loads a filter. */
const prctl: Partial<Record<NodeJS.Architecture, number>> = { x64: 157, arm64: 167 }

/** Perl is what a machine has that makes any system call: on Debian every package may count on it. */
export const filterPrograms = (): { perl?: string } => {
  const perl = findProgram('perl')
  return perl && natives[process.arch] ? { perl } : {}
}

/** Why this machine's containers have no filters of system calls; undefined: they have. */
export function whyUnfiltered(): string | undefined {
  if (!natives[process.arch]) return `there is no table of the system calls of ${process.arch}`
  return filterPrograms().perl ? undefined : 'perl is not installed'
}

/** Where what loads a filter finds it. */
export const filterDescriptor = 7

/** Variables that perl itself obeys, or complains about: it is told of them, and sets them for what it runs. */
export const isForPerl = (name: string): boolean => /^(PERL|LC_|LANG)/.test(name)

/** struct sock_fprog: how many instructions, and where; PR_SET_SECCOMP with SECCOMP_MODE_FILTER, PR_SET_NO_NEW_PRIVS. */
const script = (noNewPrivileges: boolean): string =>
  [
    `open(F, "<&=${filterDescriptor}") or die "no filter: $!\\n"; binmode F; { local $/; $f = <F> } close F;`,
    'while (($_ = shift) ne "--") { my ($n, $v) = split /=/, $_, 2; $ENV{$n} = $v }',
    '$p = pack("S x6 P", length($f) / 8, $f);',
    ...(noNewPrivileges ? [`syscall(${prctl[process.arch]}, 38, 1, 0, 0, 0);`] : []),
    `syscall(${prctl[process.arch]}, 22, 2, $p) == 0 or die "the seccomp filter cannot be loaded: $!\\n";`,
    'exec { $ARGV[0] } @ARGV or die "$ARGV[0]: $!\\n"',
  ].join(' ')

/**
 * What loads the filter and becomes the program that follows it. It needs the rights over its user namespace, or gives up
 * gaining any. `launch`: a launch folder with perl.
 */
export const filtering = (
  launch: string,
  { noNewPrivileges, variables = [] }: { noNewPrivileges: boolean; variables?: readonly string[] },
): string[] => [...launched(launch, 'perl'), '-e', script(noNewPrivileges), '--', ...variables, '--']

/** The filter that a container asks for; undefined: none. Rejects with what is wrong with a profile of a file, in containerd's words. */
export async function filterOf(
  config: Pick<ContainerConfig, 'seccomp' | 'privileged' | 'capabilities'>,
): Promise<Buffer | undefined> {
  const { seccomp, privileged } = config
  const native = natives[process.arch]
  if (!seccomp || privileged || !native) return undefined
  if (seccomp === 'RuntimeDefault') return assembleFilter(defaultProfile(capabilityTest(config)), native)
  const quoted = JSON.stringify(seccomp.file)
  const text = await readFile(seccomp.file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    const why = error.code === 'ENOENT' ? 'no such file or directory' : error.message
    throw new Error(
      `failed to create containerd container: cannot load seccomp profile ${quoted}: open ${seccomp.file}: ${why}`,
      { cause: error },
    )
  })
  // Read by few, and what reads it is large.
  const { parseProfile } = await import('../../seccomp/profile.ts')
  try {
    return assembleFilter(parseProfile(text), native)
  } catch (error) {
    throw new Error(
      `failed to create containerd container: decoding seccomp profile failed ${quoted}: ${(error as Error).message}`,
      { cause: error },
    )
  }
}
