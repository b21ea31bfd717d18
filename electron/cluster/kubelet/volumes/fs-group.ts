import { chmod, lchown, lstat, readdir } from 'node:fs/promises'
import path from 'node:path'

export type ChangePolicy = 'Always' | 'OnRootMismatch'

const setGid = 0o2000

/**
 * Makes everything in a volume the group's, readable and writable for it, and what is made there later likewise.
 * Source: pkg/volume/volume_linux.go.
 */
export async function giveToGroup(directory: string, group: number, policy: ChangePolicy): Promise<void> {
  if (policy === 'OnRootMismatch') {
    const { gid, mode } = await lstat(directory)
    if (gid === group && (mode & (setGid | 0o770)) === (setGid | 0o770)) return
  }
  await give(directory, group)
}

async function give(target: string, group: number): Promise<void> {
  const found = await lstat(target)
  if (found.isDirectory()) for (const name of await readdir(target)) await give(path.join(target, name), group)
  await lchown(target, found.uid, group)
  // A link has no mode of its own.
  if (found.isSymbolicLink()) return
  await chmod(target, (found.mode & 0o7777) | (found.isDirectory() ? setGid | 0o770 : 0o660))
}
