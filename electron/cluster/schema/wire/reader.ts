import { DecodeError } from '../json/decoder.ts'
import { shortest } from '../json/exact.ts'

/** Messages in messages: each level of them is one of the stack. */
const deepest = 1000

/** Reads the protobuf wire format. Throws DecodeError on a message cut short or malformed. */
export class ProtoReader {
  readonly #bytes: Buffer
  #at: number
  readonly #end: number
  readonly #depth: number

  constructor(bytes: Buffer, start = 0, end = bytes.length, depth = 0) {
    if (depth > deepest) throw new DecodeError('exceeded max depth')
    this.#bytes = bytes
    this.#at = start
    this.#end = end
    this.#depth = depth
  }

  get more(): boolean {
    return this.#at < this.#end
  }

  /** Field number and wire type of what follows. */
  tag(): { number: number; wire: number } {
    const tag = this.varint()
    const number = Math.floor(tag / 8)
    const wire = tag % 8
    if (number <= 0 || wire === 4) throw new DecodeError(`proto: illegal tag ${number} (wire type ${tag})`)
    return { number, wire }
  }

  /** Signed 64 bits, as a number. */
  varint(): number {
    let low = 0
    let high = 0
    for (let shift = 0; shift < 70; shift += 7) {
      if (this.#at >= this.#end) throw new DecodeError('unexpected EOF')
      const byte = this.#bytes[this.#at++]!
      const bits = byte & 0x7f
      if (shift < 28) low += bits * 2 ** shift
      else if (shift === 28) {
        low += (bits & 0x0f) * 2 ** 28
        high += bits >>> 4
      } else high += bits * 2 ** (shift - 32)
      if (byte < 0x80) return (high | 0) * 2 ** 32 + low
    }
    throw new DecodeError('proto: integer overflow')
  }

  /** The same, exactly: a bigint where a number cannot hold it. */
  int64(): number | bigint {
    const start = this.#at
    const value = this.varint()
    if (Number.isSafeInteger(value)) return value
    let exact = 0n
    for (let at = start; at < this.#at; at++) exact |= BigInt(this.#bytes[at]! & 0x7f) << BigInt(7 * (at - start))
    return shortest(BigInt.asIntN(64, exact))
  }

  double(): number {
    if (this.#at + 8 > this.#end) throw new DecodeError('unexpected EOF')
    const value = this.#bytes.readDoubleLE(this.#at)
    this.#at += 8
    return value
  }

  bytes(): Buffer {
    const [start, end] = this.#delimited()
    return this.#bytes.subarray(start, end)
  }

  string(): string {
    const [start, end] = this.#delimited()
    return this.#bytes.toString('utf8', start, end)
  }

  message(): ProtoReader {
    const [start, end] = this.#delimited()
    return new ProtoReader(this.#bytes, start, end, this.#depth + 1)
  }

  skip(wire: number): void {
    if (wire === 0) this.varint()
    else if (wire === 1) this.#advance(8)
    else if (wire === 2) this.#delimited()
    else if (wire === 5) this.#advance(4)
    else throw new DecodeError(`proto: illegal wireType ${wire}`)
  }

  #delimited(): [number, number] {
    const length = this.varint()
    const start = this.#at
    if (length < 0) throw new DecodeError('proto: negative length found during unmarshaling')
    this.#advance(length)
    return [start, this.#at]
  }

  #advance(by: number): void {
    if (this.#at + by > this.#end) throw new DecodeError('unexpected EOF')
    this.#at += by
  }
}
