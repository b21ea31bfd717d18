import type { StoreEvent, WatchOptions } from './api.ts'

interface Watcher {
  readonly options: WatchOptions
  /** Nothing up to this revision is delivered (again). */
  after: number
}

/** The watchers of one prefix share the list of what happened under it. */
interface Group {
  readonly prefix: string
  readonly watchers: Set<Watcher>
  events: StoreEvent[]
}

/**
 * Fan-out by prefix: an event looks up the groups of its key's own prefixes, so that it costs nothing to watchers of
 * anything else, however many there are.
 */
export class Watchers {
  #groups = new Map<string, Group>()
  /** Lengths of the watched prefixes that do not end in a slash, with their number: the only other ones to look up. */
  #oddLengths = new Map<number, number>()

  add(prefix: string, options: WatchOptions, after: number): Disposable {
    let group = this.#groups.get(prefix)
    if (!group) {
      group = { prefix, watchers: new Set(), events: [] }
      this.#groups.set(prefix, group)
      this.#countOdd(prefix, 1)
    }
    const watcher: Watcher = { options, after }
    group.watchers.add(watcher)
    return { [Symbol.dispose]: () => this.#remove(group, watcher) }
  }

  /** Delivers the events, whose revisions ascend. */
  notify(events: readonly StoreEvent[]): void {
    const touched: Group[] = []
    for (const event of events) {
      this.#eachGroup(event.key, (group) => {
        if (group.events.push(event) === 1) touched.push(group)
      })
    }
    for (const group of touched) {
      const batch = group.events
      group.events = []
      for (const watcher of group.watchers) this.#deliver(group, watcher, batch)
    }
  }

  end(error: Error): void {
    const groups = [...this.#groups.values()]
    this.#groups.clear()
    this.#oddLengths.clear()
    for (const { watchers } of groups) {
      for (const watcher of watchers) {
        watchers.delete(watcher)
        watcher.options.onEnd(error)
      }
    }
  }

  #deliver(group: Group, watcher: Watcher, batch: readonly StoreEvent[]): void {
    if (batch[0]!.revision <= watcher.after) batch = batch.filter((event) => event.revision > watcher.after)
    if (!batch.length) return
    try {
      watcher.options.onEvents(batch)
    } catch (error) {
      this.#remove(group, watcher)
      watcher.options.onEnd(error as Error)
    }
  }

  #remove(group: Group, watcher: Watcher): void {
    if (!group.watchers.delete(watcher) || group.watchers.size) return
    this.#groups.delete(group.prefix)
    this.#countOdd(group.prefix, -1)
  }

  #eachGroup(key: string, visit: (group: Group) => void): void {
    for (let slash = key.indexOf('/'); slash >= 0; slash = key.indexOf('/', slash + 1)) {
      const group = this.#groups.get(key.slice(0, slash + 1))
      if (group) visit(group)
    }
    for (const length of this.#oddLengths.keys()) {
      if (length > key.length) continue
      const prefix = key.slice(0, length)
      if (prefix.endsWith('/')) continue
      const group = this.#groups.get(prefix)
      if (group) visit(group)
    }
  }

  #countOdd(prefix: string, change: number): void {
    if (prefix.endsWith('/')) return
    const count = (this.#oddLengths.get(prefix.length) ?? 0) + change
    if (count) this.#oddLengths.set(prefix.length, count)
    else this.#oddLengths.delete(prefix.length)
  }
}
