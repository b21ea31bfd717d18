import type { Service, ServicePort } from 'kubernetes-types/core/v1'
import type { EndpointSlice } from 'kubernetes-types/discovery/v1'
import type { Frozen } from '#shared/kube/object.ts'
import type { Clock } from '../../base/clock.ts'
import type { EndpointAddress } from '../api.ts'
import { Balancer } from '../listeners/balancer.ts'
import { affinityOf, endpointsOf } from '../service-proxy/rules.ts'
import type { ServiceTable } from '../service-table.ts'
import type { BackendProtocol, BackendReference } from './decide.ts'

/** Who answers for a backend. */
export interface Resolved {
  /** What the port of the Service says its endpoints speak; undefined: nothing. */
  readonly protocol: BackendProtocol | undefined
  /** Host names, too: those of ExternalName Services. */
  readonly endpoints: readonly EndpointAddress[]
  readonly affinitySeconds: number | undefined
  /** Why there are no endpoints, for people. */
  readonly problem: string | undefined
}

export interface ServiceState {
  readonly service: Frozen<Service> | undefined
  readonly slices: readonly Frozen<EndpointSlice>[]
}

const protocols: Readonly<Record<string, BackendProtocol>> = {
  'kubernetes.io/h2c': 'h2c',
  'kubernetes.io/ws': 'http',
  'kubernetes.io/wss': 'https',
  http: 'http',
  https: 'https',
  grpc: 'h2c',
}

/** So many ExternalNames may lead to one another. */
const longestChain = 8

/**
 * The ready endpoints behind a backend; those that terminate only while nothing else is ready. An ExternalName in the
 * cluster's `domain` is the Service that it names. `state` is asked for every Service on the way.
 */
export function resolve(
  { service: key, port: wanted }: BackendReference,
  state: (serviceKey: string) => ServiceState,
  { node, domain }: { node: string; domain: string },
  chain = 0,
): Resolved {
  const none = (problem: string): Resolved => ({
    protocol: undefined,
    endpoints: [],
    affinitySeconds: undefined,
    problem,
  })
  const { service, slices } = state(key)
  if (!service?.spec) return none(`Service ${key} does not exist`)
  const { type, externalName = '', ports = [] } = service.spec
  const port = ports.find((each) => (typeof wanted === 'string' ? each.name === wanted : each.port === wanted))
  const protocol = port && protocolOf(port)
  if (type === 'ExternalName') {
    const number = port?.port ?? wanted
    if (typeof number === 'string') return none(`Service ${key} has no port ${wanted}`)
    const inside = serviceNamed(externalName, domain)
    if (inside === undefined)
      return {
        protocol,
        endpoints: [{ ip: externalName, port: number }],
        affinitySeconds: undefined,
        problem: undefined,
      }
    if (chain === longestChain) return none(`Service ${key} leads back to itself`)
    const resolved = resolve({ service: inside, port: number }, state, { node, domain }, chain + 1)
    return { ...resolved, protocol: protocol ?? resolved.protocol }
  }
  if (!port) return none(`Service ${key} has no port ${wanted}`)
  const endpoints = endpointsOf(slices, port, { node, zone: undefined })
  const problem = endpoints.length ? undefined : `no endpoint of Service ${key} is ready`
  return { protocol, endpoints, affinitySeconds: affinityOf(service.spec), problem }
}

/** The key of the Service that a name of the cluster's domain is; undefined when it is none. */
function serviceNamed(name: string, domain: string): string | undefined {
  const plain = name.endsWith('.') ? name.slice(0, -1) : name
  if (!plain.endsWith(`.svc.${domain}`)) return undefined
  const [service, namespace, ...more] = plain.slice(0, -`.svc.${domain}`.length).split('.')
  return namespace === undefined || more.length ? undefined : `${namespace}/${service}`
}

const protocolOf = ({ appProtocol }: Frozen<ServicePort>): BackendProtocol | undefined =>
  appProtocol === undefined ? undefined : protocols[appProtocol.toLowerCase()]

/** A backend as requests find it: who answers for it now, and who is busy. */
export class Backend {
  readonly balancer: Balancer
  protocol: BackendProtocol | undefined
  problem: string | undefined

  constructor(clock: Clock) {
    this.balancer = new Balancer(clock)
  }

  set({ protocol, endpoints, affinitySeconds, problem }: Resolved): void {
    this.balancer.set(endpoints, affinitySeconds)
    this.protocol = protocol
    this.problem = problem
  }
}

interface Known {
  readonly backend: Backend
  readonly reference: BackendReference
  /** The Services that it was made of. */
  services: ReadonlySet<string>
}

/** The backends that requests have asked for, kept up with their Services. */
export class Backends implements Disposable {
  readonly #deps: { services: ServiceTable; clock: Clock; node: string; domain: string }
  readonly #known = new Map<string, Known>()
  /** By the key of a Service. */
  readonly #users = new Map<string, Set<Known>>()
  readonly #following: Disposable

  constructor(deps: { services: ServiceTable; clock: Clock; node: string; domain: string }) {
    this.#deps = deps
    // At once: no new request may go to an endpoint that has just left.
    this.#following = deps.services.onChange((key) => {
      // A copy: whoever is resolved is taken out and put in again.
      for (const known of new Set(this.#users.get(key))) this.#resolve(known)
    })
  }

  get(reference: BackendReference): Backend {
    const id = `${reference.service}:${reference.port}`
    let known = this.#known.get(id)
    if (!known) {
      known = { backend: new Backend(this.#deps.clock), reference, services: new Set() }
      this.#known.set(id, known)
      this.#resolve(known)
    }
    return known.backend
  }

  /** Forgets all others: nobody's rules lead there any more. */
  retain(references: Iterable<BackendReference>): void {
    const wanted = new Set([...references].map(({ service, port }) => `${service}:${port}`))
    for (const [id, known] of this.#known) {
      if (wanted.has(id)) continue
      this.#known.delete(id)
      this.#release(known)
    }
  }

  [Symbol.dispose](): void {
    this.#following[Symbol.dispose]()
  }

  #resolve(known: Known): void {
    this.#release(known)
    const { services } = this.#deps
    const asked = new Set<string>()
    const state = (key: string): ServiceState => {
      asked.add(key)
      return { service: services.service(key), slices: services.slicesOf(key) }
    }
    known.backend.set(resolve(known.reference, state, this.#deps))
    known.services = asked
    for (const key of asked) {
      const users = this.#users.get(key) ?? new Set()
      this.#users.set(key, users.add(known))
    }
  }

  #release(known: Known): void {
    for (const key of known.services) {
      const users = this.#users.get(key)
      users?.delete(known)
      if (!users?.size) this.#users.delete(key)
    }
  }
}
