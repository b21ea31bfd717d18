import { mkdir, open, stat } from 'node:fs/promises'
import path from 'node:path'

/** Checks (and makes, where the type says so) a hostPath. Source: pkg/volume/hostpath. */
export async function prepareHostPath(target: string, type = ''): Promise<void> {
  const found = await stat(target).catch(() => undefined)
  if (type === 'DirectoryOrCreate' && !found) return void (await mkdir(target, { recursive: true, mode: 0o755 }))
  if (type === 'FileOrCreate' && !found) {
    if (!(await stat(path.dirname(target)).catch(() => undefined))) throw failed(target, 'is not a file')
    return (await open(target, 'a', 0o644)).close()
  }
  const checks: Record<string, [boolean | undefined, string]> = {
    Directory: [found?.isDirectory(), 'a directory'],
    DirectoryOrCreate: [found?.isDirectory(), 'a directory'],
    File: [found?.isFile(), 'a file'],
    FileOrCreate: [found?.isFile(), 'a file'],
    Socket: [found?.isSocket(), 'a socket file'],
    CharDevice: [found?.isCharacterDevice(), 'a character device'],
    BlockDevice: [found?.isBlockDevice(), 'a block device'],
  }
  const [holds, what] = checks[type] ?? [true, '']
  if (!holds) throw failed(target, `is not ${what}`)
  // With no type, a missing path is made by the runtime, as a directory.
  if (!type && !found) await mkdir(target, { recursive: true, mode: 0o755 })
}

const failed = (target: string, why: string): Error => new Error(`hostPath type check failed: ${target} ${why}`)
