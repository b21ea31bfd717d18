import type { Service, ServicePort, ServiceSpec } from 'kubernetes-types/core/v1'
import type { Endpoint, EndpointSlice } from 'kubernetes-types/discovery/v1'
import type { Frozen } from '#shared/kube/object.ts'
import type { EndpointAddress, Protocol } from '../api.ts'

export interface ServiceReference {
  readonly namespace: string
  readonly name: string
  readonly uid: string
}

/** What one port of one Service asks of this node. */
export interface PortRule {
  /** Stays the same while the port does. */
  readonly id: string
  readonly service: ServiceReference
  readonly protocol: Protocol
  readonly port: number
  /** IPv4 only. */
  readonly clusterIps: readonly string[]
  /** Further addresses that lead to the service; IPv4 only. */
  readonly externalIps: readonly string[]
  readonly nodePort: number | undefined
  /** The port to be served on localhost, for Services of type LoadBalancer. */
  readonly loadBalancerPort: number | undefined
  /** Seconds for which a client keeps its endpoint. */
  readonly affinitySeconds: number | undefined
  /** Who answers on the cluster addresses, to each of the nodes. */
  readonly internal: readonly (readonly EndpointAddress[])[]
  /** Who answers on external addresses, and on a node's own ports to its own pods: to each of the nodes. */
  readonly everywhere: readonly (readonly EndpointAddress[])[]
  /** Who answers on a node's own ports to everybody else, for each of the nodes. */
  readonly external: readonly (readonly EndpointAddress[])[]
  /** Who answers on localhost, which the nodes share: node ports and load balancers. */
  readonly localhost: readonly EndpointAddress[]
}

/** Where a node of this machine is: endpoints may be meant for one node or one zone. */
export interface Location {
  readonly node: string
  readonly zone: string | undefined
}

/** Whatever their values, another proxy or none serves what bears these (upstream: newProxyServer's informers). */
const leftAlone = ['service.kubernetes.io/service-proxy-name', 'service.kubernetes.io/headless']

/**
 * What this machine owes to a Service. Of traffic policies a pod is free that goes out to come in again, as it is upstream:
 * to an external address, or to a port of its own node. What arrives on localhost may go to any node of the machine, of
 * which the first counts.
 */
export function serviceRules(
  service: Frozen<Service>,
  slices: readonly Frozen<EndpointSlice>[],
  nodes: readonly [Location, ...Location[]],
): PortRule[] {
  const { metadata, spec } = service
  if (!spec || spec.type === 'ExternalName') return []
  if (isLeftAlone(metadata)) return []
  const clusterIps = (spec.clusterIPs ?? [spec.clusterIP ?? '']).filter((ip) => ip.includes('.'))
  const reference = referenceOf(metadata)
  // A class names another implementation.
  const balanced = spec.type === 'LoadBalancer' && spec.loadBalancerClass === undefined
  return (spec.ports ?? []).flatMap((port): PortRule[] => {
    const protocol = (port.protocol ?? 'TCP') as Protocol
    if (!clusterIps.length && !port.nodePort && !balanced) return []
    const candidates = candidatesOf(slices, port)
    const everywhere = nodes.map((node) => usable(candidates, node, []))
    const isLocal = spec.externalTrafficPolicy === 'Local'
    return [
      {
        id: `${reference.namespace}/${reference.name}/${protocol}/${port.port}`,
        service: reference,
        protocol,
        port: port.port,
        clusterIps,
        externalIps: (spec.externalIPs ?? []).filter((ip) => ip.includes('.')),
        nodePort: port.nodePort || undefined,
        loadBalancerPort: balanced ? port.port : undefined,
        affinitySeconds: affinityOf(spec),
        internal: nodes.map((node) => usable(candidates, node, spec.internalTrafficPolicy === 'Local' ? [node] : [])),
        everywhere,
        external: isLocal ? nodes.map((node) => usable(candidates, node, [node])) : everywhere,
        localhost: usable(candidates, nodes[0], isLocal ? nodes : []),
      },
    ]
  })
}

type Metadata = Frozen<Service>['metadata']

const isLeftAlone = (metadata: Metadata): boolean => leftAlone.some((label) => metadata?.labels?.[label] !== undefined)

const referenceOf = (metadata: Metadata): ServiceReference => ({
  namespace: metadata?.namespace ?? '',
  name: metadata?.name ?? '',
  uid: metadata?.uid ?? '',
})

/** What is told at a port of its own, for load balancers from outside that send only where there are endpoints. */
export interface ServiceHealth {
  readonly service: ServiceReference
  /** Ready ones on the nodes in question. */
  readonly localEndpoints: number
}

/** Undefined for a Service that asks for none. */
export const healthCheckPort = ({ metadata, spec }: Frozen<Service>): number | undefined =>
  isLeftAlone(metadata) ? undefined : spec?.healthCheckNodePort || undefined

/** `nodes`: the names of those in question. */
export function serviceHealth(
  { metadata }: Frozen<Service>,
  slices: readonly Frozen<EndpointSlice>[],
  nodes: readonly string[],
): ServiceHealth {
  const addresses = slices
    .filter(({ addressType }) => addressType === 'IPv4')
    .flatMap(({ endpoints }) => endpoints ?? [])
    .filter(({ nodeName, conditions }) => conditions?.ready !== false && nodes.includes(nodeName ?? ''))
    .map(({ addresses: [ip] }) => ip)
  return { service: referenceOf(metadata), localEndpoints: new Set(addresses).size }
}

/** Seconds for which a client keeps its endpoint. */
export const affinityOf = (spec: Frozen<ServiceSpec>): number | undefined =>
  spec.sessionAffinity === 'ClientIP' ? (spec.sessionAffinityConfig?.clientIP?.timeoutSeconds ?? 10_800) : undefined

/** Who answers on a port of a Service, whatever addresses the Service itself has. */
export const endpointsOf = (
  slices: readonly Frozen<EndpointSlice>[],
  port: Frozen<ServicePort>,
  location: Location,
): readonly EndpointAddress[] => usable(candidatesOf(slices, port), location, [])

interface Candidate extends EndpointAddress {
  readonly endpoint: Frozen<Endpoint>
}

/** The endpoints behind a port; slices name ports as the Service does, and say which number they have there. */
function candidatesOf(slices: readonly Frozen<EndpointSlice>[], port: Frozen<ServicePort>): Candidate[] {
  const found = new Map<string, Candidate>()
  for (const slice of slices) {
    if (slice.addressType !== 'IPv4') continue
    const number = slice.ports?.find(
      (other) => (other.name ?? '') === (port.name ?? '') && (other.protocol ?? 'TCP') === (port.protocol ?? 'TCP'),
    )?.port
    if (number === undefined) continue
    for (const endpoint of slice.endpoints ?? []) {
      const ip = endpoint.addresses[0]
      if (ip !== undefined) found.set(`${ip}:${number}`, { ip, port: number, endpoint })
    }
  }
  return [...found.values()]
}

/**
 * Ready endpoints, on the nodes of `local` only where there are some, else those that are meant for this one; when there are none,
 * those that terminate but still serve (upstream: CategorizeEndpoints). A condition that is not set counts as upstream
 * counts it.
 */
function usable(
  candidates: readonly Candidate[],
  location: Location,
  local: readonly Location[],
): readonly EndpointAddress[] {
  const here = local.length
    ? candidates.filter(({ endpoint }) => local.some(({ node }) => node === endpoint.nodeName))
    : candidates
  const ready = here.filter(({ endpoint }) => endpoint.conditions?.ready !== false)
  const chosen = ready.length
    ? local.length
      ? ready
      : near(ready, location)
    : here.filter(({ endpoint }) => endpoint.conditions?.terminating === true && endpoint.conditions.serving === true)
  return chosen.map(({ ip, port }) => ({ ip, port }))
}

interface Hints {
  readonly forNodes?: readonly { readonly name: string }[]
  readonly forZones?: readonly { readonly name: string }[]
}

/**
 * Those hinted for this node, else for its zone, else all. One without such a hint means that whoever gives them is not
 * done, and one's own node or zone without any that nobody would answer: then the hints do not count.
 */
function near(ready: readonly Candidate[], { node, zone }: Location): readonly Candidate[] {
  const hinted = (kind: keyof Hints, name: string | undefined) => {
    const meant: Candidate[] = []
    for (const candidate of ready) {
      const names = (candidate.endpoint.hints as Hints | undefined)?.[kind] ?? []
      if (!names.length) return []
      if (names.some((each) => each.name === name)) meant.push(candidate)
    }
    return meant
  }
  const sameNode = hinted('forNodes', node)
  const closest = sameNode.length ? sameNode : hinted('forZones', zone)
  return closest.length ? closest : ready
}
