/**
 * Addresses for pods that do not exist: from the range that carriers use (RFC 6598), which no cluster routes. The
 * lowest free one is given out, so that a fleet of any size stays dense.
 */
export class FakeAddresses {
  readonly #taken = new Set<number>()
  readonly #free: number[] = []
  #next = 1

  take(): string {
    let index = this.#free.pop() ?? this.#next++
    while (this.#taken.has(index)) index = this.#next++
    this.#taken.add(index)
    return `100.${64 + (index >> 16)}.${(index >> 8) & 255}.${index & 255}`
  }

  /** An address that a pod has from an earlier run. */
  keep(address: string): void {
    const index = indexOf(address)
    if (index !== undefined) this.#taken.add(index)
  }

  release(address: string): void {
    const index = indexOf(address)
    if (index !== undefined && this.#taken.delete(index)) this.#free.push(index)
  }
}

function indexOf(address: string): number | undefined {
  const [a, b = 0, c = 0, d = 0] = address.split('.').map(Number)
  return a === 100 && b >= 64 && b < 128 ? ((b - 64) << 16) | (c << 8) | d : undefined
}
