/** Bytes that are no DER, in the words of Go's library. */
export class DerError extends Error {}

export interface DerElement {
  readonly tag: number
  readonly content: Buffer
  /** Tag, length and content. */
  readonly whole: Buffer
}

/** The elements of a DER encoding, side by side. Throws DerError. */
export function elementsOf(bytes: Buffer): DerElement[] {
  const elements: DerElement[] = []
  for (let at = 0; at < bytes.length;) {
    const start = at
    const tag = bytes[at++]!
    let length = bytes[at++]
    if (length === undefined) throw new DerError('asn1: syntax error: truncated tag or length')
    if (length & 0x80) {
      const size = length & 0x7f
      if (size === 0 || size > 4 || at + size > bytes.length)
        throw new DerError('asn1: structure error: length too large')
      length = bytes.readUIntBE(at, size)
      at += size
    }
    if (at + length > bytes.length) throw new DerError('asn1: syntax error: data truncated')
    elements.push({ tag, content: bytes.subarray(at, at + length), whole: bytes.subarray(start, at + length) })
    at += length
  }
  return elements
}

/** `elementsOf` where something must be there. */
export function firstOf(bytes: Buffer | undefined): DerElement {
  const [first] = elementsOf(bytes ?? Buffer.alloc(0))
  if (!first) throw new DerError("asn1: structure error: tags don't match")
  return first
}
