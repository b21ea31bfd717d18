import { statSync } from 'node:fs'
import type { Mount } from '../api.ts'
import type { PlacedMount } from './isolation/isolation.ts'
import { holdingMount } from './isolation/mount-flags.ts'
import { quote } from './isolation/programs.ts'

/** A folder that machines have on a file system of its own, and that containers get another one for. */
const stage = '/dev/shm'

/**
 * Copies of what mounts are to pass through, and the lines of a shell that make them, run where all mounts are still in
 * their peer groups. A container's root is put together beside them without anybody seeing it: what it is mounted on,
 * below `directory`, and where the copies are leave their groups first.
 */
export function stageMounts(
  mounts: readonly Mount[],
  directory: string,
): { staged: ReadonlyMap<Mount, PlacedMount>; lines: readonly string[] } {
  const staged = new Map<Mount, PlacedMount>()
  const lines: string[] = []
  for (const mount of mounts) {
    if (!mount.propagation) continue
    const { hostPath, containerPath: to, readOnly, propagation } = mount
    const from = `${stage}/${staged.size}`
    const isDirectory = statSync(hostPath).isDirectory()
    staged.set(mount, { from, to, readOnly, directory: isDirectory, propagates: true })
    lines.push(
      isDirectory ? `mkdir ${from}` : `: > ${from}`,
      `mount --rbind ${quote(hostPath)} ${from}`,
      ...(propagation === 'HostToContainer' ? [`mount --make-rslave ${from}`] : []),
    )
  }
  if (!staged.size) return { staged, lines }
  const alone = [
    `mount --make-private ${quote(holdingMount(stage).point)}`,
    `mount -t tmpfs -o mode=755,size=64k tmpfs ${stage}`,
    ...lines,
    `mount --make-private ${quote(holdingMount(directory).point)}`,
  ]
  return { staged, lines: alone }
}
