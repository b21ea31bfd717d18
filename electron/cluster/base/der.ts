/** The little of ASN.1's distinguished encoding that certificates need. */
export const tag = (number: number, ...contents: Uint8Array[]): Buffer => {
  const body = Buffer.concat(contents)
  return Buffer.concat([Buffer.from([number]), lengthOf(body.length), body])
}

function lengthOf(length: number): Buffer {
  if (length < 0x80) return Buffer.from([length])
  const bytes: number[] = []
  for (let rest = length; rest > 0; rest >>= 8) bytes.unshift(rest & 0xff)
  return Buffer.from([0x80 | bytes.length, ...bytes])
}

export const sequence = (...contents: Uint8Array[]): Buffer => tag(0x30, ...contents)
export const set = (...contents: Uint8Array[]): Buffer => tag(0x31, ...contents)
export const octets = (content: Uint8Array): Buffer => tag(0x04, content)
export const boolean = (value: boolean): Buffer => tag(0x01, Buffer.from([value ? 0xff : 0]))
export const utf8 = (text: string): Buffer => tag(0x0c, Buffer.from(text))
/** `[number]` in a structure: `constructed` wraps an element, else the bytes are the value itself. */
export const context = (number: number, content: Uint8Array, constructed = true): Buffer =>
  tag((constructed ? 0xa0 : 0x80) | number, content)
export const bits = (content: Uint8Array, unused = 0): Buffer => tag(0x03, Buffer.from([unused]), content)

/** A non-negative integer given as big-endian bytes. */
export function integer(bytes: Uint8Array): Buffer {
  const first = bytes.findIndex((byte) => byte !== 0)
  const trimmed = first < 0 ? Buffer.from([0]) : Buffer.from(bytes.subarray(first))
  return tag(0x02, trimmed[0]! & 0x80 ? Buffer.concat([Buffer.from([0]), trimmed]) : trimmed)
}

export function objectIdentifier(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number)
  const bytes = [first * 40 + second]
  for (const arc of rest) {
    const group = [arc & 0x7f]
    for (let left = arc >> 7; left > 0; left >>= 7) group.unshift((left & 0x7f) | 0x80)
    bytes.push(...group)
  }
  return tag(0x06, Buffer.from(bytes))
}

/** UTCTime until 2049, GeneralizedTime after, as RFC 5280 requires. */
export function time(milliseconds: number): Buffer {
  const iso = new Date(milliseconds).toISOString()
  const digits = iso.slice(0, 19).replace(/[-:T]/g, '')
  return iso < '2050' ? tag(0x17, Buffer.from(`${digits.slice(2)}Z`)) : tag(0x18, Buffer.from(`${digits}Z`))
}
