/** Runs so many tasks at a time, in the order in which they came. */
export class Limiter {
  readonly #most: number
  readonly #waiting: (() => Promise<void>)[] = []
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
    this.#waiting.length = 0
  }

  #next(): void {
    if (this.#running >= this.#most) return
    const task = this.#waiting.shift()
    if (!task) return
    this.#running++
    void task().finally(() => {
      this.#running--
      this.#next()
    })
  }
}
