import { endpointsOf, type EndpointView, type SliceView } from '../framework/support/endpoint-slices.ts'
import { equal } from '../framework/support/equality.ts'
import type { ServiceView } from '../framework/support/service-pods.ts'
import type { Changes, Creation, Update } from './slices.ts'
import { allocate, type Allocation, type ZoneShares } from './zones.ts'

type Distribution = 'PreferClose' | 'PreferSameZone' | 'PreferSameNode'

/**
 * Whom the endpoints are for. `automatic`: zones get endpoints by their processors, with an annotation; otherwise by
 * spec.trafficDistribution everybody is asked to stay in the zone, or on the node.
 */
export type HintMode = 'automatic' | Distribution | undefined

/** The older one has precedence. */
const modeKeys = ['service.kubernetes.io/topology-aware-hints', 'service.kubernetes.io/topology-mode']

export function hintModeOf({ metadata, spec }: ServiceView): HintMode {
  const key = modeKeys.find((each) => metadata?.annotations?.[each] !== undefined)
  const mode = key && metadata?.annotations?.[key]
  if (mode === 'Auto' || mode === 'auto') return 'automatic'
  const distribution = (spec as { readonly trafficDistribution?: string } | undefined)?.trafficDistribution
  const known = ['PreferClose', 'PreferSameZone', 'PreferSameNode']
  return distribution && known.includes(distribution) ? (distribution as Distribution) : undefined
}

export interface Hinted {
  readonly changes: Changes
  /** Why there are no hints though they were asked for. */
  readonly problem?: string
}

/** Puts hints into what is written, and writes what else has others than it should. */
export function withHints(
  mode: HintMode,
  changes: Changes,
  existing: readonly SliceView[],
  shares: () => ZoneShares | undefined,
): Hinted {
  const touched = new Set([...changes.update.map(({ slice }) => slice), ...changes.remove])
  const unchanged = existing.filter((slice) => !touched.has(slice))
  if (mode !== 'automatic') return { changes: hintEach(changes, unchanged, closeHints(mode)) }
  const answer = shareOut(changes, unchanged, shares())
  if (typeof answer !== 'string') return { changes: answer }
  return { changes: hintEach(changes, unchanged, () => undefined), problem: answer }
}

type Hints = (EndpointView['hints'] & { readonly forNodes?: readonly { readonly name: string }[] }) | undefined

const isReady = ({ conditions }: EndpointView): boolean => conditions?.ready === true

const closeHints =
  (mode: Distribution | undefined) =>
  (endpoint: EndpointView): Hints => {
    const { zone, nodeName } = endpoint
    if (!mode || !isReady(endpoint)) return undefined
    const forNodes = mode === 'PreferSameNode' && nodeName ? { forNodes: [{ name: nodeName }] } : {}
    const hints = { ...(zone ? { forZones: [{ name: zone }] } : {}), ...forNodes }
    return Object.keys(hints).length ? hints : undefined
  }

function hintEach(changes: Changes, unchanged: readonly SliceView[], hintsOf: (e: EndpointView) => Hints): Changes {
  const wrong = unchanged.filter((slice) => endpointsOf(slice).some((each) => !equal(each.hints, hintsOf(each))))
  const hinted = (endpoints: readonly EndpointView[]) => endpoints.map((each) => withHint(each, hintsOf(each)))
  return {
    ...changes,
    create: changes.create.map((made) => ({ ...made, endpoints: hinted(made.endpoints) })),
    update: [...changes.update, ...wrong.map(rewritten)].map((made) => ({
      ...made,
      endpoints: hinted(made.endpoints),
    })),
  }
}

function withHint(endpoint: EndpointView, hints: Hints): EndpointView {
  if (!hints && !endpoint.hints) return endpoint
  const { hints: _, ...rest } = endpoint
  return hints ? { ...rest, hints } : rest
}

const rewritten = (slice: SliceView): Update => ({ slice, ports: slice.ports ?? [], endpoints: endpointsOf(slice) })

/**
 * Endpoints are for their own zone first; zones with more than their share then give to those with less. Slices that
 * are not written otherwise keep their hints as long as no zone has too many. Source: AddHints, topologycache.go.
 */
function shareOut(changes: Changes, unchanged: readonly SliceView[], shares: ZoneShares | undefined): Changes | string {
  const made: readonly { readonly endpoints: readonly EndpointView[] }[] = [...changes.create, ...changes.update]
  const all = [...made.flatMap(({ endpoints }) => endpoints), ...unchanged.flatMap(endpointsOf)]
  const allocations = allocate(shares, all.filter(isReady).length)
  if (typeof allocations === 'string') return allocations

  const counts = new Map<string, number>()
  const add = (zone: string, count: number) => counts.set(zone, (counts.get(zone) ?? 0) + count)
  const update = [...changes.update]
  for (const slice of unchanged) {
    const own = hintedZones(slice, counts, allocations)
    if (own) for (const [zone, count] of own) add(zone, count)
    else update.push(rewritten(slice))
  }
  const written: readonly (Creation | Update)[] = [...changes.create, ...update]
  for (const endpoint of written.flatMap(({ endpoints }) => endpoints).filter(isReady)) {
    if (!endpoint.zone) return 'One or more endpoints do not have a zone specified'
    add(endpoint.zone, 1)
  }
  const { giving, receiving } = transfers(allocations, counts)
  const zoneFor = (endpoint: EndpointView): string => {
    const own = endpoint.zone!
    const other = giving.get(own) && [...receiving].find(([, count]) => count > 0)?.[0]
    if (!other) return own
    giving.set(own, giving.get(own)! - 1)
    receiving.set(other, receiving.get(other)! - 1)
    return other
  }
  const hinted = <T extends Creation>(each: T): T => ({
    ...each,
    endpoints: each.endpoints.map((endpoint) =>
      withHint(endpoint, isReady(endpoint) ? { forZones: [{ name: zoneFor(endpoint) }] } : undefined),
    ),
  })
  return { ...changes, create: changes.create.map(hinted), update: update.map(hinted) }
}

/** The zones that a slice is hinted for; undefined when it must be written anew. */
function hintedZones(
  slice: SliceView,
  before: ReadonlyMap<string, number>,
  allocations: ReadonlyMap<string, Allocation>,
): ReadonlyMap<string, number> | undefined {
  const counts = new Map<string, number>()
  for (const endpoint of endpointsOf(slice).filter(isReady)) {
    const { forZones: zones = [], forNodes = [] }: NonNullable<Hints> = endpoint.hints ?? {}
    if (!zones.length || forNodes.length) return undefined
    for (const { name } of zones) counts.set(name, (counts.get(name) ?? 0) + 1)
  }
  const fits = ([zone, count]: [string, number]) => {
    const allocation = allocations.get(zone)
    return allocation !== undefined && count + (before.get(zone) ?? 0) <= allocation.maximum
  }
  return [...counts].every(fits) ? counts : undefined
}

/** How many endpoints each zone gives, and gets. Source: getGivingAndReceivingZones. */
function transfers(allocations: ReadonlyMap<string, Allocation>, counts: ReadonlyMap<string, number>) {
  const surplus = new Map<string, number>()
  const lack = new Map<string, number>()
  for (const [zone, { desired }] of allocations) {
    const more = (counts.get(zone) ?? 0) - desired
    if (more > 0) surplus.set(zone, more)
    else if (more < 0) lack.set(zone, -more)
  }
  const giving = new Map<string, number>()
  const receiving = new Map<string, number>()
  for (;;) {
    const [from, give] = most(surplus)
    const [to, get] = most(lack)
    if ((give < 1 && get < 1) || give < 0.5 || get < 0.5) return { giving, receiving }
    giving.set(from, (giving.get(from) ?? 0) + 1)
    surplus.set(from, give - 1)
    receiving.set(to, (receiving.get(to) ?? 0) + 1)
    lack.set(to, get - 1)
  }
}

const most = (zones: ReadonlyMap<string, number>): readonly [zone: string, number: number] =>
  [...zones].reduce<readonly [string, number]>((best, each) => (each[1] > best[1] ? each : best), ['', 0])
