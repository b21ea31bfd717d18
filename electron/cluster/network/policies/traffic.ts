import type { Protocol } from '../api.ts'
import { everyAddress, includes, united, type AddressRange } from './address-ranges.ts'

/** What may be spoken with whom: whole addresses, and ports of addresses. */
export interface Traffic {
  /** In order, apart from one another. */
  readonly peers: readonly AddressRange[]
  /** Apart from one another: no packet is in two of them. */
  readonly ports: readonly PortTraffic[]
}

export interface PortTraffic {
  readonly addresses: AddressRange
  readonly protocol: Protocol
  readonly first: number
  readonly last: number
}

const protocols: readonly Protocol[] = ['TCP', 'UDP', 'SCTP']

/** Puts in order what rules allow: nftables takes no elements that overlap. */
export function traffic(peers: readonly AddressRange[], ports: readonly PortTraffic[]): Traffic {
  return { peers: united(peers), ports: protocols.flatMap((protocol) => apart(protocol, ports)) }
}

function apart(protocol: Protocol, all: readonly PortTraffic[]): PortTraffic[] {
  const ports = all.filter((each) => each.protocol === protocol)
  const starts = [...new Set(ports.flatMap(({ first, last }) => [first, last + 1]))].sort((a, b) => a - b)
  return starts.flatMap((first, i) => {
    const next = starts[i + 1]
    if (next === undefined) return []
    const here = ports.filter((each) => each.first <= first && first <= each.last)
    return united(here.map(({ addresses }) => addresses)).map((addresses) => ({
      addresses,
      protocol,
      first,
      last: next - 1,
    }))
  })
}

/** Whether it holds a packet to or from this address. */
export const holds = ({ peers, ports }: Traffic, address: number, protocol: Protocol, port: number): boolean =>
  includes(peers, address) ||
  ports.some(
    (each) =>
      each.protocol === protocol && each.first <= port && port <= each.last && includes([each.addresses], address),
  )

export const allPorts = { first: 0, last: 65_535 }

/** Nothing is held back. */
export const isEverything = ({ peers: [only, ...others] }: Traffic): boolean =>
  !others.length && only?.first === everyAddress.first && only.last === everyAddress.last
