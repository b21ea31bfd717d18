/** Most bytes that are kept, and what keeping a message takes besides. */
const budget = 32 * 1024 * 1024
const overhead = 256

/**
 * Protobuf messages that were made lately: the clients that ask for them list and watch the same objects, and each is
 * encoded once for all. The oldest make room.
 */
export class RecentMessages {
  readonly #kept = new Map<object, Buffer>()
  readonly #budget: number
  #size = 0

  constructor(bytes = budget) {
    this.#budget = bytes
  }

  /** `holder` stands for an object in one version. */
  of(holder: object, make: () => Buffer): Buffer {
    const known = this.#kept.get(holder)
    if (known) return known
    const made = make()
    this.#kept.set(holder, made)
    this.#size += made.length + overhead
    for (const [oldest, { length }] of this.#kept) {
      if (this.#size <= this.#budget) break
      this.#kept.delete(oldest)
      this.#size -= length + overhead
    }
    return made
  }
}
