/** Of the range that carriers use (RFC 6598), which no cluster routes: second octets. */
const ranges = { pods: { first: 64, end: 127 }, nodes: { first: 127, end: 128 } }

/** Addresses for what does not exist. The lowest free one is given out, so that a fleet of any size stays dense. */
export class FakeAddresses {
  readonly #range: { readonly first: number; readonly end: number }
  readonly #taken = new Set<number>()
  readonly #free: number[] = []
  #next = 1

  constructor(of: keyof typeof ranges) {
    this.#range = ranges[of]
  }

  take(): string {
    let index = this.#free.pop() ?? this.#next++
    while (this.#taken.has(index)) index = this.#next++
    this.#taken.add(index)
    return `100.${this.#range.first + (index >> 16)}.${(index >> 8) & 255}.${index & 255}`
  }

  /** An address that is one's from an earlier run. False when it is none of these. */
  keep(address: string): boolean {
    const index = this.#indexOf(address)
    if (index !== undefined) this.#taken.add(index)
    return index !== undefined
  }

  release(address: string): void {
    const index = this.#indexOf(address)
    if (index !== undefined && this.#taken.delete(index)) this.#free.push(index)
  }

  #indexOf(address: string): number | undefined {
    const { first, end } = this.#range
    const [a, b = 0, c = 0, d = 0] = address.split('.').map(Number)
    return a === 100 && b >= first && b < end ? ((b - first) << 16) | (c << 8) | d : undefined
  }
}
