/** IPv4 ranges as numbers. */
export interface Range {
  base: number
  prefix: number
}

export function parseAddress(text: string): number {
  const parts = text.split('.').map(Number)
  if (parts.length !== 4 || parts.some((part) => !Number.isInteger(part) || part < 0 || part > 255))
    throw new Error(`"${text}" is not an IPv4 address`)
  return parts.reduce((value, part) => value * 256 + part, 0)
}

export const formatAddress = (value: number): string =>
  [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join('.')

/** `10.0.0.0/8`, or an address alone for a range of one. */
export function parseRange(text: string): Range {
  const [address = '', length = '32'] = text.split('/')
  const prefix = Number(length)
  if (!/^\d+$/.test(length) || prefix > 32) throw new Error(`"${text}" is not an IPv4 range`)
  const value = parseAddress(address)
  return { base: value - (value % 2 ** (32 - prefix)), prefix }
}

export const formatRange = ({ base, prefix }: Range): string => `${formatAddress(base)}/${prefix}`

export const rangeSize = ({ prefix }: Range): number => 2 ** (32 - prefix)

export const overlaps = (a: Range, b: Range): boolean =>
  a.base < b.base + rangeSize(b) && b.base < a.base + rangeSize(a)

export const contains = (range: Range, address: number): boolean =>
  address >= range.base && address < range.base + rangeSize(range)
