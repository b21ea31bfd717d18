/**
 * Joins callers that want a check made after they asked: those that come while one is being made share the next one, so
 * that any number of readers costs at most two checks at a time.
 */
export class Freshness {
  readonly #check: () => Promise<void>
  #current: Promise<void> | undefined
  #next: Promise<void> | undefined

  constructor(check: () => Promise<void>) {
    this.#check = check
  }

  fresh(): Promise<void> {
    if (!this.#current) return this.#start()
    return (this.#next ??= this.#current
      .catch(() => {})
      .then(() => {
        this.#next = undefined
        return this.#start()
      }))
  }

  #start(): Promise<void> {
    const current = this.#check().finally(() => {
      if (this.#current === current) this.#current = undefined
    })
    this.#current = current
    return current
  }
}
