/** Sends every event to every subscriber; a subscriber that is slow keeps its own queue. */
export class EventFan<T> {
  readonly #queues = new Set<{ items: T[]; wake: () => void }>()
  #ended = false

  send(event: T): void {
    for (const queue of this.#queues) {
      queue.items.push(event)
      queue.wake()
    }
  }

  /** Takes part from the call on, not from the first `next`. */
  subscribe(signal: AbortSignal): AsyncIterable<T> {
    const queue = { items: [] as T[], wake: () => {} }
    this.#queues.add(queue)
    const wake = () => queue.wake()
    signal.addEventListener('abort', wake)
    return this.#drain(queue, signal, wake)
  }

  end(): void {
    this.#ended = true
    for (const queue of this.#queues) queue.wake()
  }

  async *#drain(queue: { items: T[]; wake: () => void }, signal: AbortSignal, wake: () => void): AsyncGenerator<T> {
    try {
      while (!signal.aborted && !this.#ended) {
        const items = queue.items.splice(0)
        if (items.length) yield* items
        else await new Promise<void>((resolve) => (queue.wake = resolve))
      }
    } finally {
      signal.removeEventListener('abort', wake)
      this.#queues.delete(queue)
    }
  }
}
