import type { KubeObject, WatchEvent } from '#shared/kube/object.ts'

/** One side pushes, the other iterates; ends on `end`, fails on `fail`. */
export class EventQueue<T extends KubeObject> implements AsyncIterable<WatchEvent<T>> {
  #events: WatchEvent<T>[] = []
  #ended = false
  #error: unknown
  #wake: (() => void) | undefined

  push(event: WatchEvent<T>): void {
    if (this.#ended) return
    this.#events.push(event)
    this.#wake?.()
  }

  end(error?: unknown): void {
    this.#ended = true
    this.#error = error
    this.#wake?.()
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<WatchEvent<T>, void> {
    for (;;) {
      for (let next = this.#events.shift(); next; next = this.#events.shift()) yield next
      if (this.#error) throw this.#error as Error
      if (this.#ended) return
      await new Promise<void>((resolve) => (this.#wake = resolve))
      this.#wake = undefined
    }
  }
}
