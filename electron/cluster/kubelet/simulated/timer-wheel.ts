import type { Clock } from '../../base/clock.ts'

/** Length of a slot, milliseconds: what falls into the same one is called back together. */
const tick = 50

/** Any number of timers on one timer of the clock, which runs only while there is something to wait for. */
export class TimerWheel {
  readonly #clock: Clock
  readonly #slots = new Map<number, Set<() => void>>()
  #cancel: (() => void) | undefined
  #done = 0

  constructor(clock: Clock) {
    this.#clock = clock
    this.#done = this.#now()
  }

  /** Calls back in the slot after `ms` milliseconds; the returned function cancels. */
  after(ms: number, callback: () => void): () => void {
    const slot = this.#now() + Math.max(1, Math.ceil(ms / tick))
    const callbacks = this.#slots.get(slot) ?? new Set()
    this.#slots.set(slot, callbacks)
    // Every call has an entry of its own, whatever function it is given.
    const entry = () => callback()
    callbacks.add(entry)
    if (!this.#cancel) {
      this.#done = this.#now()
      this.#arm()
    }
    return () => {
      callbacks.delete(entry)
    }
  }

  stop(): void {
    this.#cancel?.()
    this.#slots.clear()
  }

  #now(): number {
    return Math.floor(this.#clock.monotonic() / tick)
  }

  #arm(): void {
    this.#cancel = this.#clock.after(tick, () => {
      const now = this.#now()
      // After a stall several slots are due.
      for (; this.#done <= now; this.#done++) {
        const due = this.#slots.get(this.#done)
        this.#slots.delete(this.#done)
        for (const callback of due ?? []) callback()
      }
      this.#cancel = undefined
      if (this.#slots.size) this.#arm()
    })
  }
}
