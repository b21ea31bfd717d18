import type { Entry, Store, StoreEvent } from '../../store/api.ts'
import { EventChanges, WatchBatch, type Change } from './watch-batch.ts'

/** What a watcher wants to see. Watchers with equal keys are served together. */
export interface WatchFilter {
  readonly key: string
  /** Only keys with this prefix. */
  readonly prefix: string
  /** Undefined: every entry under the prefix. */
  readonly matches: ((entry: Entry) => boolean) | undefined
  /** The entry before it stopped matching, as of the revision at which it did. */
  departed(event: StoreEvent): Entry
}

/** Where a watcher's events go. Neither call may throw. */
export interface WatchSink {
  onBatch(batch: WatchBatch): void
  /** The hub gives up on this watcher: the store ended it. */
  onEnd(error: Error): void
}

interface Group {
  filter: WatchFilter
  sinks: Set<WatchSink>
}

export interface WatchHubDeps {
  store: Store
  prefix: string
  /** Called with every batch before any watcher sees it. */
  onEvents(events: readonly StoreEvent[]): void
}

/**
 * Fans the events of one prefix out to watchers. There is one watch on the store; each filter is evaluated once per
 * event for all its watchers, and what they are sent is encoded once.
 */
export class WatchHub implements Disposable {
  readonly #deps: WatchHubDeps
  readonly #groups = new Map<string, Group>()
  readonly #watch: Disposable
  #ended: Error | undefined

  constructor(deps: WatchHubDeps) {
    this.#deps = deps
    const { store, prefix } = deps
    this.#watch = store.watch(prefix, {
      after: store.revision,
      onEvents: (events) => this.#fanOut(events),
      onEnd: (error) => this.#end(error),
    })
  }

  /** How many watchers there are. */
  get watchers(): number {
    let count = 0
    for (const { sinks } of this.#groups.values()) count += sinks.size
    return count
  }

  /**
   * Sends everything after the revision, past events before this returns. Throws CompactedError when they are
   * forgotten.
   */
  open(filter: WatchFilter, after: number, sink: WatchSink): Disposable {
    if (this.#ended) throw this.#ended
    if (after < this.#deps.store.revision) this.#replay(filter, after, sink)
    else if (after > this.#deps.store.revision) sink = startingAfter(after, sink)
    let group = this.#groups.get(filter.key)
    if (!group) this.#groups.set(filter.key, (group = { filter, sinks: new Set() }))
    group.sinks.add(sink)
    return {
      [Symbol.dispose]: () => {
        group.sinks.delete(sink)
        if (group.sinks.size === 0 && this.#groups.get(filter.key) === group) this.#groups.delete(filter.key)
      },
    }
  }

  #replay(filter: WatchFilter, after: number, sink: WatchSink): void {
    const { store } = this.#deps
    const past: StoreEvent[] = []
    store.watch(filter.prefix, { after, onEvents: (events) => past.push(...events), onEnd: () => {} })[Symbol.dispose]()
    const changes = changesUnder(
      filter,
      past.map((event) => new EventChanges(event, filter.departed)),
    )
    if (changes.length) sink.onBatch(new WatchBatch(changes, store.revision))
  }

  #fanOut(events: readonly StoreEvent[]): void {
    this.#deps.onEvents(events)
    if (this.#groups.size === 0) return
    const revision = events.at(-1)!.revision
    const all = new Map<WatchFilter['departed'], EventChanges[]>()
    for (const { filter, sinks } of this.#groups.values()) {
      let made = all.get(filter.departed)
      if (!made) all.set(filter.departed, (made = events.map((event) => new EventChanges(event, filter.departed))))
      const changes = changesUnder(filter, made)
      if (!changes.length) continue
      const batch = new WatchBatch(changes, revision)
      for (const sink of sinks) sink.onBatch(batch)
    }
  }

  #end(error: Error): void {
    this.#ended = error
    const groups = [...this.#groups.values()]
    this.#groups.clear()
    for (const { sinks } of groups) for (const sink of sinks) sink.onEnd(error)
  }

  [Symbol.dispose](): void {
    this.#watch[Symbol.dispose]()
    this.#end(new Error('the server is stopping'))
  }
}

/** For a watcher that has seen a future of which this server does not know yet. */
function startingAfter(revision: number, sink: WatchSink): WatchSink {
  return {
    onBatch(batch) {
      const changes = batch.changes.filter(({ entry }) => entry.revision > revision)
      if (changes.length)
        sink.onBatch(changes.length === batch.changes.length ? batch : new WatchBatch(changes, batch.revision))
    },
    onEnd: (error) => sink.onEnd(error),
  }
}

function changesUnder({ prefix, matches }: WatchFilter, events: readonly EventChanges[]): Change[] {
  const changes: Change[] = []
  for (const changed of events) {
    const { key, entry, previous, type } = changed.event
    if (!key.startsWith(prefix)) continue
    if (!matches) {
      changes.push(changed.natural)
      continue
    }
    const before = previous !== undefined && matches(previous)
    const change = changed.under(type === 'put' && matches(entry), before)
    if (change) changes.push(change)
  }
  return changes
}
