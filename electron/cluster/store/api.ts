/**
 * The one contract of every store driver: a revisioned, ordered key-value map with compare-and-swap, watch and
 * compaction. `testing/contract.ts` runs against every driver.
 *
 * Reads are synchronous because every driver keeps the committed state in memory, as the bytes that clients are sent.
 * Writers compare against pending writes; readers and watchers see only what is durable.
 */
export interface Entry {
  readonly key: string
  /**
   * Exactly the bytes that were written. The bytes never change, but the driver may move them: `value` is then another
   * Buffer with the same content. Read it when needed; a Buffer kept elsewhere stays valid and pins its memory.
   */
  readonly value: Buffer
  /** Revision of the last write of this key. */
  readonly revision: number
  /** Revision at which the key came to be. */
  readonly created: number
  /** A place for the typed storage above to keep what it derived from `value` (decoded object, other served versions). */
  derived?: unknown
}

export interface StoreEvent {
  readonly type: 'put' | 'delete'
  readonly revision: number
  readonly key: string
  /** The entry after a put; for a delete, the last entry with the value given to the delete. */
  readonly entry: Entry
  /** The entry before, if there was one. */
  readonly previous: Entry | undefined
}

export interface Write {
  /** Not empty, at most {@link maxKeyBytes} of UTF-8, and at most once in one call. */
  key: string
  /**
   * The value, given the revision under which it will be stored; undefined deletes (and fails with ExpectationError when
   * there is nothing to delete). Called once, synchronously, after every expectation of the call held. The bytes are copied.
   * A shared store can only foresee the revision: where another process wrote first, the value is stamped again.
   */
  value: ((revision: number) => Buffer) | undefined
  /** For deletes: the final value that watchers are shown, given the revision of the deletion. Default: the previous value. */
  tombstone?: (revision: number) => Buffer
  /** The revision the key must have now (0: must not exist); undefined writes whatever is there. */
  expect?: number
}

/** Longest key that every driver can keep. */
export const maxKeyBytes = 1900

/** Most writes in one call: what etcd takes in one transaction unless it is told otherwise. */
export const maxWrites = 128

/** Rejection when `expect` does not hold. `entry` is what is there, pending writes included. */
export class ExpectationError extends Error {
  readonly key: string
  readonly entry: Entry | undefined
  constructor(key: string, entry: Entry | undefined) {
    super(`the expectation about ${key} does not hold`)
    this.name = 'ExpectationError'
    this.key = key
    this.entry = entry
  }
}

/** The history asked for is no longer kept. */
export class CompactedError extends Error {
  /** Oldest revision that can still be asked for. */
  readonly oldest: number
  constructor(oldest: number) {
    super(`history before revision ${oldest} has been compacted`)
    this.name = 'CompactedError'
    this.oldest = oldest
  }
}

/** The revision asked for lies in the future. */
export class FutureRevisionError extends Error {
  readonly current: number
  constructor(current: number) {
    super(`the store is at revision ${current}`)
    this.name = 'FutureRevisionError'
    this.current = current
  }
}

/** The store was disposed, or is being disposed. */
export class StoreClosedError extends Error {
  constructor() {
    super('the store is closed')
    this.name = 'StoreClosedError'
  }
}

/** A store that cannot be opened. `message` is one sentence for people, `cure` another that says what to do. */
export class StoreOpenError extends Error {
  readonly cure: string
  constructor(message: string, cure: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'StoreOpenError'
    this.cure = cure
  }
}

/**
 * Rejection of a write that could not be made durable, and of every write that was pending behind it. Nothing of them is
 * visible; what was acknowledged before is unharmed. Later writes are tried again.
 */
export class CommitError extends Error {
  readonly cure: string
  constructor(message: string, cure: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'CommitError'
    this.cure = cure
  }
}

/** The servers behind a shared store do not answer. Nothing acknowledged is lost, and the driver goes on trying. */
export class StoreUnavailableError extends Error {
  /** For a write: whether it may have come to be all the same. */
  readonly outcome: 'not-sent' | 'unknown'
  constructor(message: string, outcome: 'not-sent' | 'unknown', options?: ErrorOptions) {
    super(message, options)
    this.name = 'StoreUnavailableError'
    this.outcome = outcome
  }
}

export interface RangeOptions {
  /** Only keys greater than this one. */
  after?: string
  /** At most so many entries. */
  limit?: number
  /** The state as of this revision. Default: the newest committed one. Throws CompactedError or FutureRevisionError. */
  revision?: number
}

export interface WatchOptions {
  /**
   * Events after this revision, which may lie in the future. Throws CompactedError synchronously when they are no longer
   * kept. What has already happened is delivered in one batch before `watch` returns.
   */
  after: number
  /**
   * Called for every batch of events under the prefix, in order, synchronously after the commit. Must not throw: a watcher
   * that does is ended. Events of one revision are never split over two batches. The array is shared between watchers.
   */
  onEvents(events: readonly StoreEvent[]): void
  /** Called once when the store can no longer serve this watch (compaction, closing). */
  onEnd(error: Error): void
}

export interface Store extends AsyncDisposable {
  /** Newest committed revision. Starts at 1 on an empty store. */
  readonly revision: number
  /** Oldest revision from which a watch can start or a range be asked for. */
  readonly compacted: number
  /** Whether other processes may write to it. */
  readonly shared: boolean
  /** Why writes fail and reads may be old at this moment; undefined while all is well. */
  readonly outage: string | undefined
  /**
   * Undefined when reads are already as fresh as any acknowledged write anywhere; else a promise of that, which rejects
   * with StoreUnavailableError.
   */
  fresh(): Promise<void> | undefined
  /** Committed state. */
  get(key: string): Entry | undefined
  /**
   * What the next writer will be compared against: committed state and the pending writes of this process. The revision of
   * a pending entry of a shared store is not known yet: the number given instead is good for `expect` and nothing else.
   */
  latest(key: string): Entry | undefined
  /** Entries whose key starts with the prefix, in order of the keys (by UTF-16 code unit: byte order for all but astral characters). */
  range(prefix: string, options?: RangeOptions): Entry[]
  /** How many entries `range` would return. */
  count(prefix: string, options?: Omit<RangeOptions, 'limit'>): number
  /** Keys in order of which a field of the object has the value, where the driver knows that without reading values. */
  keysWhere?(field: string, value: string): string[] | undefined
  /**
   * Durable when it resolves, and only then visible to readers. All writes of one call, {@link maxWrites} at most, share one
   * revision and one fate. Resolves with the entries as stored (for deletes: the tombstone).
   */
  write(writes: readonly Write[]): Promise<readonly Entry[]>
  watch(prefix: string, options: WatchOptions): Disposable
  /**
   * Forgets history before this revision; the current state stays. Watches that need it end with CompactedError; those that
   * have seen everything up to now go on. A driver may also forget on its own, to bound its memory. FutureRevisionError.
   */
  compact(revision: number): Promise<void>
}
