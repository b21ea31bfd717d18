import type { Clock } from './clock.ts'

/** An object as a trace names it; the revision is the one that was seen. */
export interface TraceRef {
  readonly apiVersion?: string
  readonly kind: string
  readonly namespace?: string
  readonly name: string
  readonly uid?: string
  readonly resourceVersion?: string
}

/** Cause and effect: `component` saw `cause` and did `action` to `object`. */
export interface TraceEntry {
  /** Counts from 1 within a process. */
  readonly sequence: number
  /** Milliseconds since the epoch. */
  readonly at: number
  readonly component: string
  readonly cause: TraceRef | undefined
  /** Verb and, where there is one, subresource: `create`, `update/status`, `start container`. */
  readonly action: string
  readonly object: TraceRef
  /** What went wrong, where the action failed. */
  readonly failure?: string
}

export interface Trace {
  record(entry: Omit<TraceEntry, 'sequence' | 'at'>): void
}

/** The newest entries, oldest first. Costs one array. */
export class TraceRing implements Trace {
  readonly #clock: Clock
  readonly #capacity: number
  readonly #entries: TraceEntry[] = []
  #sequence = 0

  constructor(deps: { clock: Clock; capacity?: number }) {
    this.#clock = deps.clock
    this.#capacity = deps.capacity ?? 16_384
  }

  record(entry: Omit<TraceEntry, 'sequence' | 'at'>): void {
    const sequence = ++this.#sequence
    this.#entries[(sequence - 1) % this.#capacity] = { sequence, at: this.#clock.now(), ...entry }
  }

  /** Entries with a greater sequence than `after`, as far as they are still kept. */
  entries(after = 0): TraceEntry[] {
    const oldest = Math.max(after, this.#sequence - this.#entries.length)
    const count = Math.max(0, this.#sequence - oldest)
    return Array.from({ length: count }, (_, index) => this.#entries[(oldest + index) % this.#capacity]!)
  }
}
