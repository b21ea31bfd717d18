import { lstat, readdir } from 'node:fs/promises'
import path from 'node:path'

export interface DirectorySize {
  /** In blocks as they are taken. */
  bytes: number
  files: number
}

const blockBytes = 512

/** What lies below a directory on its own file system. Links are counted, not followed; what has several names counts once. */
export async function directorySize(directory: string): Promise<DirectorySize> {
  const sum = { bytes: 0, files: 0 }
  const device = await lstat(directory).then(
    ({ dev }) => dev,
    () => undefined,
  )
  const seen = new Set<number>()
  const walk = async (folder: string): Promise<void> => {
    for (const entry of await readdir(folder, { withFileTypes: true }).catch(() => [])) {
      const target = path.join(folder, entry.name)
      const found = await lstat(target).catch(() => undefined)
      if (!found || found.dev !== device) continue
      if (found.nlink > 1 && !entry.isDirectory()) {
        if (seen.has(found.ino)) continue
        seen.add(found.ino)
      }
      sum.bytes += found.blocks * blockBytes
      sum.files++
      if (entry.isDirectory()) await walk(target)
    }
  }
  await walk(directory)
  return sum
}
