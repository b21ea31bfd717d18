import { backoffDelay, type BackoffOptions } from '../base/backoff.ts'
import type { Clock } from '../base/clock.ts'

/** Per-key exponential back-off of client-go's default controller rate limiter, in milliseconds. */
const usualRetry: BackoffOptions = { initial: 5, max: 1_000_000 }

/**
 * Keys waiting to be worked on, with client-go's guarantees: a key is handed to one worker at a time, however often it
 * is added; a key added while it is being worked on is handed out again after `done`.
 */
export class WorkQueue {
  readonly #clock: Clock
  readonly #retry: BackoffOptions
  /** In the order of handing out. */
  readonly #ready: string[] = []
  #head = 0
  /** Everything that must be worked on, ready or waiting for `done`. */
  readonly #dirty = new Set<string>()
  readonly #processing = new Set<string>()
  readonly #delayed = new Map<string, { at: number; cancel: () => void }>()
  readonly #failures = new Map<string, number>()
  readonly #waiters: ((key: string | undefined) => void)[] = []
  readonly #idle: (() => void)[] = []
  #stopped = false

  /** `retry`: between attempts at a key that fails; default 5 ms, doubling, at most 1000 s. */
  constructor(deps: { clock: Clock; retry?: BackoffOptions | undefined }) {
    this.#retry = deps.retry ?? usualRetry
    this.#clock = deps.clock
  }

  /** Keys ready to be handed out. */
  get length(): number {
    return this.#ready.length - this.#head
  }

  add(key: string): void {
    if (this.#stopped || this.#dirty.has(key)) return
    this.#dirty.add(key)
    if (!this.#processing.has(key)) this.#offer(key)
  }

  /** Adds after `ms` milliseconds; of several delays of one key the earliest counts. */
  addAfter(key: string, ms: number): void {
    if (this.#stopped) return
    if (ms <= 0) return this.add(key)
    const at = this.#clock.monotonic() + ms
    const waiting = this.#delayed.get(key)
    if (waiting && waiting.at <= at) return
    waiting?.cancel()
    const cancel = this.#clock.after(ms, () => {
      this.#delayed.delete(key)
      this.add(key)
    })
    this.#delayed.set(key, { at, cancel })
  }

  /** Adds after the back-off of this key's failures so far. */
  addRateLimited(key: string): void {
    const failures = this.#failures.get(key) ?? 0
    this.#failures.set(key, failures + 1)
    this.addAfter(key, backoffDelay(failures, this.#retry))
  }

  /** Forgets the failures of a key. */
  forget(key: string): void {
    this.#failures.delete(key)
  }

  failures(key: string): number {
    return this.#failures.get(key) ?? 0
  }

  /** The next key, or undefined once the queue is shut down and empty. Every key must be given back by `done`. */
  get(): Promise<string | undefined> {
    if (this.length) return Promise.resolve(this.#take())
    if (this.#stopped) return Promise.resolve(undefined)
    return new Promise((resolve) => this.#waiters.push(resolve))
  }

  done(key: string): void {
    this.#processing.delete(key)
    if (this.#dirty.has(key)) this.#offer(key)
    else if (this.#stopped && !this.#processing.size) for (const resolve of this.#idle.splice(0)) resolve()
  }

  /** Takes no more keys, hands out none, and resolves when those being worked on are done. */
  async shutDown(): Promise<void> {
    this.#stopped = true
    for (const { cancel } of this.#delayed.values()) cancel()
    this.#delayed.clear()
    this.#ready.length = this.#head = 0
    this.#dirty.clear()
    for (const resolve of this.#waiters.splice(0)) resolve(undefined)
    if (this.#processing.size) await new Promise<void>((resolve) => this.#idle.push(resolve))
  }

  #offer(key: string): void {
    this.#ready.push(key)
    this.#waiters.shift()?.(this.#take())
  }

  #take(): string {
    const key = this.#ready[this.#head++]!
    if (this.#head > 1024 && this.#head * 2 > this.#ready.length) {
      this.#ready.splice(0, this.#head)
      this.#head = 0
    }
    this.#dirty.delete(key)
    this.#processing.add(key)
    return key
  }
}
