import type { Service } from 'kubernetes-types/core/v1'
import type { Endpoint, EndpointSlice } from 'kubernetes-types/discovery/v1'
import type { Frozen } from '#shared/kube/object.ts'
import type { ServiceTable } from '../service-table.ts'

/** Seconds that an answer may be kept: short, because a client that keeps one does not see an endpoint leave. */
export const timeToLive = 5
/** Of the specification "Kubernetes DNS-Based Service Discovery", which the names below follow (and CoreDNS where it says more). */
const schemaVersion = '1.1.0'

export type DnsRecord =
  | { type: 'A' | 'AAAA' | 'CNAME' | 'PTR' | 'NS'; name: string; ttl: number; data: string }
  | { type: 'SRV'; name: string; ttl: number; data: { port: number; target: string; priority: number; weight: number } }
  | { type: 'TXT'; name: string; ttl: number; data: string }
  | {
      type: 'SOA'
      name: string
      ttl: number
      data: {
        mname: string
        rname: string
        serial: number
        refresh: number
        retry: number
        expire: number
        minimum: number
      }
    }

/** What the zone says about a name and a type. */
export interface ZoneAnswer {
  /** False: NXDOMAIN, nothing of any type lies at or below the name. True without records: NODATA. */
  readonly exists: boolean
  readonly records: readonly DnsRecord[]
  readonly additional: readonly DnsRecord[]
}

export interface ClusterZoneDeps {
  readonly services: ServiceTable
  /** Such as cluster.local. */
  readonly domain: string
  /** For names that are namespaces and for pods' records. Default: a namespace exists when it has a Service. */
  namespaceExists?(namespace: string): boolean
}

const nothing: ZoneAnswer = { exists: false, records: [], additional: [] }
const noData: ZoneAnswer = { exists: true, records: [], additional: [] }
const found = (records: readonly DnsRecord[], additional: readonly DnsRecord[] = []): ZoneAnswer => ({
  exists: true,
  records,
  additional,
})

/** The names of the cluster, read from its Services and EndpointSlices at the moment of the question. */
export class ClusterZone {
  readonly #deps: ClusterZoneDeps
  readonly #labels: readonly string[]

  constructor(deps: ClusterZoneDeps) {
    this.#deps = deps
    this.#labels = deps.domain.split('.')
  }

  /** Whether names like this one are answered here and nowhere else. */
  holds(name: string): boolean {
    return name === this.#deps.domain || name.endsWith(`.${this.#deps.domain}`)
  }

  /** The record that says how long the absence of others may be remembered. */
  authority(): DnsRecord {
    const { domain } = this.#deps
    const data = {
      mname: `ns.dns.${domain}`,
      rname: `hostmaster.${domain}`,
      serial: 1,
      refresh: 7200,
      retry: 1800,
      expire: 86_400,
      minimum: timeToLive,
    }
    return { type: 'SOA', name: domain, ttl: timeToLive, data }
  }

  /** `name` is in lower case and under the domain. The records carry the name that is given as `as`. */
  resolve(name: string, type: string, as = name): ZoneAnswer {
    const labels = name.split('.')
    const path = labels.slice(0, labels.length - this.#labels.length)
    const kind = path.at(-1)
    if (kind === undefined) return type === 'SOA' ? found([this.authority()]) : noData
    if (kind === 'svc') return this.#service(path.slice(0, -1), type, as)
    if (kind === 'pod') return this.#pod(path.slice(0, -1), type, as)
    if (kind !== 'dns-version' || path.length !== 1) return nothing
    return type === 'TXT' ? found([{ type, name: as, ttl: timeToLive, data: schemaVersion }]) : noData
  }

  /** The names of an address; undefined when it is none of the cluster's. */
  reverse(ip: string, as: string): ZoneAnswer | undefined {
    const { services, domain } = this.#deps
    const names: string[] = []
    for (const [key, service] of services.services()) {
      const [namespace, name] = key.split('/')
      const base = `${name}.${namespace}.svc.${domain}`
      if (clusterAddresses(service).includes(ip)) return found([pointer(as, base)])
      for (const { address, endpoint } of endpointsOf(services.slicesOf(key))) {
        if (address === ip) names.push(`${hostnameOf(endpoint, address)}.${base}`)
      }
    }
    return names.length ? found([...new Set(names)].map((name) => pointer(as, name))) : undefined
  }

  #service(path: readonly string[], type: string, as: string): ZoneAnswer {
    const [namespace, name, ...rest] = path.toReversed()
    if (namespace === undefined) return noData
    if (name === undefined) return this.#hasNamespace(namespace) ? noData : nothing
    const key = `${namespace}/${name}`
    const service = this.#deps.services.service(key)
    if (!service) return nothing
    const base = `${name}.${namespace}.svc.${this.#deps.domain}`
    const slices = this.#deps.services.slicesOf(key)
    if (rest.length === 0) return atService(service, slices, base, type, as)
    if (rest.length === 2 || rest[0] === '_tcp' || rest[0] === '_udp')
      return atPort(service, slices, base, rest, type, as)
    return rest.length === 1 ? atEndpoint(slices, rest[0]!, type, as) : nothing
  }

  /** `1-2-3-4.namespace.pod`, for any address: CoreDNS's "insecure" mode, the default of kubeadm. */
  #pod(path: readonly string[], type: string, as: string): ZoneAnswer {
    const [namespace, dashed, ...rest] = path.toReversed()
    if (namespace === undefined) return noData
    if (!this.#hasNamespace(namespace) || rest.length) return nothing
    if (dashed === undefined) return noData
    const parts = /^(\d{1,3})-(\d{1,3})-(\d{1,3})-(\d{1,3})$/.exec(dashed)?.slice(1)
    if (!parts || parts.some((part) => Number(part) > 255)) return nothing
    return type === 'A' ? found([{ type, name: as, ttl: timeToLive, data: parts.map(Number).join('.') }]) : noData
  }

  #hasNamespace(namespace: string): boolean {
    if (this.#deps.namespaceExists) return this.#deps.namespaceExists(namespace)
    for (const [key] of this.#deps.services.services()) if (key.startsWith(`${namespace}/`)) return true
    return false
  }
}

function atService(
  service: Frozen<Service>,
  slices: readonly Frozen<EndpointSlice>[],
  base: string,
  type: string,
  as: string,
): ZoneAnswer {
  if (service.spec?.type === 'ExternalName') {
    const target = (service.spec.externalName ?? '').toLowerCase().replace(/\.$/, '')
    return isName(target) ? found([{ type: 'CNAME', name: as, ttl: timeToLive, data: target }]) : noData
  }
  const addresses = isHeadless(service)
    ? [...new Set(endpointsOf(slices).map(({ address }) => address))]
    : clusterAddresses(service)
  // The specification asks for NXDOMAIN when a headless service has no ready endpoints.
  if (!addresses.length) return nothing
  if (type === 'SRV') return portRecords(service, slices, base, () => true, as)
  return found(addressRecords(addresses, type, as))
}

/** `_port._protocol.service`, and `_protocol.service`, which exists only because there is something below. */
function atPort(
  service: Frozen<Service>,
  slices: readonly Frozen<EndpointSlice>[],
  base: string,
  rest: readonly string[],
  type: string,
  as: string,
): ZoneAnswer {
  const [protocol, port] = rest
  const matches = (name: string, itsProtocol: string) =>
    name !== '' && `_${itsProtocol.toLowerCase()}` === protocol && (port === undefined || `_${name}` === port)
  const all = portRecords(service, slices, base, matches, as)
  if (!all.records.length) return nothing
  return type === 'SRV' && port !== undefined ? all : noData
}

function atEndpoint(slices: readonly Frozen<EndpointSlice>[], hostname: string, type: string, as: string): ZoneAnswer {
  const addresses = endpointsOf(slices).flatMap(({ address, endpoint }) =>
    hostnameOf(endpoint, address) === hostname ? [address] : [],
  )
  return addresses.length ? found(addressRecords([...new Set(addresses)], type, as)) : nothing
}

function portRecords(
  service: Frozen<Service>,
  slices: readonly Frozen<EndpointSlice>[],
  base: string,
  matches: (name: string, protocol: string) => boolean,
  as: string,
): ZoneAnswer {
  const targets = new Map<string, { port: number; target: string }>()
  const additional = new Map<string, DnsRecord>()
  const add = (port: number, target: string, address: string) => {
    targets.set(`${port} ${target}`, { port, target })
    const type = address.includes(':') ? 'AAAA' : 'A'
    additional.set(`${target} ${address}`, { type, name: target, ttl: timeToLive, data: address })
  }
  if (isHeadless(service)) {
    for (const slice of slices) {
      const ports = (slice.ports ?? []).filter(
        (port) => port.port !== undefined && matches(port.name ?? '', port.protocol ?? 'TCP'),
      )
      for (const { address, endpoint } of endpointsOf([slice])) {
        for (const { port } of ports) add(port!, `${hostnameOf(endpoint, address)}.${base}`, address)
      }
    }
  } else {
    for (const { name, port, protocol } of service.spec?.ports ?? []) {
      if (matches(name ?? '', protocol ?? 'TCP'))
        for (const address of clusterAddresses(service)) add(port, base, address)
    }
  }
  const weight = Math.floor(100 / Math.max(1, targets.size))
  const records = [...targets.values()].map(({ port, target }): DnsRecord => ({
    type: 'SRV',
    name: as,
    ttl: timeToLive,
    data: { priority: 0, weight, port, target },
  }))
  return found(records, [...additional.values()])
}

/** The encoder takes any text, and makes a garbled packet of a label that is too long. */
const isName = (name: string): boolean =>
  name.length <= 253 && name.split('.').every((label) => label.length >= 1 && label.length <= 63)

const isHeadless = (service: Frozen<Service>): boolean => (service.spec?.clusterIP ?? 'None') === 'None'

const clusterAddresses = ({ spec }: Frozen<Service>): readonly string[] =>
  (spec?.clusterIPs ?? [spec?.clusterIP ?? '']).filter((ip) => ip !== '' && ip !== 'None')

const addressRecords = (addresses: readonly string[], type: string, name: string): DnsRecord[] =>
  addresses.flatMap((data): DnsRecord[] => {
    const its = data.includes(':') ? 'AAAA' : 'A'
    return its === type ? [{ type: its, name, ttl: timeToLive, data }] : []
  })

const pointer = (name: string, data: string): DnsRecord => ({ type: 'PTR', name, ttl: timeToLive, data })

/** The ready ones; a Service that publishes others has them marked as ready. */
const endpointsOf = (slices: readonly Frozen<EndpointSlice>[]): { address: string; endpoint: Frozen<Endpoint> }[] =>
  slices.flatMap(({ endpoints }) =>
    (endpoints ?? []).flatMap((endpoint) =>
      endpoint.conditions?.ready === false ? [] : endpoint.addresses.map((address) => ({ address, endpoint })),
    ),
  )

const hostnameOf = ({ hostname }: Frozen<Endpoint>, address: string): string =>
  hostname || address.replaceAll(/[.:]/g, '-')
