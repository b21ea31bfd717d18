import { formatAddress, formatRange, parseAddress, rangeSize, type Range } from './cidr.ts'

/**
 * Addresses of a node's pod range: the first is the gateway's. The next free one after the last given out, so that an
 * address rests as long as possible before another pod has it.
 */
export class AddressPool {
  readonly #range: Range
  readonly #taken = new Set<number>()
  #last: number

  constructor(range: Range) {
    this.#range = range
    this.#last = range.base + 1
  }

  get gateway(): string {
    return formatAddress(this.#range.base + 1)
  }

  take(): string {
    const first = this.#range.base + 2
    const count = rangeSize(this.#range) - 3
    for (let step = 1; step <= count; step++) {
      const candidate = first + ((this.#last - first + step) % count)
      if (this.#taken.has(candidate)) continue
      this.#taken.add(candidate)
      this.#last = candidate
      return formatAddress(candidate)
    }
    throw new Error(`no address is left in the node's pod range ${formatRange(this.#range)}`)
  }

  /** An address that is known to be in use. */
  reserve(address: string): void {
    this.#taken.add(parseAddress(address))
  }

  release(address: string): void {
    this.#taken.delete(parseAddress(address))
  }
}
