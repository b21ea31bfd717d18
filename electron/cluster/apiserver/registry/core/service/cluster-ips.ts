import type { Random } from '../../../../base/random.ts'
import type { KubeObject } from '#shared/kube/object.ts'
import type { ActionServices } from '../../kind.ts'
import { bigIntToIpv4, ipToBigInt, parseCidr } from '../../validation/ips.ts'
import { searchFree, staticBand } from './pool.ts'
import { Unavailable } from './unavailable.ts'

/** What is stored, as it is committed. */
export type Stored = Pick<ActionServices, 'get' | 'list'>

interface ServiceCidr extends KubeObject {
  spec?: { cidrs?: string[] }
  status?: { conditions?: { type: string; status: string }[] }
}

const serviceCidrs = { group: 'networking.k8s.io', plural: 'servicecidrs' }
const ipAddresses = { group: 'networking.k8s.io', plural: 'ipaddresses' }

/** Addresses that may be given out, without those of the network itself and of its broadcasts. */
interface Range {
  readonly cidr: string
  readonly first: number
  readonly size: number
}

/**
 * The IPv4 addresses of services, out of every ServiceCIDR that is ready. Source: ipallocator/cidrallocator.go, which
 * takes them in any order; here the oldest range is used up first.
 */
export class ClusterIps {
  readonly #taken = new Set<number>()

  /** Takes the address that is asked for, or any where that is ''. Throws Unavailable, or answers undefined where none is left. */
  claim(wanted: string, stored: Stored, random: Random): string | undefined {
    const ranges = readyRanges(stored)
    if (wanted === '') {
      const found = ranges
        .values()
        .map((range) => this.#findFree(range, stored, random))
        .find(Boolean)
      if (found) this.#taken.add(numberOf(found))
      return found
    }
    if (!isIpv4(wanted) || !ranges.some((range) => contains(range, wanted)))
      throw new Unavailable('the provided network does not match the current range')
    if (this.#taken.has(numberOf(wanted)) || isHeldByOthers(wanted, stored))
      throw new Unavailable('provided IP is already allocated')
    this.#taken.add(numberOf(wanted))
    return wanted
  }

  /** The same for a dry run, which takes nothing, and looks at nothing but the ranges. */
  static foretold(wanted: string, stored: Stored): string | undefined {
    const ranges = readyRanges(stored)
    if (wanted === '') return ranges[0]?.cidr.split('/')[0]
    if (isIpv4(wanted) && ranges.some((range) => contains(range, wanted))) return wanted
    throw new Unavailable(`provided IP ${wanted} is not in the valid range`)
  }

  /** As found in the store: whatever range it was of. */
  take(ip: string): void {
    if (isIpv4(ip)) this.#taken.add(numberOf(ip))
  }

  release(ip: string): void {
    if (isIpv4(ip)) this.#taken.delete(numberOf(ip))
  }

  clear(): void {
    this.#taken.clear()
  }

  #findFree({ first, size }: Range, stored: Stored, random: Random): string | undefined {
    const isTaken = (offset: number) =>
      this.#taken.has(first + offset) || isHeldByOthers(addressOf(first + offset), stored)
    const offset = searchFree(size, staticBand(size + 2, 16, 256, 16), isTaken, random)
    return offset === undefined ? undefined : addressOf(first + offset)
  }
}

const isIpv4 = (ip: string): boolean => !ip.includes(':')
const numberOf = (ip: string): number => Number(ipToBigInt(ip))
const addressOf = (number: number): string => bigIntToIpv4(BigInt(number))
const contains = ({ first, size }: Range, ip: string): boolean => numberOf(ip) >= first && numberOf(ip) < first + size

/** An IPAddress that somebody else than the allocator of services made for something of theirs. */
function isHeldByOthers(ip: string, { get }: Stored): boolean {
  const { metadata } = get(ipAddresses, undefined, ip) ?? {}
  return metadata !== undefined && metadata.labels?.['ipaddress.kubernetes.io/managed-by'] !== 'ipallocator.k8s.io'
}

function readyRanges({ list }: Stored): Range[] {
  const ready = list<ServiceCidr>(serviceCidrs, undefined).filter(isReady)
  const age = ({ metadata }: ServiceCidr) => metadata?.creationTimestamp ?? ''
  const cidrs = ready.sort((a, b) => (age(a) < age(b) ? -1 : Number(age(a) > age(b))))
  return [...new Set(cidrs.flatMap(({ spec }) => spec?.cidrs ?? []))].filter(isIpv4).map(rangeOf)
}

/** Without a word on it, it is: whoever says so may not be running. */
const isReady = ({ metadata, status }: ServiceCidr): boolean =>
  !metadata?.deletionTimestamp && status?.conditions?.find(({ type }) => type === 'Ready')?.status !== 'False'

function rangeOf(cidr: string): Range {
  const { address, bits } = parseCidr(cidr)!
  return { cidr, first: numberOf(address) + 1, size: Math.max(0, 2 ** (32 - bits) - 2) }
}
