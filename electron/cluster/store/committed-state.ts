import {
  CompactedError,
  FutureRevisionError,
  type Entry,
  type RangeOptions,
  type StoreEvent,
  type WatchOptions,
} from './api.ts'
import { History, type HistoryLimits } from './history.ts'
import { OrderedIndex } from './ordered-index.ts'
import { StoredEntry, ValueSlabs } from './value-slabs.ts'
import { Watchers } from './watchers.ts'

export type StoredEvent = StoreEvent & { readonly entry: StoredEntry; readonly previous: StoredEntry | undefined }

/** Everything that readers and watchers can see: the newest state, the history behind it, and who watches. */
export class CommittedState {
  #revision = 1
  #compacted = 1
  readonly #index = new OrderedIndex<StoredEntry>()
  readonly #slabs = new ValueSlabs()
  readonly #watchers = new Watchers()
  readonly #history: History

  constructor(limits: HistoryLimits) {
    this.#history = new History(limits)
  }

  get revision(): number {
    return this.#revision
  }

  get compacted(): number {
    return this.#compacted
  }

  /** Adds an entry of an earlier life, while opening. The value is copied. */
  load(key: string, value: Buffer, revision: number, created: number): void {
    this.#index.set(this.newEntry(key, value, revision, created))
  }

  /** Opening is done. History is not kept over restarts. */
  startAt(revision: number): void {
    this.#revision = this.#compacted = revision
  }

  /** An entry that owns a copy of the value. It is not visible before `apply`, and must go there or to `discard`. */
  newEntry(key: string, value: Buffer, revision: number, created: number): StoredEntry {
    const entry = new StoredEntry(key, value, revision, created)
    this.#slabs.place(entry)
    return entry
  }

  discard(event: StoredEvent): void {
    this.#slabs.release(event.entry)
  }

  apply(events: readonly StoredEvent[], revision: number): void {
    for (const event of events) {
      if (event.type === 'put') this.#index.set(event.entry)
      else this.#index.delete(event.key)
      this.#history.push(event)
    }
    this.#revision = revision
    const excess = this.#history.excess()
    if (excess !== undefined) this.#forget(excess)
    this.#watchers.notify(events)
  }

  get(key: string): StoredEntry | undefined {
    return this.#index.get(key)
  }

  count(prefix: string, { after, revision = this.#revision }: Omit<RangeOptions, 'limit'> = {}): number {
    this.#mustBeReached(revision)
    let count = this.#index.count(prefix, after)
    if (revision === this.#revision) return count
    for (const [key, then] of this.#changedSince(revision, prefix, after))
      count += Number(then !== undefined) - Number(this.#index.get(key) !== undefined)
    return count
  }

  range(prefix: string, { after, limit = Infinity, revision = this.#revision }: RangeOptions = {}): Entry[] {
    this.#mustBeReached(revision)
    if (revision === this.#revision) return this.#index.range(prefix, after, limit)
    const then = this.#changedSince(revision, prefix, after)
    // Of the entries of now at most `then.size` are left out, so that many more make up for them.
    const now = this.#index.range(prefix, after, limit + then.size).filter((entry) => !then.has(entry.key))
    const old = [...then.values()].filter((entry) => entry !== undefined)
    return merge(now, old.sort(byKey), limit)
  }

  watch(prefix: string, options: WatchOptions): Disposable {
    this.#mustBeKept(options.after)
    const missed = this.#history.after(options.after).filter((event) => event.key.startsWith(prefix))
    const watching = this.#watchers.add(prefix, options, Math.max(options.after, this.#revision))
    if (missed.length) options.onEvents(missed)
    return watching
  }

  compact(revision: number): void {
    if (revision > this.#revision) throw new FutureRevisionError(this.#revision)
    if (revision > this.#compacted) this.#forget(revision)
  }

  /** Nobody can watch any more. */
  end(error: Error): void {
    this.#watchers.end(error)
  }

  #mustBeKept(revision: number): void {
    if (revision < this.#compacted) throw new CompactedError(this.#compacted)
  }

  #mustBeReached(revision: number): void {
    this.#mustBeKept(revision)
    if (revision > this.#revision) throw new FutureRevisionError(this.#revision)
  }

  #forget(revision: number): void {
    this.#compacted = revision
    for (const event of this.#history.dropThrough(revision) as readonly StoredEvent[]) {
      if (event.previous) this.#slabs.release(event.previous)
      if (event.type === 'delete') this.#slabs.release(event.entry)
    }
  }

  /** What the keys that changed since held at that revision; undefined where there was nothing. */
  #changedSince(revision: number, prefix: string, after = ''): Map<string, Entry | undefined> {
    const then = new Map<string, Entry | undefined>()
    for (const event of this.#history.after(revision).toReversed()) {
      if (event.key > after && event.key.startsWith(prefix)) then.set(event.key, event.previous)
    }
    return then
  }
}

const byKey = (a: Entry, b: Entry): number => (a.key < b.key ? -1 : 1)

function merge(left: readonly Entry[], right: readonly Entry[], limit: number): Entry[] {
  const merged: Entry[] = []
  let l = 0
  let r = 0
  while (merged.length < limit && (l < left.length || r < right.length)) {
    const takeLeft = r >= right.length || (l < left.length && left[l]!.key < right[r]!.key)
    merged.push(takeLeft ? left[l++]! : right[r++]!)
  }
  return merged
}
