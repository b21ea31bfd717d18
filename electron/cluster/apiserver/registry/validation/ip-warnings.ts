import { isIP } from 'node:net'
import { bigIntToIpv4, canonicalIp, ipToBigInt, parseCidr, parsesAsIp } from './ips.ts'

/** Addresses that were always accepted and will not be for ever. Source: GetWarningsForIP. */
export function ipWarnings(value: string | undefined, path: string): string[] {
  if (value === undefined || !parsesAsIp(value)) return []
  const right = canonicalIp(value)
  if (!isStandard(value)) {
    return [
      `${path}: non-standard IP address ${JSON.stringify(value)} will be considered invalid in a future Kubernetes release: use ${JSON.stringify(right)}`,
    ]
  }
  return value.includes(':') && right !== value
    ? [
        `${path}: IPv6 address ${JSON.stringify(value)} should be in RFC 5952 canonical format (${JSON.stringify(right)})`,
      ]
    : []
}

/** No leading zeros, and no IPv4 within IPv6. */
const isStandard = (address: string): boolean =>
  isIP(address) !== 0 && !(address.includes(':') && !canonicalIp(address).includes(':'))

/** Source: GetWarningsForCIDR. */
export function cidrWarnings(value: string, path: string): string[] {
  const parsed = parseCidr(value)
  if (!parsed) return []
  const { address, bits } = parsed
  const size = address.includes(':') ? 128 : 32
  const shift = BigInt(size - bits)
  const network = (ipToBigInt(address) >> shift) << shift
  const range = `${written(network, size)}/${bits}`
  const shown = JSON.stringify(value)
  const warnings: string[] = []
  if (network !== ipToBigInt(address)) {
    const single = `${canonicalIp(address)}/${size}`
    warnings.push(
      `${path}: CIDR value ${shown} is ambiguous in this context (should be ${JSON.stringify(range)} or ${JSON.stringify(single)}?)`,
    )
  }
  if (!isStandard(value.slice(0, value.indexOf('/'))) || /\/0\d/.test(value)) {
    warnings.push(
      `${path}: non-standard CIDR value ${shown} will be considered invalid in a future Kubernetes release: use ${JSON.stringify(range)}`,
    )
  }
  if (!warnings.length && size === 128 && range !== value)
    warnings.push(`${path}: IPv6 CIDR value ${shown} should be in RFC 5952 canonical format (${JSON.stringify(range)})`)
  return warnings
}

function written(bits: bigint, size: number): string {
  if (size === 32) return bigIntToIpv4(bits)
  return canonicalIp(
    Array.from({ length: 8 }, (_, i) => ((bits >> BigInt(112 - 16 * i)) & 0xffffn).toString(16)).join(':'),
  )
}
