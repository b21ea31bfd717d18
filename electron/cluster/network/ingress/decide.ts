import type { Ingress, IngressBackend, IngressClass } from 'kubernetes-types/networking/v1'
import {
  backendProtocolAnnotation,
  bodySizeAnnotation,
  ingressClassName,
  ingressController,
  isDefaultIngressClass,
  namedIngressClass,
  ingressClassAnnotation,
  sslRedirectAnnotation,
} from '#shared/kube/ingress.ts'
import { keyOf, type Frozen } from '#shared/kube/object.ts'
import { parseQuantity, valueOf } from '#shared/kube/quantity.ts'
import { HostMap } from './host-map.ts'
import { PathMap } from './path-map.ts'

type IngressView = Frozen<Ingress>
type ClassView = Frozen<IngressClass>

/** One port of one Service of the Ingress's namespace. */
export interface BackendReference {
  /** `namespace/name` of the Service. */
  readonly service: string
  /** Its name or its number. */
  readonly port: string | number
}

export type BackendProtocol = 'http' | 'https' | 'h2c'

/** What an Ingress says of all of its requests. */
export interface IngressSettings {
  /** Of its backends; undefined: as the port of the Service says. */
  readonly protocol: BackendProtocol | undefined
  readonly sslRedirect: boolean
  /** Bytes of a request's body; Infinity for no limit. */
  readonly mostBodyBytes: number
}

export interface Route {
  /** `namespace/name` of the Ingress. */
  readonly ingress: string
  /** Undefined: what it names is no Service. */
  readonly backend: BackendReference | undefined
  readonly settings: IngressSettings
}

/** What is wrong with an Ingress, as an event tells it. */
export interface Problem {
  readonly reason: 'ConflictingRule' | 'InvalidAnnotation' | 'UnsupportedBackend'
  readonly message: string
}

/** The routes of one host. */
export interface HostRoutes {
  readonly paths: PathMap<Route>
  /** For paths that no rule has. */
  fallback: Route | undefined
}

/** How a host is served over TLS. */
export interface HostTls {
  /** `namespace/name` of the Secret; undefined: with the default certificate. */
  readonly secret: string | undefined
}

export interface RoutingTable {
  readonly hosts: HostMap<HostRoutes>
  readonly tls: HostMap<HostTls>
  /** For what no rule has. */
  readonly fallback: Route | undefined
}

export interface Decision {
  readonly table: RoutingTable
  /** The Ingresses that are served here, the oldest first. */
  readonly served: readonly IngressView[]
  /** By the key of the Ingress. */
  readonly problems: ReadonlyMap<string, readonly Problem[]>
  /** What the routes lead to. */
  readonly backends: readonly BackendReference[]
  /** Which hosts each Secret is for, by its key, and who says so. */
  readonly secrets: ReadonlyMap<string, { readonly hosts: readonly string[]; readonly ingresses: ReadonlySet<string> }>
}

/** A body of this size is streamed like any other; it is what an upload by mistake is stopped at. */
const usualBodyLimit = 1024 ** 3

/** Which of the Ingresses are to be served here, as one table. */
export function decide(ingresses: Iterable<IngressView>, classes: readonly ClassView[]): Decision {
  const served = oursOf(ingresses, classes)
  const problems = new Map<string, Problem[]>()
  const problem = (key: string, reason: Problem['reason'], message: string): void => {
    const known = problems.get(key)
    if (!known) problems.set(key, [{ reason, message }])
    else if (!known.some((each) => each.message === message)) known.push({ reason, message })
  }
  const hosts = new HostMap<HostRoutes>()
  const routesOf = (host: string): HostRoutes => {
    let routes = hosts.at(host)
    if (!routes) hosts.set(host, (routes = { paths: new PathMap(), fallback: undefined }))
    return routes
  }
  const fallbacks: { route: Route; hasRules: boolean }[] = []
  const tls = new HostMap<HostTls>()
  const backends: BackendReference[] = []
  const secrets = new Map<string, { hosts: string[]; ingresses: Set<string> }>()

  for (const ingress of served) {
    const key = keyOf(ingress)
    const { namespace = '' } = ingress.metadata ?? {}
    const { rules = [], defaultBackend, tls: entries = [] } = ingress.spec ?? {}
    const settings = settingsOf(ingress, (message) => problem(key, 'InvalidAnnotation', message))
    const routeTo = (backend: Frozen<IngressBackend>): Route => {
      const { service, resource } = backend
      if (!service)
        problem(key, 'UnsupportedBackend', `${resource?.kind} ${resource?.name} is no Service: it cannot be a backend.`)
      const port = service?.port?.name || service?.port?.number || 0
      const reference = service && { service: `${namespace}/${service.name}`, port }
      if (reference) backends.push(reference)
      return { ingress: key, backend: reference, settings }
    }
    const taken = (what: string, { ingress: other }: Route) =>
      problem(
        key,
        'ConflictingRule',
        other === key
          ? `${what} stands in this Ingress twice: the first holds.`
          : `${what} is that of Ingress ${other}, which is older: this one is not served.`,
      )

    for (const { host = '', http } of rules) {
      const routes = routesOf(host)
      for (const { path = '', pathType, backend } of http?.paths ?? []) {
        const route = routeTo(backend)
        const exact = pathType === 'Exact'
        const what = `${exact ? 'Path' : 'Prefix'} ${path || '/'} of ${host ? `host ${host}` : 'every host'}`
        if (!(exact ? routes.paths.addExact(path, route) : routes.paths.addPrefix(path, route)))
          taken(what, (exact ? routes.paths.exact(path) : routes.paths.prefix(path))!)
      }
    }
    if (defaultBackend) {
      const route = routeTo(defaultBackend)
      for (const host of new Set(rules.map(({ host = '' }) => host))) {
        const routes = routesOf(host)
        if (routes.fallback && routes.fallback.ingress !== key)
          taken(`The default backend of ${host ? `host ${host}` : 'every host'}`, routes.fallback)
        routes.fallback ??= route
      }
      const everywhere = fallbacks.find(({ hasRules }) => !hasRules)
      if (!rules.length && everywhere) taken('The default backend', everywhere.route)
      fallbacks.push({ route, hasRules: rules.length > 0 })
    }

    for (const { hosts: named = [], secretName } of entries) {
      const secret = secretName ? `${namespace}/${secretName}` : undefined
      for (const host of named.length ? named : new Set(rules.map(({ host = '' }) => host))) {
        const known = tls.at(host)
        if (!known) tls.set(host, { secret })
        else if (known.secret !== secret) {
          const shown = known.secret ? `Secret ${known.secret}` : 'the default certificate'
          problem(key, 'ConflictingRule', `Host ${host || '*'} is served with ${shown}, which was asked for before.`)
          continue
        }
        if (!secret) continue
        const wanted = secrets.get(secret) ?? { hosts: [], ingresses: new Set() }
        secrets.set(secret, wanted)
        if (!wanted.hosts.includes(host)) wanted.hosts.push(host)
        wanted.ingresses.add(key)
      }
    }
  }
  // One without rules is meant for everything; one with rules for what no rule of anybody has.
  const fallback = (fallbacks.find(({ hasRules }) => !hasRules) ?? fallbacks[0])?.route
  return { table: { hosts, tls, fallback }, served, problems, backends, secrets }
}

/** Where a request goes: rules of the host, of its wildcard, of every host; then default backends in the same order. */
export function findRoute({ hosts, fallback }: RoutingTable, host: string, path: string): Route | undefined {
  let otherwise: Route | undefined
  for (const routes of hosts.matching(host)) {
    const route = routes.paths.match(path)
    if (route) return route
    otherwise ??= routes.fallback
  }
  return otherwise ?? fallback
}

/** Those of a class of ours, and those without a class while the default one is ours; the oldest first. */
function oursOf(ingresses: Iterable<IngressView>, classes: readonly ClassView[]): IngressView[] {
  const ours = new Set(classes.filter(({ spec }) => spec?.controller === ingressController).map(keyOf))
  const usual = classes.filter(isDefaultIngressClass).reduce<ClassView | undefined>(newer, undefined)
  const isOurs = (ingress: IngressView): boolean => {
    const named = namedIngressClass(ingress)
    if (named === undefined) return usual !== undefined && ours.has(keyOf(usual))
    // The annotation is older than classes, and needs none.
    return ours.has(named) || ingress.metadata?.annotations?.[ingressClassAnnotation] === ingressClassName
  }
  return [...ingresses].filter((ingress) => !ingress.metadata?.deletionTimestamp && isOurs(ingress)).sort(byAge)
}

/** The newer of two default classes counts, of equally old ones the first by name: as admission has it. */
function newer(best: ClassView | undefined, each: ClassView): ClassView {
  if (!best) return each
  const [old, young] = [createdAt(best), createdAt(each)]
  return young > old || (young === old && keyOf(each) < keyOf(best)) ? each : best
}

const createdAt = ({ metadata }: { metadata?: { creationTimestamp?: string } }): string =>
  metadata?.creationTimestamp ?? ''

function byAge(a: IngressView, b: IngressView): number {
  const [left, right] = [`${createdAt(a)} ${keyOf(a)}`, `${createdAt(b)} ${keyOf(b)}`]
  return left < right ? -1 : left > right ? 1 : 0
}

const protocols: Readonly<Record<string, BackendProtocol>> = { HTTP: 'http', HTTPS: 'https', H2C: 'h2c', GRPC: 'h2c' }

function settingsOf({ metadata }: IngressView, wrong: (message: string) => void): IngressSettings {
  const annotations = metadata?.annotations ?? {}
  const asked = annotations[backendProtocolAnnotation]
  const protocol = asked === undefined ? undefined : protocols[asked.toUpperCase()]
  if (asked !== undefined && !protocol)
    wrong(`${backendProtocolAnnotation} is ${JSON.stringify(asked)}, which is none of HTTP, HTTPS, H2C and GRPC.`)
  return {
    protocol,
    sslRedirect: annotations[sslRedirectAnnotation] !== 'false',
    mostBodyBytes: bodyLimit(annotations[bodySizeAnnotation], wrong),
  }
}

function bodyLimit(written: string | undefined, wrong: (message: string) => void): number {
  if (written === undefined) return usualBodyLimit
  try {
    const bytes = valueOf(parseQuantity(written))
    if (bytes >= 0) return bytes || Infinity
  } catch {
    // Told below.
  }
  wrong(`${bodySizeAnnotation} is ${JSON.stringify(written)}, which is no number of bytes.`)
  return usualBodyLimit
}
