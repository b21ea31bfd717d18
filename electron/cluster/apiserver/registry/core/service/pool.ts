import type { Random } from '../../../../base/random.ts'

/** Numbers 0…size-1, of which some are taken. What is chosen freely comes from the upper band, as long as it lasts. */
export class Pool {
  readonly size: number
  readonly #taken: Uint8Array
  readonly #band: number

  /** `band`: how many numbers at the start are left to those who ask for one by name. */
  constructor(size: number, band: number) {
    this.size = size
    this.#taken = new Uint8Array(size)
    this.#band = band
  }

  has(number: number): boolean {
    return this.#taken[number] === 1
  }

  /** False when it is taken already. */
  take(number: number): boolean {
    if (this.has(number)) return false
    this.#taken[number] = 1
    return true
  }

  release(number: number): void {
    if (number >= 0 && number < this.size) this.#taken[number] = 0
  }

  clear(): void {
    this.#taken.fill(0)
  }

  /** One number as Go's big.Int writes its bytes: big-endian, no leading zeros, bit i for the number i. */
  bits(): Buffer {
    const bytes = Buffer.alloc(Math.ceil(this.size / 8))
    for (let i = 0; i < this.size; i++) if (this.has(i)) bytes[bytes.length - 1 - (i >> 3)]! |= 1 << (i & 7)
    const first = bytes.findIndex((byte) => byte !== 0)
    return first < 0 ? Buffer.alloc(0) : bytes.subarray(first)
  }

  /** A free number, not yet taken; undefined when there is none. */
  findFree(random: Random): number | undefined {
    return searchFree(this.size, this.#band, (number) => this.has(number), random)
  }
}

/** The first free one of the numbers 0…size-1 after a random one: of those from `band` on, then of those before it. */
export function searchFree(
  size: number,
  band: number,
  isTaken: (number: number) => boolean,
  random: Random,
): number | undefined {
  const search = (from: number, to: number) => {
    const span = to - from
    const start = Math.floor(random.next() * span)
    for (let i = 0; i < span; i++) {
      const number = from + ((start + i) % span)
      if (!isTaken(number)) return number
    }
    return undefined
  }
  return search(band, size) ?? search(0, band)
}

/** Source: calculateRangeOffset: between `least` and `most`, else one `step`th of the range. */
export const staticBand = (size: number, least: number, most: number, step: number): number => {
  if (size <= least) return 0
  return Math.min(Math.max(Math.floor(size / step), least), most)
}
