import type { StoreEvent } from './api.ts'

/** How much history is kept before the oldest is forgotten. */
export interface HistoryLimits {
  events: number
  /** Bytes of values that only the history holds. */
  bytes: number
}

export const defaultHistoryLimits: HistoryLimits = { events: 100_000, bytes: 64 * 1024 * 1024 }

/** The events since the compaction, oldest first. */
export class History {
  readonly #limits: HistoryLimits
  #events: StoreEvent[] = []
  #bytes = 0

  constructor(limits: HistoryLimits) {
    this.#limits = limits
  }

  push(event: StoreEvent): void {
    this.#events.push(event)
    this.#bytes += held(event)
  }

  /** Events with a greater revision. */
  after(revision: number): readonly StoreEvent[] {
    const from = this.#firstAfter(revision)
    return from === this.#events.length ? [] : this.#events.slice(from)
  }

  /** Forgets the events up to this revision and returns them. */
  dropThrough(revision: number): readonly StoreEvent[] {
    const dropped = this.#events.splice(0, this.#firstAfter(revision))
    for (const event of dropped) this.#bytes -= held(event)
    return dropped
  }

  /** When the limits are exceeded: the revision to compact to so that a quarter of them is free again. */
  excess(): number | undefined {
    if (this.#events.length <= this.#limits.events && this.#bytes <= this.#limits.bytes) return undefined
    let count = this.#events.length
    let bytes = this.#bytes
    for (const event of this.#events) {
      if (count <= this.#limits.events * 0.75 && bytes <= this.#limits.bytes * 0.75) return event.revision - 1
      count--
      bytes -= held(event)
    }
    return this.#events.at(-1)!.revision
  }

  #firstAfter(revision: number): number {
    let low = 0
    let high = this.#events.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#events[middle]!.revision <= revision) low = middle + 1
      else high = middle
    }
    return low
  }
}

const held = (event: StoreEvent): number =>
  (event.previous?.value.length ?? 0) + (event.type === 'delete' ? event.entry.value.length : 0)
