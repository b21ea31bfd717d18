import {
  ExpectationError,
  StoreClosedError,
  type Entry,
  type RangeOptions,
  type Store,
  type StoreEvent,
  type WatchOptions,
  type Write,
} from './api.ts'
import { checkKeys } from './check-keys.ts'
import type { CommittedState, StoredEvent } from './committed-state.ts'
import type { StoredEntry } from './value-slabs.ts'

export interface GroupCommitDeps {
  readonly state: CommittedState
  /**
   * Makes the events durable, all or none, and resolves only then. Called again only after it settled. `revision` is the
   * newest of them.
   */
  commit(events: readonly StoreEvent[], revision: number): Promise<void>
  /** Lets the writers of this moment gather before the first of them is committed. */
  gather(callback: () => void): void
  close(): Promise<void>
}

interface PendingWrite {
  readonly revision: number
  readonly events: readonly StoredEvent[]
  readonly resolve: (entries: readonly Entry[]) => void
  readonly reject: (error: Error) => void
}

/**
 * The store of one process. Writers are checked against committed and pending writes at once and then gather; while one
 * group is being committed the next one gathers. A failed commit rejects its group and everything that gathered behind it,
 * because that has been checked against, or given revisions after, what did not come to be.
 */
export class GroupCommitStore implements Store {
  readonly shared = false
  readonly #deps: GroupCommitDeps
  readonly #state: CommittedState
  /** The newest write of each key that is not committed yet. */
  readonly #pending = new Map<string, StoredEvent>()
  #gathered: PendingWrite[] = []
  /** Never goes back: the revision of a failed write is not given out again. */
  #assigned: number
  #committing: Promise<void> | undefined
  #closed: Promise<void> | undefined

  constructor(deps: GroupCommitDeps) {
    this.#deps = deps
    this.#state = deps.state
    this.#assigned = deps.state.revision
  }

  get revision(): number {
    return this.#state.revision
  }

  get compacted(): number {
    return this.#state.compacted
  }

  get outage(): undefined {
    return undefined
  }

  fresh(): undefined {
    return undefined
  }

  get(key: string): Entry | undefined {
    return this.#state.get(key)
  }

  latest(key: string): Entry | undefined {
    return this.#latest(key)
  }

  range(prefix: string, options?: RangeOptions): Entry[] {
    return this.#state.range(prefix, options)
  }

  count(prefix: string, options?: Omit<RangeOptions, 'limit'>): number {
    return this.#state.count(prefix, options)
  }

  write(writes: readonly Write[]): Promise<readonly Entry[]> {
    return new Promise((resolve, reject) => {
      if (this.#closed) throw new StoreClosedError()
      if (!writes.length) return resolve([])
      this.#check(writes)
      const revision = this.#assigned + 1
      const events = this.#prepare(writes, revision)
      this.#assigned = revision
      for (const event of events) this.#pending.set(event.key, event)
      this.#gathered.push({ revision, events, resolve, reject })
      this.#committing ??= this.#commitAll()
    })
  }

  watch(prefix: string, options: WatchOptions): Disposable {
    if (this.#closed) throw new StoreClosedError()
    return this.#state.watch(prefix, options)
  }

  async compact(revision: number): Promise<void> {
    this.#state.compact(revision)
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closed ??= (async () => {
      await this.#committing
      this.#state.end(new StoreClosedError())
      await this.#deps.close()
    })()
    return this.#closed
  }

  #latest(key: string): StoredEntry | undefined {
    const pending = this.#pending.get(key)
    if (!pending) return this.#state.get(key)
    return pending.type === 'put' ? pending.entry : undefined
  }

  #check(writes: readonly Write[]): void {
    // A write must not fail later, within the group's transaction.
    checkKeys(writes)
    for (const { key, value, expect } of writes) {
      const current = this.#latest(key)
      const asExpected = expect === undefined || expect === (current?.revision ?? 0)
      if (!asExpected || (!value && !current)) throw new ExpectationError(key, current)
    }
  }

  #prepare(writes: readonly Write[], revision: number): StoredEvent[] {
    // All values come first: when making one of them throws, nothing has happened yet.
    const values = writes.map(({ value, tombstone }) => (value ?? tombstone)?.(revision))
    return writes.map(({ key, value }, index) => {
      const previous = this.#latest(key)
      const bytes = values[index] ?? previous!.value
      const created = value && !previous ? revision : previous!.created
      const entry = this.#state.newEntry(key, bytes, revision, created)
      return { type: value ? 'put' : 'delete', revision, key, entry, previous }
    })
  }

  async #commitAll(): Promise<void> {
    await new Promise<void>((resolve) => this.#deps.gather(resolve))
    while (this.#gathered.length) {
      const group = this.#gathered
      this.#gathered = []
      const events = group.length === 1 ? group[0]!.events : group.flatMap((write) => write.events)
      const { revision } = group.at(-1)!
      try {
        await this.#deps.commit(events, revision)
      } catch (error) {
        this.#fail(group, error as Error)
        continue
      }
      for (const event of events) if (this.#pending.get(event.key) === event) this.#pending.delete(event.key)
      for (const write of group) write.resolve(write.events.map((event) => event.entry))
      this.#state.apply(events, revision)
    }
    this.#committing = undefined
  }

  #fail(group: readonly PendingWrite[], error: Error): void {
    const failed = [...group, ...this.#gathered]
    this.#gathered = []
    this.#pending.clear()
    for (const write of failed) {
      for (const event of write.events) this.#state.discard(event)
      write.reject(error)
    }
  }
}
