/** Disposes what it was given, last first; one failure does not keep the rest from being disposed. */
export class Disposer implements AsyncDisposable {
  #stack: AsyncDisposable[] = []

  /** Takes ownership and returns the same value. */
  own<T extends AsyncDisposable>(value: T): T {
    this.#stack.push(value)
    return value
  }

  /** Calls back on disposal. */
  defer(callback: () => void | Promise<void>): void {
    this.#stack.push({ [Symbol.asyncDispose]: async () => callback() })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const failures: unknown[] = []
    for (let next = this.#stack.pop(); next; next = this.#stack.pop()) {
      try {
        await next[Symbol.asyncDispose]()
      } catch (error) {
        failures.push(error)
      }
    }
    if (failures.length === 1) throw failures[0]
    if (failures.length) throw new AggregateError(failures, 'several parts failed to stop')
  }
}
