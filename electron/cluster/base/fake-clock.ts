import { sleepOn, type Clock } from './clock.ts'

/** A clock that stands still until a test advances it. Timers fire in order of their time, then of their making. */
export class FakeClock implements Clock {
  /** Monotonic. */
  #now = 0
  /** What the time of day was when the clock began, as it is set now. */
  #epoch: number
  #order = 0
  #timers: { at: number; order: number; callback: () => void }[] = []

  constructor(start = Date.UTC(2026, 0, 1)) {
    this.#epoch = start
  }

  now = (): number => this.#epoch + this.#now
  monotonic = (): number => this.#now

  /** Sets the time of day forward or back, as people and time servers do. Timers do not notice. */
  jump(ms: number): void {
    this.#epoch += ms
  }

  after(ms: number, callback: () => void): () => void {
    const timer = { at: this.#now + Math.max(0, ms), order: this.#order++, callback }
    this.#timers.push(timer)
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer)
    }
  }

  sleep = (ms: number, signal?: AbortSignal): Promise<void> => sleepOn(this, ms, signal)

  /** Moves time forward, firing what falls due and letting promises settle after each timer. */
  async advance(ms: number): Promise<void> {
    const target = this.#now + ms
    await settle()
    for (;;) {
      const next = this.#timers.filter((t) => t.at <= target).sort((a, b) => a.at - b.at || a.order - b.order)[0]
      if (!next) break
      this.#timers.splice(this.#timers.indexOf(next), 1)
      this.#now = Math.max(this.#now, next.at)
      next.callback()
      await settle()
    }
    this.#now = target
    await settle()
  }

  get pending(): number {
    return this.#timers.length
  }
}

/** Lets every promise that can settle without time passing do so. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 5; i++) await new Promise<void>((resolve) => setImmediate(resolve))
}
