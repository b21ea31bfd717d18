/** Runs so many tasks at a time, in the order in which they came. */
export class Limiter {
  readonly #most: number
  /** From the head on: to shift a long list would move all of it. */
  #waiting: (() => Promise<void>)[] = []
  #head = 0
  #running = 0

  constructor(most: number) {
    this.#most = most
  }

  /** Resolves when the task has run; rejects with its error. */
  run(task: () => Promise<void>): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push(() => task().then(resolve, reject))
      this.#next()
    })
  }

  /** Forgets what has not begun. */
  clear(): void {
    this.#waiting = []
    this.#head = 0
  }

  #next(): void {
    if (this.#running >= this.#most) return
    const task = this.#waiting[this.#head++]
    if (!task) return this.clear()
    if (this.#head > 1024 && this.#head * 2 > this.#waiting.length) {
      this.#waiting.splice(0, this.#head)
      this.#head = 0
    }
    this.#running++
    void task().finally(() => {
      this.#running--
      this.#next()
    })
  }
}
