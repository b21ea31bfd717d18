import type { Clock } from './clock.ts'

interface Entry {
  delay: number
  /** Wall time of the last growth, as it is compared with the end of containers. */
  at: number
}

/**
 * Growing delays by key that are forgotten after a calm time of twice the longest. Source: client-go's
 * flowcontrol.Backoff, which CrashLoopBackOff (10 s to 5 min), ImagePullBackOff and the replacing of failed daemon pods
 * are made of.
 */
export class KeyedBackoff {
  readonly #clock: Clock
  readonly #initial: number
  readonly #max: number
  readonly #entries = new Map<string, Entry>()

  constructor(clock: Clock, { initial = 10_000, max = 300_000 } = {}) {
    this.#clock = clock
    this.#initial = initial
    this.#max = max
  }

  /** Milliseconds until the key may be tried again, when its last failure was at `since` (wall time). */
  remaining(key: string, since: number): number {
    const entry = this.#entries.get(key)
    if (!entry) return 0
    const now = this.#clock.now()
    if (since - entry.at > this.#max * 2) return 0
    // Where the time of day was set back, that failure lies in the future.
    return Math.min(entry.delay, Math.max(0, entry.delay - (now - since)))
  }

  /** As `remaining`, counted from the last call of `next`. */
  remainingSinceUpdate(key: string): number {
    const entry = this.#entries.get(key)
    return entry ? this.remaining(key, entry.at) : 0
  }

  delay(key: string): number {
    return this.#entries.get(key)?.delay ?? 0
  }

  /** The key is tried (again) after a failure at `since`: the next delay is longer. */
  next(key: string, since: number): void {
    const entry = this.#entries.get(key)
    const calm = !entry || since - entry.at > this.#max * 2
    const delay = calm ? this.#initial : Math.min(entry.delay * 2, this.#max)
    this.#entries.set(key, { delay, at: this.#clock.now() })
  }

  /** Forgets all keys that begin so. */
  forget(prefix: string): void {
    for (const key of this.#entries.keys()) if (key.startsWith(prefix)) this.#entries.delete(key)
  }
}
