import { backoffDelay } from '../../base/backoff.ts'
import type { Clock } from '../../base/clock.ts'
import type { Logger } from '../../base/logger.ts'
import { StoreUnavailableError } from '../api.ts'
import type { CommittedState, StoredEvent } from '../committed-state.ts'
import type { StoredEntry } from '../value-slabs.ts'
import { EtcdCompactedError, type EtcdConnection } from './connection.ts'
import { deleteEvent, type KeyValue, type WatchResponse } from './descriptor.ts'
import type { ValuesAtRest } from './values.ts'

/** What this process is writing to a key: its event then need not be decoded. */
export interface OwnWrite {
  /** The value as etcd was given it; undefined for a delete. */
  readonly atRest: Buffer | undefined
  /** The value (or tombstone) as of a revision. */
  stamped(revision: number): Buffer
  /** Called with what became of the key while it was being written, by this process or another. */
  seen(entry: StoredEntry): void
}

export interface MirrorDeps {
  connection: EtcdConnection
  state: CommittedState
  values: ValuesAtRest
  prefix: string
  clock: Clock
  logger: Logger
  /** The write to the key that has no answer yet. */
  ownWrite(key: string): OwnWrite | undefined
}

const pageSize = 500

/**
 * Keeps the state in memory equal to etcd's: filled by a ranged read at one revision, then led on by a watch. The watch is
 * on all of etcd's keys, because every revision of etcd is then one of its events: the last one seen says how far the
 * mirror is, without asking for progress (which etcd before 3.5.8 could report ahead of the events).
 */
export class Mirror {
  readonly #deps: MirrorDeps
  readonly #stopped = new AbortController()
  #following: Promise<void> | undefined
  #waiting: { revision: number; resolve: () => void }[] = []
  #outage: string | undefined

  constructor(deps: MirrorDeps) {
    this.#deps = deps
  }

  get outage(): string | undefined {
    return this.#outage
  }

  /** Fills the empty state. */
  async load(): Promise<void> {
    const { state } = this.#deps
    const { revision, entries } = await this.#readAll()
    for (const { key, value, revision: written, created } of entries) state.load(key, value, written, created)
    state.startAt(revision)
  }

  follow(): void {
    this.#following = this.#follow()
  }

  /** Resolves when the state is at least at the revision; rejects after `limit` milliseconds. */
  reached(revision: number, limit: number): Promise<void> {
    const { state, clock } = this.#deps
    if (state.revision >= revision) return Promise.resolve()
    return new Promise((resolve, reject) => {
      const waiter = {
        revision,
        resolve: () => {
          cancel()
          resolve()
        },
      }
      const cancel = clock.after(limit, () => {
        this.#waiting.splice(this.#waiting.indexOf(waiter), 1)
        const reason = this.#outage ?? `no news from etcd within ${limit / 1000} s`
        reject(new StoreUnavailableError(reason, 'unknown'))
      })
      this.#waiting.push(waiter)
    })
  }

  async stop(): Promise<void> {
    this.#stopped.abort()
    await this.#following
  }

  async #follow(): Promise<void> {
    const { connection, state, clock, logger } = this.#deps
    const { signal } = this.#stopped
    for (let failures = 0; !signal.aborted; failures++) {
      try {
        const seen = (response: WatchResponse) => {
          if (this.#outage) logger.info('etcd is back', { url: connection.url, revision: state.revision })
          this.#outage = undefined
          failures = 0
          this.#apply(response.events)
        }
        await connection.watch(state.revision + 1, seen, signal)
      } catch (error) {
        if (error instanceof EtcdCompactedError) await this.#catchUp().catch((cause: Error) => this.#lost(cause))
        else this.#lost(error as Error)
        await clock.sleep(backoffDelay(failures, { initial: 50, max: 2000 }), signal).catch(() => {})
      }
    }
  }

  #lost(error: Error): void {
    if (!this.#outage) this.#deps.logger.warn('lost etcd', { error: error.message })
    this.#outage = error.message
  }

  #apply(events: WatchResponse['events']): void {
    const { state, prefix } = this.#deps
    const last = events.at(-1)?.kv.mod_revision ?? 0
    if (last <= state.revision) return
    const stored: StoredEvent[] = []
    const newest = new Map<string, StoredEntry | undefined>()
    for (const { type, kv } of events) {
      if (kv.mod_revision <= state.revision) continue
      const key = kv.key.toString()
      if (!key.startsWith(prefix)) continue
      const previous = newest.has(key) ? newest.get(key) : state.get(key)
      const event = type === deleteEvent ? this.#deleted(key, previous, kv.mod_revision) : this.#put(key, previous, kv)
      if (!event) continue
      newest.set(key, event.type === 'put' ? event.entry : undefined)
      stored.push(event)
      this.#deps.ownWrite(key)?.seen(event.entry)
    }
    this.#advance(stored, last)
  }

  #put(key: string, previous: StoredEntry | undefined, kv: KeyValue): StoredEvent | undefined {
    const { state } = this.#deps
    const { mod_revision: revision, create_revision: created } = kv
    const value = this.#valueOf(key, kv)
    // What cannot be read is to everybody as if it were not there.
    if (!value) return previous && this.#deleted(key, previous, revision)
    return { type: 'put', revision, key, entry: state.newEntry(key, value, revision, created), previous }
  }

  #deleted(key: string, previous: StoredEntry | undefined, revision: number): StoredEvent | undefined {
    if (!previous) return undefined
    const { state, values, ownWrite } = this.#deps
    const own = ownWrite(key)
    const value = own && !own.atRest ? own.stamped(revision) : values.restamp(key, previous.value, revision)
    return { type: 'delete', revision, key, entry: state.newEntry(key, value, revision, previous.created), previous }
  }

  #valueOf(key: string, { value, mod_revision: revision }: KeyValue): Buffer | undefined {
    const { values, ownWrite, logger } = this.#deps
    const own = ownWrite(key)
    const { prefix, explain } = values.explaining ?? {}
    try {
      // Equal bytes at rest are the same value, whoever wrote them.
      const known = own?.atRest?.equals(value) ? own.stamped(revision) : values.decode(key, value, revision)
      if (prefix !== undefined && key.startsWith(prefix)) explain?.(known)
      return known
    } catch (error) {
      logger.error('a value in etcd cannot be read and is left out', { key, error: (error as Error).message })
      return undefined
    }
  }

  #advance(events: readonly StoredEvent[], revision: number): void {
    const { state } = this.#deps
    state.apply(events, revision)
    const reached = this.#waiting.filter((waiter) => waiter.revision <= revision)
    if (!reached.length) return
    this.#waiting = this.#waiting.filter((waiter) => waiter.revision > revision)
    for (const { resolve } of reached) resolve()
  }

  /**
   * The watch was away for so long that etcd has forgotten what it missed: everything is read again, and what differs
   * becomes the events. Who asks for anything in between is told that it is gone.
   */
  async #catchUp(): Promise<void> {
    const { state, values, logger } = this.#deps
    const { revision, entries } = await this.#readAll()
    logger.warn('etcd has compacted what was missed: everything has been read again', {
      from: state.revision,
      revision,
    })
    const events: StoredEvent[] = []
    const gone = new Map(state.range('').map((entry) => [entry.key, entry as StoredEntry]))
    const removal = (key: string, entry: StoredEntry, at: number): StoredEvent => {
      const last = state.newEntry(key, values.restamp(key, entry.value, at), at, entry.created)
      return { type: 'delete', revision: at, key, entry: last, previous: entry }
    }
    for (const { key, value, revision: written, created } of entries) {
      const before = gone.get(key)
      gone.delete(key)
      if (before?.revision === written) continue
      // The same key, another life: its end was missed too.
      const replaced = before !== undefined && before.created !== created
      if (replaced) events.push(removal(key, before, created - 1))
      const entry = state.newEntry(key, value, written, created)
      events.push({ type: 'put', revision: written, key, entry, previous: replaced ? undefined : before })
    }
    for (const [key, entry] of gone) events.push(removal(key, entry, revision))
    events.sort((a, b) => a.revision - b.revision)
    this.#advance(events, revision)
    state.compact(revision)
  }

  /** Everything under the prefix, as of one revision. */
  async #readAll(): Promise<{
    revision: number
    entries: { key: string; value: Buffer; revision: number; created: number }[]
  }> {
    const { prefix, values } = this.#deps
    const entries: { key: string; value: Buffer; revision: number; created: number }[] = []
    const explaining = values.explaining && (await this.#readPages(values.explaining.prefix, undefined, () => {}))
    const revision = await this.#readPages(prefix, explaining, (entry) => void entries.push(entry))
    return { revision, entries }
  }

  /** What is under the prefix as of the revision, or of now; resolves with that. */
  async #readPages(
    prefix: string,
    asOf: number | undefined,
    read: (entry: { key: string; value: Buffer; revision: number; created: number }) => void,
  ): Promise<number> {
    const end = Buffer.from(prefix)
    end[end.length - 1]! += 1
    let revision = asOf
    for (let key = Buffer.from(prefix); ;) {
      const at = revision === undefined ? {} : { revision }
      const page = await this.#deps.connection.range({ key, range_end: end, limit: pageSize, ...at })
      revision ??= page.header.revision
      for (const kv of page.kvs) {
        const name = kv.key.toString()
        const value = this.#valueOf(name, kv)
        if (value) read({ key: name, value, revision: kv.mod_revision, created: kv.create_revision })
      }
      if (!page.more) return revision
      key = Buffer.concat([page.kvs.at(-1)!.key, Buffer.from([0])])
    }
  }
}
