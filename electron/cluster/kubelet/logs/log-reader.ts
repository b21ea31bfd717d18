import { once } from 'node:events'
import { watch } from 'node:fs'
import { open, stat, type FileHandle } from 'node:fs/promises'
import type { Writable } from 'node:stream'
import type { Clock } from '../../base/clock.ts'
import { parseLine } from './cri-line.ts'

export interface LogOptions {
  follow?: boolean
  /** Only so many of the last lines. */
  tailLines?: number
  /** Only lines from this time on, in milliseconds since the epoch. */
  since?: number
  timestamps?: boolean
  limitBytes?: number
  stream?: 'stdout' | 'stderr'
}

export interface LogSource {
  /** The CRI log file. */
  path: string
  /** While it is, a followed log goes on. */
  isRunning(): Promise<boolean>
  clock: Clock
  signal: AbortSignal
}

const newline = 0x0a
const chunkSize = 64 * 1024
/** How often a followed file is looked at when the system reports no change, and whether its container still runs. */
const pollInterval = 1000

/**
 * Writes the lines of a log file as kubectl shows them, at the pace of the reader. Ends at the end of the file or,
 * when following, at the end of the container.
 */
export async function readLogs(source: LogSource, options: LogOptions, to: Writable): Promise<void> {
  let file = await open(source.path)
  const changes = options.follow ? watchFile(source) : undefined
  const formatter = new LineFormatter(options)
  try {
    let offset = options.tailLines === undefined ? 0 : await tailOffset(file, options.tailLines)
    let rest: Buffer = Buffer.alloc(0)
    for (let last = !options.follow; ;) {
      const chunk = Buffer.allocUnsafe(chunkSize)
      const { bytesRead } = await file.read(chunk, 0, chunkSize, offset)
      offset += bytesRead
      if (bytesRead) {
        const bytes = rest.length ? Buffer.concat([rest, chunk.subarray(0, bytesRead)]) : chunk.subarray(0, bytesRead)
        const end = bytes.lastIndexOf(newline) + 1
        rest = bytes.subarray(end)
        if (!(await send(formatter.format(bytes.subarray(0, end)), to, source.signal)) || formatter.full) return
        continue
      }
      if (last) {
        await send(formatter.format(rest), to, source.signal)
        return
      }
      const next = await reopened(file, source.path, offset)
      if (next) {
        await file.close()
        file = next
        offset = 0
        continue
      }
      if (source.signal.aborted || to.destroyed) return
      // What the container wrote last is read before the log is over.
      if (!(await source.isRunning())) last = true
      else await changes!.next()
    }
  } finally {
    changes?.close()
    await file.close()
  }
}

async function send(bytes: Buffer, to: Writable, signal: AbortSignal): Promise<boolean> {
  if (signal.aborted || to.destroyed) return false
  if (!bytes.length || to.write(bytes)) return true
  await Promise.race([once(to, 'drain', { signal }), once(to, 'close', { signal })]).catch(() => {})
  return !signal.aborted && !to.destroyed
}

/** Formats whole lines; remembers across calls what a partial line needs. */
class LineFormatter {
  readonly #options: LogOptions
  #left: number
  #atLineStart = true

  constructor(options: LogOptions) {
    this.#options = options
    this.#left = options.limitBytes ?? Infinity
  }

  get full(): boolean {
    return this.#left <= 0
  }

  format(lines: Buffer): Buffer {
    const pieces: Buffer[] = []
    const { since, timestamps, stream } = this.#options
    for (let start = 0; start < lines.length && !this.full;) {
      const found = lines.indexOf(newline, start)
      const end = found < 0 ? lines.length : found
      const line = parseLine(lines.subarray(start, end))
      start = end + 1
      if (!line || (stream && line.stream !== stream)) continue
      if (since !== undefined && Date.parse(line.time.toString('latin1')) < since) continue
      if (timestamps && this.#atLineStart) this.#push(pieces, Buffer.concat([line.time, Buffer.from(' ')]))
      this.#push(pieces, line.content)
      if (line.complete) this.#push(pieces, lineEnd)
      this.#atLineStart = line.complete
    }
    return Buffer.concat(pieces)
  }

  #push(pieces: Buffer[], bytes: Buffer): void {
    const piece = bytes.length > this.#left ? bytes.subarray(0, this.#left) : bytes
    this.#left -= piece.length
    pieces.push(piece)
  }
}

const lineEnd = Buffer.from('\n')

/** Where the last so many lines begin. */
async function tailOffset(file: FileHandle, lines: number): Promise<number> {
  const { size } = await file.stat()
  if (lines <= 0) return size
  let left = lines
  let end = size
  const chunk = Buffer.allocUnsafe(chunkSize)
  while (end > 0) {
    const start = Math.max(0, end - chunkSize)
    const { bytesRead } = await file.read(chunk, 0, end - start, start)
    for (
      let at = chunk.subarray(0, bytesRead).lastIndexOf(newline);
      at >= 0;
      at = at ? chunk.lastIndexOf(newline, at - 1) : -1
    ) {
      // The newline that ends the file ends its last line and begins none.
      if (start + at === size - 1) continue
      if (--left === 0) return start + at + 1
    }
    end = start
  }
  return 0
}

/** The new file after a rotation: another inode, or one that has been cut. */
async function reopened(file: FileHandle, path: string, offset: number): Promise<FileHandle | undefined> {
  const [now, own] = await Promise.all([stat(path).catch(() => undefined), file.stat()])
  if (!now || (now.ino === own.ino && now.size >= offset)) return undefined
  return open(path)
}

/** Wakes the reader at changes of the file, and once in a while. */
function watchFile({ path, clock, signal }: LogSource): { next(): Promise<void>; close(): void } {
  let changed = false
  let wake: (() => void) | undefined
  const notify = () => {
    changed = true
    wake?.()
  }
  const watcher = watch(path, notify)
  watcher.on('error', () => watcher.close())
  signal.addEventListener('abort', notify, { once: true })
  return {
    async next() {
      if (!changed) {
        await new Promise<void>((resolve) => {
          const cancel = clock.after(pollInterval, resolve)
          wake = () => {
            cancel()
            resolve()
          }
        })
      }
      wake = undefined
      changed = false
    },
    close() {
      watcher.close()
      signal.removeEventListener('abort', notify)
    },
  }
}

/** The end of a log, at most so many lines and bytes: for termination messages. */
export async function lastLines(path: string, lines: number, limit: number): Promise<string> {
  const file = await open(path)
  try {
    const offset = await tailOffset(file, lines)
    const { size } = await file.stat()
    const bytes = Buffer.alloc(size - offset)
    await file.read(bytes, 0, bytes.length, offset)
    const text = new LineFormatter({}).format(bytes)
    return text.subarray(Math.max(0, text.length - limit)).toString('utf8')
  } finally {
    await file.close()
  }
}
