import { closeSync, existsSync, fsyncSync, openSync, rmSync, statfsSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import { open, type Database, type RootDatabase } from 'lmdb'
import { CommitError, StoreOpenError, type StoreEvent } from './api.ts'
import { findDamage } from './lmdb-check.ts'

/** Before a value: checksum of all that follows and of the key (4 bytes), revision (6), revision of the creation (6). */
const headerSize = 16
const dataFile = 'data.mdb'
const stateKey = 'state'
const formatVersion = 1
/**
 * With less room than this nothing is written: a write that fails for want of it can damage the memory of LMDB's writer. A
 * write that failed is blamed on the full disk then: LMDB reports a short write as an I/O error.
 */
const scarceBytes = 4 * 1024 * 1024
/** What a group takes of the disk at most, in its own size: pages are not full, and those above them are written too. */
const growth = 2

type Visit = (key: string, value: Buffer, revision: number, created: number) => void

/** The LMDB environment of one store directory: what is in it, and how groups of writes get there. */
export class LmdbFile {
  readonly #directory: string
  readonly #root: RootDatabase<Buffer, string>
  readonly #data: Database<Buffer, string>
  /** Where the records of the group that is being committed lie; LMDB's writer thread reads them here. */
  #scratch = Buffer.allocUnsafeSlow(256 * 1024)
  #lastFailed = false

  private constructor(directory: string) {
    this.#directory = directory
    this.#root = open<Buffer, string>({
      path: directory,
      encoding: 'binary',
      maxDbs: 2,
      // Else a commit and its flush are two events, and the first one resolves.
      overlappingSync: false,
      // Else lmdb wraps each batch in another one whose failure is an unhandled rejection.
      eventTurnBatching: false,
    })
    // A codec of one's own is handed LMDB's memory, so that loading copies each value once.
    const options = { name: 'data', encoder: { encode: (record: Buffer) => record, decode: viewOf } }
    this.#data = this.#root.openDB<Buffer, string>(options)
  }

  /** The caller holds the lock of the directory. Makes what is absent; rejects with StoreOpenError. */
  static open(directory: string): LmdbFile {
    const path = join(directory, dataFile)
    const marker = join(directory, 'FORMAT')
    const isNew = !existsSync(path) && !existsSync(marker)
    try {
      if (!isNew) refuseDamage(path)
      // It is for several processes, and would bring back what one that was killed left in it.
      rmSync(join(directory, 'lock.mdb'), { force: true })
      const file = new LmdbFile(directory)
      if (!existsSync(marker)) {
        // From now on an absent data file is a loss and not a beginning.
        writeFileSync(marker, `wheelhouse store, LMDB, format ${formatVersion}\n`)
        syncDirectory(directory)
      }
      return file
    } catch (error) {
      throw error instanceof StoreOpenError ? error : damaged(path, (error as Error).message, error)
    }
  }

  /** Visits every entry and returns the newest revision. The value passed is only valid during the visit. */
  load(visit: Visit): number {
    const path = join(this.#directory, dataFile)
    try {
      const state = this.#root.get(stateKey)
      const { entryCount } = this.#data.getStats() as { entryCount: number }
      if (!state) {
        if (entryCount) throw new Error('its revision is missing')
        return 1
      }
      verify(stateKey, state)
      const newest = state.readUIntLE(4, 6)
      let count = 0
      for (const { key, value } of this.#data.getRange()) {
        verify(key, value)
        const revision = value.readUIntLE(4, 6)
        if (revision > newest) throw new Error(`${key} is newer than the store`)
        visit(key, value.subarray(headerSize), revision, value.readUIntLE(10, 6))
        count++
      }
      if (count !== entryCount) throw new Error(`it holds ${count} of ${entryCount} entries`)
      return newest
    } catch (error) {
      throw damaged(path, (error as Error).message, error)
    }
  }

  async commit(events: readonly StoreEvent[], revision: number): Promise<void> {
    const records = this.#encode(events, revision)
    const size = records.reduce((sum, record) => sum + record.length, 0)
    if (this.#room() < scarceBytes + growth * size) throw this.#full()
    // Nothing in here may throw: an exception in a batch commits what was put before it.
    const put = () => {
      for (const [index, { type, key }] of events.entries()) {
        if (type === 'put') void this.#data.put(key, records[index]!)
        else void this.#data.remove(key)
      }
      void this.#root.put(stateKey, records.at(-1)!)
    }
    try {
      // lmdb's writer thread commits and syncs while this thread goes on. But when it cannot even begin a transaction (LMDB
      // refuses everything after a failed write of its header) it never settles, so after a failure the synchronous way,
      // which throws, has to succeed first.
      if (this.#lastFailed) this.#root.transactionSync(() => put())
      else await this.#root.batch(put)
      this.#lastFailed = false
    } catch (error) {
      this.#lastFailed = true
      throw this.#explain(await causeOf(error as Error))
    }
  }

  async close(): Promise<void> {
    await this.#root.close()
  }

  #encode(events: readonly StoreEvent[], revision: number): Buffer[] {
    let size = headerSize
    for (const { type, entry } of events) if (type === 'put') size += headerSize + entry.value.length
    if (size > this.#scratch.length) this.#scratch = Buffer.allocUnsafeSlow(size * 2)
    let used = 0
    const record = (key: string, value: Buffer | undefined, at: number, created: number): Buffer => {
      const bytes = this.#scratch.subarray(used, used + headerSize + (value?.length ?? 0))
      used += bytes.length
      bytes.writeUIntLE(at, 4, 6)
      bytes.writeUIntLE(created, 10, 6)
      if (value) bytes.set(value, headerSize)
      bytes.writeUInt32LE(checksum(key, bytes), 0)
      return bytes
    }
    const records = events.map(({ type, key, entry }) =>
      type === 'put' ? record(key, entry.value, entry.revision, entry.created) : this.#scratch.subarray(0, 0),
    )
    records.push(record(stateKey, undefined, revision, formatVersion))
    return records
  }

  /** Bytes that are free on the disk. */
  #room(): number {
    const { bavail, bsize } = statfsSync(this.#directory)
    return bavail * bsize
  }

  #explain(cause: Error): CommitError {
    if ((cause as { code?: unknown }).code === 28 || this.#room() < scarceBytes) return this.#full(cause)
    return new CommitError(
      `writing to ${this.#directory} failed: ${cause.message}`,
      'Check the disk and restart: nothing acknowledged is lost.',
      { cause },
    )
  }

  #full(cause?: Error): CommitError {
    return new CommitError(
      `the disk of ${this.#directory} is full`,
      'Free some space: writes work again once there is room, and nothing acknowledged is lost.',
      ...(cause ? [{ cause }] : []),
    )
  }
}

const viewOf = (bytes: Uint8Array, length = bytes.length): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, length)

const checksum = (key: string, record: Buffer): number => crc32(record.subarray(4), crc32(key))

function verify(key: string, record: Buffer): void {
  if (record.length < headerSize || record.readUInt32LE(0) !== checksum(key, record))
    throw new Error(`the value of ${key} is garbled`)
}

/** lmdb rejects with an error that promises the reason. */
async function causeOf(error: Error & { commitError?: Promise<never> }): Promise<Error> {
  return error.commitError ? error.commitError.catch((reason: Error) => reason) : error
}

function refuseDamage(path: string): void {
  if (!existsSync(path)) throw damaged(path, 'it is missing')
  // LMDB would take an empty file for a new one.
  if (!statSync(path).size) throw damaged(path, 'it is empty')
  const damage = findDamage(path)
  if (damage) throw damaged(path, damage)
}

function damaged(path: string, clause: string, cause?: unknown): StoreOpenError {
  return new StoreOpenError(
    `the data file ${path} is damaged: ${clause}`,
    'Restore the directory from a backup, or move it away to start with an empty cluster. The file has been left as it is.',
    { cause },
  )
}

function syncDirectory(directory: string): void {
  if (process.platform === 'win32') return
  const handle = openSync(directory, 'r')
  fsyncSync(handle)
  closeSync(handle)
}
