import { execFile } from 'node:child_process'
import { chmod, chown, mkdir, readFile, stat } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'
import { parseQuantity, valueOf } from '#shared/kube/quantity.ts'

const run = promisify(execFile)
const mayMount = process.platform === 'linux' && process.getuid?.() === 0

/** An emptyDir. In memory where the agent may mount a tmpfs, else on disk: its contents last as long either way. */
export async function prepareEmptyDir(
  directory: string,
  { medium, sizeLimit }: { readonly medium?: string; readonly sizeLimit?: string },
  /** Bytes that a volume in memory may take at most. */
  memory: number,
  group: number | undefined,
): Promise<void> {
  await mkdir(directory, { recursive: true })
  if (medium === 'Memory' && mayMount && !(await isMountPoint(directory))) {
    const size = Math.min(memory, (sizeLimit && valueOf(parseQuantity(sizeLimit))) || Infinity)
    const limit = Number.isFinite(size) ? `,size=${size}` : ''
    await run('mount', ['-t', 'tmpfs', '-o', `mode=0777${limit}`, 'tmpfs', directory])
  }
  await chmod(directory, group === undefined ? 0o777 : 0o2777)
  if (group !== undefined && process.getuid?.() === 0) await chown(directory, 0, group)
}

export async function unmount(directory: string): Promise<void> {
  if (mayMount && (await isMountPoint(directory))) await run('umount', [directory])
}

/**
 * Takes all mounts below a directory away, so that it can be removed. Lazily: containers that still run have mounts of
 * their own and keep them.
 */
export async function unmountBelow(directory: string): Promise<void> {
  if (!mayMount) return
  const mounts = await readFile('/proc/self/mounts', 'utf8').catch(() => '')
  const points = mounts.split('\n').map((line) => (line.split(' ')[1] ?? '').replace(/\\040/g, ' '))
  for (const point of points.filter((one) => one.startsWith(`${directory}/`))) {
    await run('umount', ['-l', point]).catch(() => {})
  }
}

/** A mount point is on another device than its parent. */
async function isMountPoint(directory: string): Promise<boolean> {
  const [own, parent] = await Promise.all([stat(directory), stat(path.dirname(directory))]).catch(() => [])
  return own !== undefined && parent !== undefined && own.dev !== parent.dev
}
