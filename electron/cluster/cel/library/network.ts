import { CelError } from '../values/errors.ts'
import { OpaqueValue } from '../values/values.ts'
import { formatAddress, parseAddress, type Address } from './ip-address.ts'
import { overload, reading, readsFirst, type Overload } from './overload.ts'

class IpValue extends OpaqueValue {
  readonly typeName = 'net.IP'
  readonly address: Address
  override readonly size: number
  constructor(address: Address) {
    super()
    this.address = address
    this.size = address.length
  }
  equals(other: OpaqueValue): boolean {
    return same((other as IpValue).address, this.address)
  }
}

class CidrValue extends OpaqueValue {
  readonly typeName = 'net.CIDR'
  readonly address: Address
  readonly bits: number
  override readonly size: number
  constructor(address: Address, bits: number) {
    super()
    this.address = address
    this.bits = bits
    this.size = Math.ceil(bits / 8)
  }
  equals(other: OpaqueValue): boolean {
    const { address, bits } = other as CidrValue
    return bits === this.bits && same(address, this.address)
  }
}

const same = (a: Address, b: Address) => a.length === b.length && a.every((byte, i) => byte === b[i])

function ip(text: string): IpValue {
  const address = parseAddress(text)
  if (!address)
    throw new CelError(
      `IP Address ${JSON.stringify(text)} parse error during conversion from string: ParseAddr(${JSON.stringify(text)}): unable to parse IP`,
    )
  if (text.includes('%')) throw new CelError(`IP address ${JSON.stringify(text)} with zone value is not allowed`)
  if (isMapped(address)) throw new CelError(`IPv4-mapped IPv6 address ${JSON.stringify(text)} is not allowed`)
  return new IpValue(address)
}

const isMapped = (address: Address) =>
  address.length === 16 && address.slice(0, 10).every((byte) => !byte) && address[10] === 255 && address[11] === 255

function cidr(text: string): CidrValue {
  const [, base = '', bits = ''] = /^([^/]*)\/(0|[1-9]\d*)$/.exec(text) ?? []
  const address = parseAddress(base)
  if (!address || base.includes('%') || bits === '' || Number(bits) > address.length * 8)
    throw new CelError(
      `network address parse error during conversion from string: netip.ParsePrefix(${JSON.stringify(text)}): no '/'`,
    )
  if (isMapped(address)) throw new CelError(`IPv4-mapped IPv6 address ${JSON.stringify(text)} is not allowed`)
  return new CidrValue(address, Number(bits))
}

const does = (parse: (text: string) => unknown) => (text: string) => {
  try {
    parse(text)
    return true
  } catch {
    return false
  }
}

function masked({ address, bits }: CidrValue): CidrValue {
  return new CidrValue(
    address.map((byte, i) => byte & (0xff << Math.max(0, Math.min(8, 8 * (i + 1) - bits)))),
    bits,
  )
}

const containsIp = (net: CidrValue, { address }: IpValue): boolean =>
  address.length === net.address.length && same(masked(new CidrValue(address, net.bits)).address, masked(net).address)
const containsCidr = (net: CidrValue, other: CidrValue): boolean =>
  other.bits >= net.bits && containsIp(net, new IpValue(masked(other).address))

const v4 = ({ length }: Address) => length === 4
const isUnspecified = ({ address }: IpValue) => address.every((byte) => byte === 0)
const isLoopback = ({ address }: IpValue) =>
  v4(address) ? address[0] === 127 : address.every((byte, i) => byte === (i === 15 ? 1 : 0))
const isLinkLocalMulticast = ({ address: [a, b, c], address }: IpValue) =>
  v4(address) ? a === 224 && b === 0 && c === 0 : a === 255 && (b! & 15) === 2
const isLinkLocalUnicast = ({ address: [a, b], address }: IpValue) =>
  v4(address) ? a === 169 && b === 254 : a === 254 && (b! & 0xc0) === 0x80
const isGlobalUnicast = (value: IpValue) => {
  const { address } = value
  const multicast = v4(address) ? address[0]! >> 4 === 14 : address[0] === 255
  return (
    !isUnspecified(value) &&
    !isLoopback(value) &&
    !multicast &&
    !isLinkLocalUnicast(value) &&
    !(v4(address) && address.every((byte) => byte === 255))
  )
}

const compares = { cost: ([net = 0]: readonly number[]) => reading(net * 2) }
const comparesText = { cost: ([net = 0, text = 0]: readonly number[]) => reading(net * 2) + reading(text) }
const comparesNets = { cost: ([net = 0]: readonly number[]) => reading(net * 2) + reading(net) + 1 }
const comparesNetText = {
  cost: ([net = 0, text = 0]: readonly number[]) => reading(net * 2) + reading(net) + 1 + reading(text),
}
const text = (value: IpValue | CidrValue) =>
  value instanceof CidrValue ? `${formatAddress(value.address)}/${value.bits}` : formatAddress(value.address)

/** Source: apiserver/pkg/cel/library/ip.go and cidr.go. */
export const network: readonly Overload[] = [
  overload('ip(string): IP', ip, readsFirst),
  overload('isIP(string): bool', does(ip), readsFirst),
  overload('ip.isCanonical(string): bool', (written: string) => text(ip(written)) === written, {
    cost: ([size = 0]) => Math.ceil(size * 0.2),
  }),
  overload('string(IP): string', text),
  overload('IP.family(): int', ({ address }: IpValue) => (v4(address) ? 4n : 6n)),
  overload('IP.isUnspecified(): bool', isUnspecified),
  overload('IP.isLoopback(): bool', isLoopback),
  overload('IP.isLinkLocalMulticast(): bool', isLinkLocalMulticast),
  overload('IP.isLinkLocalUnicast(): bool', isLinkLocalUnicast),
  overload('IP.isGlobalUnicast(): bool', isGlobalUnicast),
  overload('cidr(string): CIDR', cidr, readsFirst),
  overload('isCIDR(string): bool', does(cidr), readsFirst),
  overload('string(CIDR): string', text),
  overload(
    'CIDR.containsIP(string): bool',
    (net: CidrValue, other: string) => containsIp(net, ip(other)),
    comparesText,
  ),
  overload('CIDR.containsIP(IP): bool', containsIp, compares),
  overload(
    'CIDR.containsCIDR(string): bool',
    (net: CidrValue, other: string) => containsCidr(net, cidr(other)),
    comparesNetText,
  ),
  overload('CIDR.containsCIDR(CIDR): bool', containsCidr, comparesNets),
  overload('CIDR.ip(): IP', ({ address }: CidrValue) => new IpValue(address)),
  overload('CIDR.masked(): CIDR', masked),
  overload('CIDR.prefixLength(): int', ({ bits }: CidrValue) => BigInt(bits)),
]
