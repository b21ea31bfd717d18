import { formatAddress, parseRange, rangeSize } from '../pod-network/cidr.ts'

/** IPv4 addresses from `first` to `last`, both included. */
export interface AddressRange {
  readonly first: number
  readonly last: number
}

export const everyAddress: AddressRange = { first: 0, last: 2 ** 32 - 1 }

/** Undefined for a range of IPv6: no packet of this network comes from there. */
export function rangeOf(cidr: string): AddressRange | undefined {
  if (cidr.includes(':')) return undefined
  const range = parseRange(cidr)
  return { first: range.base, last: range.base + rangeSize(range) - 1 }
}

/** The same addresses in as few ranges as can be, in order. */
export function united(ranges: readonly AddressRange[]): AddressRange[] {
  const result: { first: number; last: number }[] = []
  for (const { first, last } of ranges.toSorted((a, b) => a.first - b.first)) {
    const previous = result.at(-1)
    if (previous && first <= previous.last + 1) previous.last = Math.max(previous.last, last)
    else result.push({ first, last })
  }
  return result
}

export const subtracted = (range: AddressRange, holes: readonly AddressRange[]): AddressRange[] =>
  united(holes).reduce<AddressRange[]>(
    (rest, hole) =>
      rest.flatMap(({ first, last }) => {
        if (hole.last < first || hole.first > last) return [{ first, last }]
        return [
          ...(first < hole.first ? [{ first, last: hole.first - 1 }] : []),
          ...(last > hole.last ? [{ first: hole.last + 1, last }] : []),
        ]
      }),
    [range],
  )

export const includes = (ranges: readonly AddressRange[], address: number): boolean =>
  ranges.some(({ first, last }) => first <= address && address <= last)

/** As nftables writes it. */
export const formatAddressRange = ({ first, last }: AddressRange): string =>
  first === last ? formatAddress(first) : `${formatAddress(first)}-${formatAddress(last)}`
