import type { Clock } from '../../base/clock.ts'

/** Waiting longer than this for one's own writes to show up means that a watch event was lost. */
const timeout = 300_000

interface Expected {
  creations: number
  /** Keys of the objects whose deletion has been asked for. */
  deletions: Set<string>
  at: number
}

/**
 * Creations and deletions in flight per key: what has been asked for and not yet been seen by the informer. While some
 * are, the cache is known to be stale and counting pods would create or delete too many
 * (client-go users know it as UIDTrackingControllerExpectations).
 */
export class Expectations {
  readonly #clock: Clock
  readonly #expected = new Map<string, Expected>()

  constructor(deps: { clock: Clock }) {
    this.#clock = deps.clock
  }

  /** Nothing in flight, or for so long that it never will arrive. */
  satisfied(key: string): boolean {
    return this.patience(key) === 0
  }

  /** Milliseconds until what is in flight is given up; 0 when nothing is. */
  patience(key: string): number {
    const expected = this.#expected.get(key)
    if (!expected || (expected.creations <= 0 && expected.deletions.size === 0)) return 0
    return Math.max(0, expected.at + timeout - this.#clock.monotonic())
  }

  /** Replaces what was expected before; call when `satisfied`. */
  expect(key: string, creations: number, deletions: Iterable<string>): void {
    this.#expected.set(key, { creations, deletions: new Set(deletions), at: this.#clock.monotonic() })
  }

  /** A creation was seen, or failed, or was not tried. */
  created(key: string, count = 1): void {
    const expected = this.#expected.get(key)
    if (expected) expected.creations -= count
  }

  /** The deletion of `child` was seen (or its deletionTimestamp), or failed. */
  deleted(key: string, child: string): void {
    this.#expected.get(key)?.deletions.delete(child)
  }

  forget(key: string): void {
    this.#expected.delete(key)
  }
}
