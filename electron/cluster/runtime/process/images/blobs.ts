import type { Hash } from 'node:crypto'
import { createReadStream, mkdirSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs'
import { open, type FileHandle } from 'node:fs/promises'
import path from 'node:path'
import type { Readable } from 'node:stream'
import { backoffDelay } from '../../../base/backoff.ts'
import type { Clock } from '../../../base/clock.ts'
import { ImagePullError } from '../../api.ts'
import { hashFor } from './digest.ts'
import type { Descriptor } from './manifest.ts'
import { SharedFlights } from './shared-flights.ts'

/** Where bytes come from: those from `from` on, or all; `offset` says which. */
export type BlobSource = (from: number, signal: AbortSignal) => Promise<{ body: Readable; offset: number }>

/** An attempt that brought less than this counts as one that brought nothing. */
const progressBytes = 64 * 1024
const fruitlessAttempts = 5
const delays = { initial: 500, max: 15_000 }

/**
 * Blobs by digest in a directory, written beside it and put there once they are whole and their digest is right. What was
 * interrupted goes on where it stopped.
 */
export class BlobStore {
  readonly #directory: string
  readonly #clock: Clock
  readonly #flights = new SharedFlights<string>()
  #uses = 0

  constructor(directory: string, clock: Clock) {
    this.#directory = directory
    this.#clock = clock
    // What an earlier process did not use up, nobody comes back for.
    rmSync(directory, { recursive: true, force: true })
    mkdirSync(directory, { recursive: true, mode: 0o700 })
  }

  /** Marks a pull as in progress, until the answer is called: nothing is cleared meanwhile. */
  hold(): () => void {
    this.#uses++
    return () => void this.#uses--
  }

  /** Nobody holds it. */
  get idle(): boolean {
    return this.#uses === 0
  }

  /** Removes everything, parts included; false while somebody holds it. */
  clear(): boolean {
    if (!this.idle) return false
    for (const name of readdirSync(this.#directory)) rmSync(path.join(this.#directory, name), { force: true })
    return true
  }

  file(digest: string): string {
    return path.join(this.#directory, digest.replace(':', '-'))
  }

  remove(digest: string): void {
    rmSync(this.file(digest), { force: true })
  }

  /**
   * Resolves with the file that holds the blob. `onBytes` hears how many bytes are there by now. Rejects with
   * ImagePullError when the content is not what its descriptor says; nothing of it is left then.
   */
  fetch(
    blob: Descriptor,
    source: BlobSource,
    { onBytes = () => {}, signal }: { onBytes?: (bytes: number) => void; signal?: AbortSignal } = {},
  ): Promise<string> {
    const file = this.file(blob.digest)
    if (statSync(file, { throwIfNoEntry: false })?.size === blob.size) {
      onBytes(blob.size)
      return Promise.resolve(file)
    }
    return this.#flights.join(blob.digest, signal, async (stop) => {
      await this.#download(blob, `${file}.part`, source, onBytes, stop)
      renameSync(`${file}.part`, file)
      return file
    })
  }

  async #download(
    blob: Descriptor,
    part: string,
    source: BlobSource,
    onBytes: (bytes: number) => void,
    signal: AbortSignal,
  ): Promise<void> {
    for (let fruitless = 0; ;) {
      const before = statSync(part, { throwIfNoEntry: false })?.size ?? 0
      try {
        if (await this.#attempt(blob, part, source, onBytes, signal)) return
        throw new Error(`the registry ended ${blob.digest} early`)
      } catch (error) {
        signal.throwIfAborted()
        if (error instanceof ImagePullError) {
          rmSync(part, { force: true })
          throw error
        }
        if (!isPassing(error as NodeJS.ErrnoException)) throw error
        const brought = (statSync(part, { throwIfNoEntry: false })?.size ?? 0) - before
        fruitless = brought >= progressBytes ? 0 : fruitless + 1
        if (fruitless >= fruitlessAttempts) throw error
        await this.#clock.sleep(backoffDelay(fruitless, delays), signal)
      }
    }
  }

  /** Whether the blob is whole; rejects when it is wrong. */
  async #attempt(
    { digest, size }: Descriptor,
    part: string,
    source: BlobSource,
    onBytes: (bytes: number) => void,
    signal: AbortSignal,
  ): Promise<boolean> {
    const have = statSync(part, { throwIfNoEntry: false })?.size ?? 0
    const { body, offset } = await source(have < size ? have : 0, signal)
    const hash = hashFor(digest)
    let written = 0
    const file = await open(part, offset === have && have ? 'r+' : 'w', 0o600)
    try {
      if (offset === have && have) written = await rehash(part, hash)
      else if (offset)
        throw new ImagePullError(`the registry answers with bytes from ${offset} on, where ${have} are there`)
      for await (const chunk of body as AsyncIterable<Buffer>) {
        signal.throwIfAborted()
        if (written + chunk.length > size)
          throw new ImagePullError(`${digest} is longer than the ${size} bytes it should have`)
        await writeAll(file, chunk, written)
        hash.update(chunk)
        written += chunk.length
        onBytes(written)
      }
    } finally {
      body.destroy()
      await file.close()
    }
    if (written < size) return false
    const found = `${digest.split(':')[0]}:${hash.digest('hex')}`
    if (found !== digest) throw new ImagePullError(`the content of ${digest} has the digest ${found}`)
    return true
  }
}

async function rehash(part: string, hash: Hash): Promise<number> {
  let size = 0
  for await (const chunk of createReadStream(part) as AsyncIterable<Buffer>) {
    hash.update(chunk)
    size += chunk.length
  }
  return size
}

async function writeAll(file: FileHandle, chunk: Buffer, at: number): Promise<void> {
  for (let done = 0; done < chunk.length;)
    done += (await file.write(chunk, done, chunk.length - done, at + done)).bytesWritten
}

/** Failures of the network, in contrast to those of this machine's disk. */
const isPassing = ({ code = '' }: NodeJS.ErrnoException): boolean =>
  !/^(ENOSPC|EDQUOT|EROFS|EIO|EACCES|EPERM|ENOENT|EMFILE|ENFILE)$/.test(code)
