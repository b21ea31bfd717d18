import { createWriteStream, mkdirSync, statSync, type WriteStream } from 'node:fs'
import { readdir, rename, rm } from 'node:fs/promises'
import path from 'node:path'
import type { Clock } from '../../base/clock.ts'
import type { Logger } from '../../base/logger.ts'

export interface AuditLog extends AsyncDisposable {
  /** One event, without a line's end. Never waits: what the disk is too slow for is dropped, and the log says so. */
  write(line: string): void
}

export interface AuditLogDeps {
  clock: Pick<Clock, 'now'>
  logger: Logger
  /** Such as DATA/audit/audit.log; older ones lie beside it. */
  file: string
  /** Bytes of one file, bytes that may wait for the disk, and how many old files stay. */
  limits?: { size: number; waiting: number; kept: number }
}

const usual = { size: 100 << 20, waiting: 16 << 20, kept: 10 }

/** Appends lines to a file, and begins a new one when it is large. Only its owner may read it. */
export function openAuditLog({ clock, logger, file, limits = usual }: AuditLogDeps): AuditLog {
  const folder = path.dirname(file)
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  let size = sizeOf(file)
  let dropped = 0
  let broken = false
  let turning: Promise<void> | undefined
  let kept: string[] = []
  let stream = open()

  function open(): WriteStream {
    const opened = createWriteStream(file, { flags: 'a', mode: 0o600 })
    // It does not come back from that, but the disk may.
    opened.on('error', (error) => {
      if (!broken) logger.error('the audit log cannot be written: events are lost', { file, error: error.message })
      broken = true
    })
    return opened
  }

  const put = (text: string) => {
    if (stream.destroyed) stream = open()
    size += Buffer.byteLength(text)
    stream.write(text, (error) => {
      if (error || !broken) return
      broken = false
      logger.warn('the audit log can be written again', { file })
    })
  }

  /** Events that come while the files change places wait in memory. */
  async function turn(): Promise<void> {
    await new Promise<void>((resolve) => stream.end(resolve))
    const stamp = new Date(clock.now()).toISOString().replaceAll(':', '-')
    await rename(file, file.replace(/\.log$/, `-${stamp}.log`))
    const old = (await readdir(folder)).filter((name) => /-\d{4}-.*Z\.log$/.test(name)).sort()
    await Promise.all(old.slice(0, -limits.kept).map((name) => rm(path.join(folder, name), { force: true })))
  }

  function turnOver(): void {
    turning = turn()
      .catch((error: unknown) => logger.error('the audit log cannot be turned over', { file, error: String(error) }))
      .then(() => {
        size = sizeOf(file)
        stream = open()
        turning = undefined
        const waiting = kept
        kept = []
        for (const text of waiting) put(text)
      })
  }

  return {
    write(line) {
      const waiting = stream.writableLength + kept.reduce((sum, text) => sum + text.length, 0)
      if (waiting > limits.waiting) {
        if (dropped++ === 0) logger.warn('the disk is too slow for the audit log: events are lost', { file })
        return
      }
      if (dropped) {
        logger.warn('the audit log goes on', { file, lost: dropped })
        dropped = 0
      }
      if (turning) kept.push(`${line}\n`)
      else put(`${line}\n`)
      if (!turning && size > limits.size) turnOver()
    },
    async [Symbol.asyncDispose]() {
      await turning
      await new Promise<void>((resolve) => stream.end(resolve))
    },
  }
}

function sizeOf(file: string): number {
  try {
    return statSync(file).size
  } catch {
    return 0
  }
}
