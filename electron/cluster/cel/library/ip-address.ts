import { isIPv4, isIPv6 } from 'node:net'

/** 4 or 16 bytes. */
export type Address = readonly number[]

/** As Go's netip.ParseAddr reads it; zones pass. */
export function parseAddress(text: string): Address | undefined {
  if (isIPv4(text)) return text.split('.').map(Number)
  if (!isIPv6(text)) return undefined
  const [plain = ''] = text.split('%')
  const dotted = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(plain)
  const bytes = dotted?.[2]?.split('.').map(Number) ?? []
  const groups = dotted ? dotted[1]!.replace(/([^:]):$/, '$1') : plain
  const [head = '', tail] = groups.split('::')
  const words = (part: string) =>
    part
      ? part
          .split(':')
          .filter(Boolean)
          .map((word) => Number.parseInt(word, 16))
      : []
  const before = words(head)
  const after = words(tail ?? '')
  const missing = 8 - bytes.length / 2 - before.length - after.length
  const all = [...before, ...Array.from<number>({ length: tail === undefined ? 0 : missing }).fill(0), ...after]
  return [...all.flatMap((word) => [word >> 8, word & 255]), ...bytes]
}

/** RFC 5952: the longest run of two or more zero groups is shortened. */
export function formatAddress(address: Address): string {
  if (address.length === 4) return address.join('.')
  const words = Array.from({ length: 8 }, (_, i) => (address[2 * i]! << 8) | address[2 * i + 1]!)
  let [start, length] = [-1, 1]
  for (let i = 0; i < 8; i++) {
    let end = i
    while (end < 8 && words[end] === 0) end++
    if (end - i > length) [start, length] = [i, end - i]
  }
  const hex = (part: readonly number[]) => part.map((word) => word.toString(16)).join(':')
  return start < 0 ? hex(words) : `${hex(words.slice(0, start))}::${hex(words.slice(start + length))}`
}
