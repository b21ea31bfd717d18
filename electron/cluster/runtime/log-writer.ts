import { closeSync, fstatSync, mkdirSync, openSync, statSync, writeSync } from 'node:fs'
import path from 'node:path'
import type { Clock } from '../base/clock.ts'

/** containerd's max_container_log_line_size: longer lines are cut into partial records. */
const maxLine = 16 * 1024
const newline = 10

/**
 * A container's log file in the CRI format. The path is looked at before every write, so that a log that was renamed
 * away (rotated) goes on in a new file.
 */
export class LogWriter {
  readonly #file: string
  readonly #now: () => bigint
  #descriptor: number | undefined
  #inode = 0
  #last = 0n

  constructor(file: string, clock: Clock) {
    this.#file = file
    // Wall time plus the monotonic clock's fraction: nanoseconds that never run backwards while the wall clock is set.
    const origin = BigInt(Math.round(clock.now() * 1000)) * 1000n - BigInt(Math.round(clock.monotonic() * 1e6))
    this.#now = () => origin + BigInt(Math.round(clock.monotonic() * 1e6))
    mkdirSync(path.dirname(file), { recursive: true })
    this.#open()
  }

  /** One stream's writer: takes chunks as they come, `end` writes what has no newline. */
  stream(name: 'stdout' | 'stderr'): { write(chunk: Buffer): void; end(): void } {
    let rest: Buffer = Buffer.alloc(0)
    return {
      write: (chunk) => {
        const data = rest.length ? Buffer.concat([rest, chunk]) : chunk
        const parts: Uint8Array[] = []
        let from = 0
        for (;;) {
          const at = data.indexOf(newline, from)
          const end = at < 0 ? data.length : at
          while (end - from > maxLine) {
            this.#record(parts, name, 'P', data.subarray(from, from + maxLine))
            from += maxLine
          }
          if (at < 0) break
          this.#record(parts, name, 'F', data.subarray(from, end))
          from = at + 1
        }
        // A copy: the chunk's memory belongs to the stream.
        rest = Buffer.from(data.subarray(from))
        this.#append(parts)
      },
      end: () => {
        if (!rest.length) return
        const parts: Uint8Array[] = []
        this.#record(parts, name, 'P', rest)
        rest = Buffer.alloc(0)
        this.#append(parts)
      },
    }
  }

  /** A record that has its time already, in nanoseconds since the epoch: one that is too early gets that of the last. */
  write(name: 'stdout' | 'stderr', tag: 'F' | 'P', text: Buffer, at: bigint): void {
    if (at > this.#last) this.#last = at
    this.#append([recordOf(this.#last, name, tag, text)])
  }

  close(): void {
    if (this.#descriptor !== undefined) closeSync(this.#descriptor)
    this.#descriptor = undefined
  }

  #record(parts: Uint8Array[], stream: string, tag: 'F' | 'P', text: Buffer): void {
    const now = this.#now()
    this.#last = now > this.#last ? now : this.#last + 1n
    parts.push(recordOf(this.#last, stream, tag, text))
  }

  #append(parts: readonly Uint8Array[]): void {
    if (!parts.length) return
    const data = Buffer.concat(parts)
    try {
      if (this.#descriptor === undefined || this.#moved()) this.#open()
      for (let written = 0; written < data.length;) written += writeSync(this.#descriptor!, data, written)
    } catch {
      // A full disk or a removed directory loses log lines, never the container.
      this.close()
    }
  }

  #open(): void {
    this.close()
    this.#descriptor = openSync(this.#file, 'a', 0o640)
    this.#inode = fstatSync(this.#descriptor).ino
  }

  #moved(): boolean {
    return statSync(this.#file, { throwIfNoEntry: false })?.ino !== this.#inode
  }
}

const lineEnd = Buffer.from('\n')

const recordOf = (at: bigint, stream: string, tag: string, text: Buffer): Buffer =>
  Buffer.concat([Buffer.from(`${timestamp(at)} ${stream} ${tag} `), text, lineEnd])

function timestamp(at: bigint): string {
  const date = new Date(Number(at / 1_000_000_000n) * 1000).toISOString().slice(0, 19)
  return `${date}.${(at % 1_000_000_000n).toString().padStart(9, '0')}Z`
}
