import { createHash } from 'node:crypto'
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs'
import { gunzipSync, gzipSync } from 'node:zlib'
import type { Remembered } from '../data-directory.ts'
import { ClusterFailure } from '../failure.ts'
import { entryLine, linesOf, parseEntryLine, type Dump, type DumpedEntry } from '../store/dump.ts'

const format = 'wheelhouse snapshot'
const version = 1
/** Text is compressed in pieces of about this size, each a gzip member of its own. */
const pieceSize = 8 * 1024 * 1024

export interface Snapshot extends Dump {
  /** The cluster's keys: file name in the folder pki, and content. */
  readonly keys: Readonly<Record<string, string>>
  readonly host: Remembered
}

/** Replaces the file as a whole; it is readable by its owner only, since the cluster's keys are in it. */
export function writeSnapshot(file: string, snapshot: Snapshot, now: number): void {
  const part = `${file}.part`
  const handle = openSync(part, 'w', 0o600)
  try {
    for (const piece of compressed(snapshot, now)) writeSync(handle, piece)
    fsyncSync(handle)
  } catch (error) {
    rmSync(part, { force: true })
    throw error
  } finally {
    closeSync(handle)
  }
  renameSync(part, file)
}

function* compressed(snapshot: Snapshot, now: number): Iterable<Buffer> {
  const hash = createHash('sha256')
  let text: Buffer[] = []
  let size = 0
  for (const bytes of linesOfSnapshot(snapshot, now)) {
    hash.update(bytes)
    text.push(bytes)
    size += bytes.length
    if (size < pieceSize) continue
    yield gzipSync(Buffer.concat(text))
    text = []
    size = 0
  }
  text.push(line({ sha256: hash.digest('hex') }))
  yield gzipSync(Buffer.concat(text))
}

function* linesOfSnapshot({ revision, entries, keys, host }: Snapshot, now: number): Iterable<Buffer> {
  const files = Object.entries(keys)
  const taken = new Date(now).toISOString()
  yield line({ format, version, taken, revision, entries: entries.length, keys: files.length, host })
  for (const [name, content] of files) yield line({ name, content })
  for (const entry of entries) yield* entryLine(entry)
}

const line = (value: object): Buffer => Buffer.from(`${JSON.stringify(value)}\n`)

/** Reads and checks all of a snapshot. Throws ClusterFailure: nothing that is damaged is ever used in part. */
export function readSnapshot(file: string): Snapshot {
  const bytes = readWhole(file)
  try {
    return parse(gunzipSync(bytes))
  } catch (error) {
    throw new ClusterFailure(
      `${file} is no whole snapshot: ${(error as Error).message}.`,
      'Take another copy of it, or another snapshot.',
      error,
    )
  }
}

function readWhole(file: string): Buffer {
  try {
    return readFileSync(file)
  } catch (error) {
    throw new ClusterFailure(`${file} cannot be read: ${(error as Error).message}.`, 'Name a snapshot file.', error)
  }
}

function parse(text: Buffer): Snapshot {
  const lines = [...linesOf(text)]
  const last = lines.pop()
  if (!last) throw new Error('it is empty')
  const head = JSON.parse((lines[0] ?? '{}').toString()) as Record<string, unknown>
  if (head['format'] !== format) throw new Error('it is something else')
  if (head['version'] !== version) throw new Error(`its format ${String(head['version'])} is of another version`)
  const checked = text.subarray(0, text.length - last.length - 1)
  const { sha256 } = JSON.parse(last.toString()) as { sha256?: string }
  if (createHash('sha256').update(checked).digest('hex') !== sha256) throw new Error('its checksum does not match')
  const { revision, host, keys: keyCount } = head as unknown as { revision: number; host: Remembered; keys: number }
  const keys = Object.fromEntries(
    lines.slice(1, 1 + keyCount).map((bytes) => {
      const { name, content } = JSON.parse(bytes.toString()) as { name: string; content: string }
      if (!/^[A-Za-z0-9_.-]+$/.test(name) || name.startsWith('.')) throw new Error(`${name} is no name of a key`)
      return [name, content]
    }),
  )
  const entries: DumpedEntry[] = lines.slice(1 + keyCount).map(parseEntryLine)
  return { revision, entries, keys, host }
}
