import { chmodSync, chownSync, mkdirSync, rmSync, statSync } from 'node:fs'
import path from 'node:path'
import { findProgram, quote, run } from '../isolation/programs.ts'

/**
 * How layers become one tree: `overlay` keeps what each adds and has the kernel show them as one, inside a mount namespace
 * of who looks, so that no mount is ever left on the machine; `copy`, where the kernel or the disk refuses that, keeps
 * for each layer the whole tree up to it, of hard links where nothing changes.
 */
export type Stacking = 'overlay' | 'copy'

/** Keeps libmount from the newer system calls, which take only 256 bytes of an option. */
const mountVariables = 'LIBMOUNT_FORCE_MOUNT2=always'

/** Directories of one overlay. Paths are relative to where the layers lie: all have to fit into a page. */
export interface Overlay {
  /** The lowest first. */
  layers: readonly string[]
  /** Absent: nothing can be written, and there are two layers at least. */
  writable?: { upper: string; work: string }
  merged: string
}

/** Lines of a shell that mount it. They may end the shell. */
export function overlayLines(snapshots: string, { layers, writable, merged }: Overlay): string[] {
  const options = [
    `lowerdir=${layers.toReversed().join(':')}`,
    ...(writable
      ? [`upperdir=${path.relative(snapshots, writable.upper)}`, `workdir=${path.relative(snapshots, writable.work)}`]
      : []),
  ]
  return [
    `cd ${quote(snapshots)} || exit 125`,
    `${mountVariables} ${quote(findProgram('mount') ?? 'mount')} -t overlay -o ${quote(['nodev', ...options].join())} overlay ${quote(merged)} || exit 125`,
  ]
}

/** A program in a mount namespace of its own, after these lines. */
export const inNamespace = (before: readonly string[], program: readonly string[]): string[] => [
  findProgram('unshare') ?? 'unshare',
  '--mount',
  '--propagation',
  'private',
  'sh',
  '-c',
  [...before, 'exec "$@"'].join('\n'),
  'sh',
  ...program,
]

/** A directory that shows itself as the one below does, whose place it takes in an overlay. */
export function makeUpper(upper: string, below: string): void {
  const { mode, uid, gid } = statSync(below)
  mkdirSync(upper, { recursive: true })
  chownSync(upper, uid, gid)
  chmodSync(upper, mode & 0o7777)
}

/** Mounts a small overlay on the disk in question, and writes to it. */
export async function chooseStacking(directory: string): Promise<Stacking> {
  const trial = path.join(directory, 'trial')
  const [lower, upper, work, merged] = ['lower', 'upper', 'work', 'merged'].map((name) => path.join(trial, name))
  rmSync(trial, { recursive: true, force: true })
  for (const folder of [lower!, path.join(lower!, 'hidden'), upper!, work!, merged!])
    mkdirSync(folder, { recursive: true })
  const overlay = { layers: ['lower'], writable: { upper: upper!, work: work! }, merged: merged! }
  const hidden = quote(path.join(merged!, 'hidden'))
  const script = [
    ...overlayLines(trial, overlay),
    // Taking away and making again is what not every file system lets an overlay note down.
    `rmdir ${hidden} && mkdir ${hidden}`,
  ]
  try {
    const unshare = findProgram('unshare') ?? 'unshare'
    await run(unshare, ['--mount', '--propagation', 'private', 'sh', '-c', script.join('\n')])
    return 'overlay'
  } catch {
    return 'copy'
  } finally {
    rmSync(trial, { recursive: true, force: true })
  }
}
