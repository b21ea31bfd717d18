import type { Entry, Store, StoreEvent } from '../../store/api.ts'
import { EventChanges, WatchBatch, type Change } from './watch-batch.ts'

/** What a watcher wants to see. Watchers with equal keys are served together. */
export interface WatchFilter {
  readonly key: string
  /** Only keys with this prefix. */
  readonly prefix: string
  /** Undefined: every entry under the prefix. */
  readonly matches: ((entry: Entry) => boolean) | undefined
  /** A field that must have one value, if there is one: events of entries with others cost this watcher nothing. */
  readonly exact: ExactField | undefined
  /** The entry before it stopped matching, as of the revision at which it did. */
  departed(event: StoreEvent): Entry
}

export interface ExactField {
  readonly field: string
  readonly value: string
  /** The field's value in an entry; the same function of the entry for all filters that name the field. */
  readonly read: (entry: Entry) => string
}

/** Where a watcher's events go. Neither call may throw. */
export interface WatchSink {
  onBatch(batch: WatchBatch): void
  /** The hub gives up on this watcher: the store ended it. */
  onEnd(error: Error): void
}

interface Group {
  readonly filter: WatchFilter
  readonly sinks: Set<WatchSink>
}

/** The groups of one prefix, by the value that a field must have for them. */
class Shelf {
  readonly #open = new Set<Group>()
  readonly #exact = new Map<string, { read: ExactField['read']; byValue: Map<string, Set<Group>> }>()

  get isEmpty(): boolean {
    return this.#open.size === 0 && this.#exact.size === 0
  }

  add(group: Group): void {
    const { exact } = group.filter
    if (!exact) return void this.#open.add(group)
    const { field, value, read } = exact
    const fields = getOrMake(this.#exact, field, () => ({ read, byValue: new Map<string, Set<Group>>() }))
    getOrMake(fields.byValue, value, () => new Set()).add(group)
  }

  remove(group: Group): void {
    const { exact } = group.filter
    if (!exact) return void this.#open.delete(group)
    const fields = this.#exact.get(exact.field)
    const groups = fields?.byValue.get(exact.value)
    groups?.delete(group)
    if (groups?.size === 0) fields!.byValue.delete(exact.value)
    if (fields?.byValue.size === 0) this.#exact.delete(exact.field)
  }

  /** Calls back with every group to which the event may matter, once. */
  touched({ entry, previous }: StoreEvent, visit: (group: Group) => void): void {
    for (const group of this.#open) visit(group)
    for (const { read, byValue } of this.#exact.values()) {
      const now = read(entry)
      for (const group of byValue.get(now) ?? []) visit(group)
      const before = previous && read(previous)
      if (before !== undefined && before !== now) for (const group of byValue.get(before) ?? []) visit(group)
    }
  }
}

export interface WatchHubDeps {
  store: Store
  prefix: string
  /** Called with every batch before any watcher sees it. */
  onEvents(events: readonly StoreEvent[]): void
}

/**
 * Fans the events of one prefix out to watchers. There is one watch on the store; each filter that an event may match,
 * found by its prefix and by the value of a field, is evaluated once per event for all its watchers, and what they are
 * sent is encoded once.
 */
export class WatchHub implements Disposable {
  readonly #deps: WatchHubDeps
  readonly #groups = new Map<string, Group>()
  readonly #shelves = new Map<string, Shelf>()
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
    const group = this.#groups.get(filter.key) ?? this.#addGroup(filter)
    group.sinks.add(sink)
    return {
      [Symbol.dispose]: () => {
        group.sinks.delete(sink)
        if (group.sinks.size === 0 && this.#groups.get(filter.key) === group) this.#removeGroup(group)
      },
    }
  }

  #addGroup(filter: WatchFilter): Group {
    const group: Group = { filter, sinks: new Set() }
    this.#groups.set(filter.key, group)
    getOrMake(this.#shelves, filter.prefix, () => new Shelf()).add(group)
    return group
  }

  #removeGroup(group: Group): void {
    const { key, prefix } = group.filter
    this.#groups.delete(key)
    const shelf = this.#shelves.get(prefix)
    shelf?.remove(group)
    if (shelf?.isEmpty) this.#shelves.delete(prefix)
  }

  #replay(filter: WatchFilter, after: number, sink: WatchSink): void {
    const { store } = this.#deps
    const past: StoreEvent[] = []
    store.watch(filter.prefix, { after, onEvents: (events) => past.push(...events), onEnd: () => {} })[Symbol.dispose]()
    const changes = past.flatMap((event) => changeUnder(filter, new EventChanges(event, filter.departed)) ?? [])
    if (changes.length) sink.onBatch(new WatchBatch(changes, store.revision))
  }

  #fanOut(events: readonly StoreEvent[]): void {
    this.#deps.onEvents(events)
    if (this.#groups.size) this.#deliver(events)
    // Few ask for the past again: what was derived from it would outlive its use by the whole history.
    for (const { previous } of events) if (previous) previous.derived = undefined
  }

  #deliver(events: readonly StoreEvent[]): void {
    const changes = new Map<Group, Change[]>()
    for (const event of events) {
      const views = new Map<WatchFilter['departed'], EventChanges>()
      const visit = (group: Group) => {
        const { departed } = group.filter
        const change = changeUnder(
          group.filter,
          getOrMake(views, departed, () => new EventChanges(event, departed)),
        )
        if (change) getOrMake(changes, group, () => []).push(change)
      }
      const { key } = event
      this.#shelves.get(this.#deps.prefix)?.touched(event, visit)
      const namespace = key.slice(0, key.lastIndexOf('/') + 1)
      if (namespace !== this.#deps.prefix) this.#shelves.get(namespace)?.touched(event, visit)
    }
    const revision = events.at(-1)!.revision
    for (const [{ sinks }, seen] of changes) {
      const batch = new WatchBatch(seen, revision)
      for (const sink of sinks) sink.onBatch(batch)
    }
  }

  #end(error: Error): void {
    this.#ended = error
    const groups = [...this.#groups.values()]
    this.#groups.clear()
    this.#shelves.clear()
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

/** How an event under the filter's prefix looks to its watchers; undefined where they do not see it. */
function changeUnder({ matches }: WatchFilter, changed: EventChanges): Change | undefined {
  if (!matches) return changed.natural
  const { entry, previous, type } = changed.event
  const before = previous !== undefined && matches(previous)
  return changed.under(type === 'put' && matches(entry), before)
}

function getOrMake<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  let value = map.get(key)
  if (value === undefined) map.set(key, (value = make()))
  return value
}
