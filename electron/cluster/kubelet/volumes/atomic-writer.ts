import { lstat, mkdir, mkdtemp, open, readdir, readFile, readlink, rename, rm, symlink } from 'node:fs/promises'
import path from 'node:path'

export interface PayloadFile {
  data: Buffer
  mode: number
}

/** Files by their path inside the volume. */
export type Payload = ReadonlyMap<string, PayloadFile>

const dataLink = '..data'

/**
 * Brings a directory to exactly these files, all at once: files lie in a directory of their own, `..data` points to
 * it, and what the container sees are links through `..data`, which is swapped by one rename. Answers whether
 * anything changed. Source: pkg/volume/util/atomic_writer.go.
 */
export async function writeAtomically(directory: string, files: Payload, group?: number): Promise<boolean> {
  const payload = group === undefined ? files : readableByGroup(files)
  for (const file of payload.keys()) validate(file)
  await mkdir(directory, { recursive: true })
  const link = path.join(directory, dataLink)
  const old = await readlink(link).catch(() => undefined)
  if (old !== undefined && (await same(path.join(directory, old), payload))) return false

  const fresh = await mkdtemp(path.join(directory, '..data_'))
  await chmodded(fresh, group === undefined ? 0o755 : 0o2775, group)
  for (const [file, { data, mode }] of payload) {
    const target = path.join(fresh, file)
    await mkdir(path.dirname(target), { recursive: true, mode: 0o755 })
    const handle = await open(target, 'w', mode)
    try {
      await handle.writeFile(data)
      // The mode given to open is cut by the umask.
      await handle.chmod(mode)
      if (group !== undefined) await handle.chown(process.getuid!(), group)
    } finally {
      await handle.close()
    }
  }
  const next = path.join(directory, '..data_tmp')
  await rm(next, { force: true })
  await symlink(path.basename(fresh), next)
  await rename(next, link)

  const visible = new Set([...payload.keys()].map((file) => file.split('/')[0]!))
  for (const name of visible) {
    const target = path.join(directory, name)
    if (!(await lstat(target).catch(() => undefined))) await symlink(path.join(dataLink, name), target)
  }
  for (const name of await readdir(directory)) {
    const stale = name.startsWith('..') ? name !== dataLink && name !== path.basename(fresh) : !visible.has(name)
    if (stale) await rm(path.join(directory, name), { recursive: true, force: true })
  }
  return true
}

/** As for all volumes that a pod only reads. Source: pkg/volume/volume_linux.go. */
const readableByGroup = (files: Payload): Payload =>
  new Map([...files].map(([name, { data, mode }]) => [name, { data, mode: mode | 0o440 }]))

async function chmodded(target: string, mode: number, group: number | undefined): Promise<void> {
  const handle = await open(target)
  try {
    await handle.chmod(mode)
    if (group !== undefined) await handle.chown(process.getuid!(), group)
  } finally {
    await handle.close()
  }
}

async function same(directory: string, payload: Payload): Promise<boolean> {
  const found = await readdir(directory, { recursive: true, withFileTypes: true }).catch(() => [])
  const files = found.filter((entry) => entry.isFile())
  if (files.length !== payload.size) return false
  for (const entry of files) {
    const absolute = path.join(entry.parentPath, entry.name)
    const wanted = payload.get(path.relative(directory, absolute).split(path.sep).join('/'))
    if (!wanted) return false
    if (((await lstat(absolute)).mode & 0o777) !== (wanted.mode & 0o777)) return false
    if (!wanted.data.equals(await readFile(absolute))) return false
  }
  return true
}

function validate(file: string): void {
  const parts = file.split('/')
  if (!file || path.isAbsolute(file) || parts.includes('..') || parts[0]!.startsWith('..')) {
    throw new Error(`invalid path: ${JSON.stringify(file)}`)
  }
}
