import { isIP, isIPv4 } from 'node:net'
import type { FieldError } from '#shared/kube/status.ts'
import { invalid } from './field.ts'

/** Upstream's sloppy parser: octets of an IPv4 address may have leading zeros. */
export const parsesAsIp = (value: string): boolean => isIP(withoutLeadingZeros(value)) !== 0 && !value.includes('%')

const withoutLeadingZeros = (value: string): string =>
  /^\d+(\.\d+){3}$/.test(value) ? value.split('.').map(Number).join('.') : value

export const isIpv6 = (value: string): boolean => parsesAsIp(value) && value.includes(':')

/** What was accepted before v1.36 and now is only where the object already had it, with the text that it had. */
const onceAccepted = new WeakMap<FieldError, string>()

function strict(field: string, value: string, text: string): FieldError {
  const error = invalid(field, value, text)
  onceAccepted.set(error, value)
  return error
}

/** Errors without those about addresses that the old object had too. */
export function exceptKeptAddresses(errors: FieldError[], old: unknown): FieldError[] {
  if (!errors.some((error) => onceAccepted.has(error))) return errors
  const before = JSON.stringify(old)
  return errors.filter((error) => {
    const value = onceAccepted.get(error)
    return value === undefined || !before.includes(JSON.stringify(value))
  })
}

/** IPv4 in the clothes of IPv6. */
const isMapped = (address: string): boolean => address.includes(':') && !canonicalIp(address).includes(':')

const noIp = 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)'

/** Why an address that can be read is not to be written so. */
function laxity(address: string): string | undefined {
  if (withoutLeadingZeros(address) !== address) return 'must not have leading 0s'
  return isMapped(address) ? 'must not be an IPv4-mapped IPv6 address' : undefined
}

/** Source: IsValidIPForLegacyField. */
export function validateIp(value: string | undefined, field: string): FieldError[] {
  const address = value ?? ''
  if (!parsesAsIp(address)) return [invalid(field, address, noIp)]
  const text = laxity(address)
  return text ? [strict(field, address, text)] : []
}

/** Of names that are addresses. Source: IsValidIP. */
export function canonicalIpProblems(name: string): string[] {
  if (!parsesAsIp(name)) return [noIp]
  const right = canonicalIp(name)
  const text = laxity(name) ?? (right === name ? undefined : `must be in canonical form (${JSON.stringify(right)})`)
  return text ? [text] : []
}

/** Address and prefix length, or undefined when the text is no CIDR. */
export function parseCidr(value: string): { address: string; bits: number } | undefined {
  const slash = value.indexOf('/')
  if (slash < 0) return undefined
  const address = withoutLeadingZeros(value.slice(0, slash))
  const digits = value.slice(slash + 1)
  if (!/^\d{1,3}$/.test(digits) || !parsesAsIp(address)) return undefined
  const bits = Number(digits)
  return bits <= (isIPv4(address) ? 32 : 128) ? { address, bits } : undefined
}

/** Source: IsValidCIDRForLegacyField. */
export function validateCidr(value: string | undefined, field: string): FieldError[] {
  const range = value ?? ''
  const parsed = parseCidr(range)
  if (!parsed) return [invalid(field, range, 'must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)')]
  const { address, bits } = parsed
  if (range !== `${address}/${bits}`) return [strict(field, range, 'must not have leading 0s in IP or prefix length')]
  if (isMapped(address)) return [strict(field, range, 'must not have an IPv4-mapped IPv6 address')]
  const hostBits = (isIPv4(address) ? 32 : 128) - bits
  return ipToBigInt(address) & ((1n << BigInt(hostBits)) - 1n)
    ? [strict(field, range, 'must not have bits set beyond the prefix length')]
    : []
}

/** Source: IsValidCIDR. */
export function validateCanonicalCidr(value: string, field: string): FieldError[] {
  const errors = validateCidr(value, field)
  if (errors.length) return errors
  const { address, bits } = parseCidr(value)!
  const right = `${canonicalIp(address)}/${bits}`
  return right === value ? [] : [invalid(field, value, `must be in canonical form (${JSON.stringify(right)})`)]
}

/** The bits of an address as one number; 32 of them for IPv4, 128 for IPv6. */
export function ipToBigInt(value: string): bigint {
  const address = withoutLeadingZeros(value)
  if (isIPv4(address)) return address.split('.').reduce((sum, octet) => (sum << 8n) + BigInt(octet), 0n)
  const mapped = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(address)
  const text = mapped ? `${mapped[1]}${hexPair(ipToBigInt(mapped[2]!))}` : address
  const [head = '', tail] = text.split('::')
  const left = head === '' ? [] : head.split(':')
  const right = tail === undefined || tail === '' ? [] : tail.split(':')
  const middle = tail === undefined ? [] : Array<string>(8 - left.length - right.length).fill('0')
  return [...left, ...middle, ...right].reduce((sum, group) => (sum << 16n) + BigInt(`0x${group}`), 0n)
}

const hexPair = (bits: bigint): string => `${(bits >> 16n).toString(16)}:${(bits & 0xffffn).toString(16)}`

export function bigIntToIpv4(bits: bigint): string {
  return [24n, 16n, 8n, 0n].map((shift) => (bits >> shift) & 0xffn).join('.')
}

/** IPv6 as RFC 5952 and Go write it: the longest run of zeros shortened, lower case. */
export function canonicalIp(value: string): string {
  if (!value.includes(':')) return withoutLeadingZeros(value)
  const bits = ipToBigInt(value)
  if (bits >> 32n === 0xffffn) return bigIntToIpv4(bits & 0xffff_ffffn)
  const groups = Array.from({ length: 8 }, (_, i) => ((bits >> BigInt(112 - 16 * i)) & 0xffffn).toString(16))
  let best = { at: -1, length: 1 }
  for (let at = 0; at < 8; at++) {
    let length = 0
    while (groups[at + length] === '0') length++
    if (length > best.length) best = { at, length }
  }
  if (best.at < 0) return groups.join(':')
  return `${groups.slice(0, best.at).join(':')}::${groups.slice(best.at + best.length).join(':')}`
}

export function cidrContains(cidr: string, address: string): boolean {
  const parsed = parseCidr(cidr)
  if (!parsed || isIPv4(parsed.address) !== isIPv4(withoutLeadingZeros(address))) return false
  const shift = BigInt((isIPv4(parsed.address) ? 32 : 128) - parsed.bits)
  return ipToBigInt(parsed.address) >> shift === ipToBigInt(address) >> shift
}

/** Addresses that make no sense as endpoints or external addresses. Source: ValidateNonSpecialIP. */
export function validateOrdinaryIp(value: string | undefined, field: string): FieldError[] {
  const text = value ?? ''
  if (!parsesAsIp(text)) return [invalid(field, text, 'must be a valid IP address')]
  const within = (...cidrs: string[]) => cidrs.some((cidr) => cidrContains(cidr, text))
  const errors: FieldError[] = []
  if (within('0.0.0.0/32', '::/128')) errors.push(invalid(field, text, `may not be unspecified (${text})`))
  if (within('127.0.0.0/8', '::1/128'))
    errors.push(invalid(field, text, 'may not be in the loopback range (127.0.0.0/8, ::1/128)'))
  if (within('169.254.0.0/16', 'fe80::/10'))
    errors.push(invalid(field, text, 'may not be in the link-local range (169.254.0.0/16, fe80::/10)'))
  if (within('224.0.0.0/24', 'ff02::/16'))
    errors.push(invalid(field, text, 'may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)'))
  return errors
}
