import { isIP, isIPv6 } from 'node:net'
import type { EndpointAddress, Endpoints } from 'kubernetes-types/core/v1'
import type { Frozen } from '#shared/kube/object.ts'
import {
  endpointId,
  portsId,
  type AddressType,
  type EndpointView,
  type PortView,
} from '../framework/support/endpoint-slices.ts'

/** The most addresses of one subset that are mirrored (upstream's default). */
export const capacity = 1000

export interface Mirror {
  readonly addressType: AddressType
  readonly ports: readonly PortView[]
  /** By `endpointId`. */
  readonly endpoints: Map<string, EndpointView>
}

export interface Mirrors {
  /** By `mirrorId`. */
  readonly mirrors: ReadonlyMap<string, Mirror>
  /** Addresses that are none. */
  readonly invalid: number
  /** Addresses left out, these and those above the capacity. */
  readonly skipped: number
}

export const mirrorId = (addressType: string, ports: readonly PortView[]): string => `${addressType}|${portsId(ports)}`

/** The slices that Endpoints should have. Subsets with the same ports share one. */
export function mirrorsOf({ subsets = [] }: Pick<Frozen<Endpoints>, 'subsets'>): Mirrors {
  const mirrors = new Map<string, Mirror>()
  let invalid = 0
  let skipped = 0
  for (const { addresses = [], notReadyAddresses = [], ports: subsetPorts = [] } of subsets) {
    const ports = subsetPorts.map(({ name = '', port, protocol = 'TCP', appProtocol }) => ({
      name,
      port,
      protocol,
      ...(appProtocol ? { appProtocol } : {}),
    }))
    let room = capacity
    const add = (address: Frozen<EndpointAddress>, ready: boolean) => {
      if (room > 0 && isIP(address.ip)) {
        room--
        const addressType = isIPv6(address.ip) ? 'IPv6' : 'IPv4'
        const id = mirrorId(addressType, ports)
        const mirror: Mirror = mirrors.get(id) ?? { addressType, ports, endpoints: new Map() }
        mirrors.set(id, mirror)
        const endpoint = endpointOf(address, ready)
        mirror.endpoints.set(endpointId(endpoint), endpoint)
        return
      }
      skipped++
      if (room > 0) invalid++
    }
    for (const address of addresses) add(address, true)
    for (const address of notReadyAddresses) add(address, false)
  }
  return { mirrors, invalid, skipped }
}

const endpointOf = ({ ip, targetRef, nodeName, hostname }: Frozen<EndpointAddress>, ready: boolean): EndpointView => ({
  addresses: [ip],
  conditions: { ready },
  ...(targetRef ? { targetRef } : {}),
  ...(nodeName ? { nodeName } : {}),
  ...(hostname ? { hostname } : {}),
})
