import {
  ExpectationError,
  FutureRevisionError,
  StoreClosedError,
  type Entry,
  type RangeOptions,
  type Store,
  type WatchOptions,
  type Write,
} from '../api.ts'
import { checkKeys } from '../check-keys.ts'
import type { CommittedState } from '../committed-state.ts'
import { StoredEntry } from '../value-slabs.ts'
import { EtcdCompactedError, type EtcdConnection } from './connection.ts'
import { Freshness } from './freshness.ts'
import type { Mirror, OwnWrite } from './mirror.ts'
import { transaction } from './transaction.ts'
import type { ValuesAtRest } from './values.ts'

export interface EtcdStoreDeps {
  connection: EtcdConnection
  state: CommittedState
  values: ValuesAtRest
  prefix: string
  /** The mirror of this state, which is told of the writes under way. */
  mirror(ownWrite: (key: string) => OwnWrite | undefined): Mirror
}

/** How long the mirror may lag behind what etcd has acknowledged. */
const lagLimit = 5000

/** One call of `write` on its way. */
interface Attempt {
  /** The entries as writers to come see them. */
  readonly pending: ReadonlyMap<string, StoredEntry | undefined>
  /** Stands for the revision that is not known yet. Negative: never a revision of anything. */
  readonly token: number
  /** The revision that etcd gave it; rejects with what `write` rejects with. */
  readonly outcome: Promise<number>
}

/**
 * The store of several processes: etcd is the truth, memory mirrors it. Each call of `write` is one transaction that
 * compares what it expects with etcd's own revisions. Writes of this process to one key follow each other; all others
 * are on their way at the same time.
 */
export class EtcdStore implements Store {
  readonly shared = true
  readonly #deps: EtcdStoreDeps
  readonly #state: CommittedState
  readonly #mirror: Mirror
  readonly #freshness: Freshness
  /** The newest attempt at each key, and the one that etcd is being asked about. */
  readonly #latest = new Map<string, Attempt>()
  readonly #own = new Map<string, OwnWrite>()
  readonly #attempts = new Set<Promise<unknown>>()
  #tokens = 0
  #closed: Promise<void> | undefined

  constructor(deps: EtcdStoreDeps) {
    this.#deps = deps
    this.#state = deps.state
    this.#mirror = deps.mirror((key) => this.#own.get(key))
    this.#freshness = new Freshness(() => this.#catchUp())
  }

  /** Reads what is there and starts to follow it. Rejects with what the connection rejects with. */
  async open(): Promise<this> {
    await this.#mirror.load()
    this.#mirror.follow()
    return this
  }

  get revision(): number {
    return this.#state.revision
  }

  get compacted(): number {
    return this.#state.compacted
  }

  get outage(): string | undefined {
    return this.#mirror.outage
  }

  fresh(): Promise<void> {
    return this.#freshness.fresh()
  }

  get(key: string): Entry | undefined {
    return this.#state.get(key)
  }

  latest(key: string): Entry | undefined {
    return this.#latestEntry(key)
  }

  range(prefix: string, options?: RangeOptions): Entry[] {
    return this.#state.range(prefix, options)
  }

  count(prefix: string, options?: Omit<RangeOptions, 'limit'>): number {
    return this.#state.count(prefix, options)
  }

  async write(writes: readonly Write[]): Promise<readonly Entry[]> {
    if (this.#closed) throw new StoreClosedError()
    if (!writes.length) return []
    this.#check(writes)
    const attempt = this.#attempt(writes)
    this.#attempts.add(attempt)
    return attempt.finally(() => this.#attempts.delete(attempt))
  }

  watch(prefix: string, options: WatchOptions): Disposable {
    if (this.#closed) throw new StoreClosedError()
    return this.#state.watch(prefix, options)
  }

  async compact(revision: number): Promise<void> {
    if (revision > this.#state.revision) throw new FutureRevisionError(this.#state.revision)
    this.#state.compact(revision)
    try {
      await this.#deps.connection.compact(revision)
    } catch (error) {
      // Another server was faster.
      if (!(error instanceof EtcdCompactedError)) throw error
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closed ??= (async () => {
      await Promise.allSettled(this.#attempts)
      await this.#mirror.stop()
      this.#state.end(new StoreClosedError())
      this.#deps.connection[Symbol.dispose]()
    })()
    return this.#closed
  }

  /** A linearized read of nothing tells the newest revision that anybody may know of. */
  async #catchUp(): Promise<void> {
    const { connection, prefix } = this.#deps
    const { header } = await connection.range({ key: Buffer.from(prefix), count_only: true })
    await this.#mirror.reached(header.revision, lagLimit)
  }

  #latestEntry(key: string): StoredEntry | undefined {
    const attempt = this.#latest.get(key)
    return attempt ? attempt.pending.get(key) : this.#state.get(key)
  }

  #check(writes: readonly Write[]): void {
    checkKeys(writes)
    for (const { key, value, expect } of writes) {
      if (!key.startsWith(this.#deps.prefix)) throw new TypeError(`${key} does not lie under ${this.#deps.prefix}`)
      const current = this.#latestEntry(key)
      const asExpected = expect === undefined || expect === (current?.revision ?? 0)
      if (!asExpected || (!value && !current)) throw new ExpectationError(key, current)
    }
  }

  async #attempt(writes: readonly Write[]): Promise<readonly Entry[]> {
    const { values } = this.#deps
    // Foretold right unless another process writes, or writes of this one overtake each other.
    const foreseen = this.#state.revision + this.#attempts.size + 1
    const token = --this.#tokens
    const own = writes.map((write) => {
      const before = this.#latestEntry(write.key)
      return ownWrite(write, write.value?.(foreseen), foreseen, before, values)
    })
    const pending = new Map(
      writes.map(({ key, value }, i) => [
        key,
        value ? new StoredEntry(key, own[i]!.stamped(foreseen), token, token) : undefined,
      ]),
    )
    const earlier = new Map(writes.map(({ key }) => [key, this.#latest.get(key)]))
    const outcome = this.#commit(writes, own, earlier)
    const attempt: Attempt = { pending, token, outcome }
    for (const { key } of writes) this.#latest.set(key, attempt)
    try {
      const revision = await outcome
      return own.map(({ became }) => became(revision))
    } finally {
      for (const { key } of writes) if (this.#latest.get(key) === attempt) this.#latest.delete(key)
    }
  }

  /** Waits for the writes that it builds on, asks etcd, and waits until the outcome can be seen here. */
  async #commit(
    writes: readonly Write[],
    own: readonly OwnValue[],
    earlier: ReadonlyMap<string, Attempt | undefined>,
  ): Promise<number> {
    const expected: Write[] = []
    for (const write of writes) {
      const attempt = earlier.get(write.key)
      // What was expected of an attempt is now expected of the revision that it became.
      if (attempt && write.expect === attempt.token) expected.push({ ...write, expect: await attempt.outcome })
      else {
        await attempt?.outcome.catch(() => {})
        expected.push(write)
      }
    }
    for (const [i, { key }] of writes.entries()) this.#own.set(key, own[i]!)
    try {
      const { revision, refused } = await transaction(
        this.#deps.connection,
        expected.map((write, i) => ({ ...write, atRest: own[i]!.atRest })),
      )
      // Durable is durable: a mirror that lags keeps the answer back for a while, but does not change it.
      await this.#mirror.reached(revision, lagLimit).catch(() => {})
      if (refused !== undefined) throw new ExpectationError(refused, this.#state.get(refused))
      return revision
    } finally {
      for (const [i, { key }] of writes.entries()) if (this.#own.get(key) === own[i]) this.#own.delete(key)
    }
  }
}

interface OwnValue extends OwnWrite {
  /** The entry that the write has become. */
  became(revision: number): Entry
}

function ownWrite(
  { key, value, tombstone }: Write,
  bytes: Buffer | undefined,
  foreseen: number,
  before: StoredEntry | undefined,
  values: ValuesAtRest,
): OwnValue {
  // A copy: the caller may change its buffer once the call has returned.
  const copy = bytes && Buffer.from(bytes)
  const seen = new Map<number, StoredEntry>()
  const stamped = (revision: number): Buffer => {
    if (copy) return revision === foreseen ? copy : values.restamp(key, copy, revision)
    return tombstone?.(revision) ?? values.restamp(key, before!.value, revision)
  }
  return {
    atRest: copy && values.encode(key, copy),
    stamped,
    seen: (entry) => void seen.set(entry.revision, entry),
    became: (revision) =>
      seen.get(revision) ??
      new StoredEntry(key, stamped(revision), revision, value && !before ? revision : (before?.created ?? revision)),
  }
}
