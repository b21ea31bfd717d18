const lowest = 0xffff_ffffn

/** Longer texts are written by Node. */
const mostByHand = 48

/**
 * Writes the protobuf wire format from the end towards the start, so that the length of a nested message is known when
 * its prefix is written and nothing is copied twice.
 */
export class ProtoWriter {
  #bytes = Buffer.allocUnsafe(1024)
  #at = this.#bytes.length

  /** Bytes written so far. */
  get length(): number {
    return this.#bytes.length - this.#at
  }

  /** What was written, in memory of its own; the writer is empty again. */
  take(): Buffer {
    const taken = Buffer.from(this.#bytes.subarray(this.#at))
    this.clear()
    return taken
  }

  clear(): void {
    this.#at = this.#bytes.length
  }

  tag(number: number, wire: number): void {
    this.varint(number * 8 + wire)
  }

  /** Signed 64 bits. */
  varint(value: number | bigint): void {
    if (typeof value === 'bigint') return this.#groups(Number(value & lowest), Number((value >> 32n) & lowest))
    if (value >= 0 && value < 0x80) {
      this.#room(1)
      this.#bytes[--this.#at] = value
      return
    }
    if (value >= 0 && value < 0x4000) {
      this.#room(2)
      this.#bytes[--this.#at] = value >>> 7
      this.#bytes[--this.#at] = (value & 0x7f) | 0x80
      return
    }
    this.#groups(value >>> 0, Math.floor(value / 2 ** 32) >>> 0)
  }

  /** A varint of two halves of 32 bits. */
  #groups(low: number, high: number): void {
    const groups: number[] = []
    do {
      groups.push(low & 0x7f)
      low = ((low >>> 7) | ((high & 0x7f) << 25)) >>> 0
      high >>>= 7
    } while (low || high)
    this.#room(groups.length)
    for (let i = groups.length - 1; i >= 0; i--)
      this.#bytes[--this.#at] = groups[i]! | (i < groups.length - 1 ? 0x80 : 0)
  }

  double(value: number): void {
    this.#room(8)
    this.#at -= 8
    this.#bytes.writeDoubleLE(value, this.#at)
  }

  /** Length-delimited bytes. */
  bytes(value: Uint8Array): void {
    this.raw(value)
    this.varint(value.length)
  }

  raw(value: Uint8Array): void {
    this.#room(value.length)
    this.#at -= value.length
    this.#bytes.set(value, this.#at)
  }

  string(value: string): void {
    if (value.length <= mostByHand && this.#ascii(value)) return this.varint(value.length)
    const length = Buffer.byteLength(value)
    this.#room(length)
    this.#at -= length
    this.#bytes.write(value, this.#at, length, 'utf8')
    this.varint(length)
  }

  /** Closes a message whose content was written since `before`, the length then: writes length and tag. */
  close(number: number, before: number): void {
    this.varint(this.length - before)
    this.tag(number, 2)
  }

  /** Short texts are mostly ASCII, and copied faster than a native call is made. False: nothing was written. */
  #ascii(value: string): boolean {
    this.#room(value.length)
    const bytes = this.#bytes
    const start = this.#at - value.length
    for (let i = 0; i < value.length; i++) {
      const code = value.charCodeAt(i)
      if (code >= 0x80) return false
      bytes[start + i] = code
    }
    this.#at = start
    return true
  }

  #room(needed: number): void {
    if (this.#at >= needed) return
    const used = this.length
    const grown = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, used + needed + 64))
    this.#bytes.copy(grown, grown.length - used, this.#at)
    this.#at = grown.length - used
    this.#bytes = grown
  }
}
