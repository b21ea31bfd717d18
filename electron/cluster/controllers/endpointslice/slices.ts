import { equal } from '../framework/support/equality.ts'
import {
  endpointId,
  endpointsOf,
  portsId,
  type EndpointView,
  type SliceView,
} from '../framework/support/endpoint-slices.ts'
import type { Group } from './endpoints.ts'

/** The most endpoints in one slice (upstream's default). */
export const capacity = 100

export interface Update {
  readonly slice: SliceView
  readonly ports: Group['ports']
  readonly endpoints: readonly EndpointView[]
}

export type Creation = Omit<Update, 'slice'>

export interface Changes {
  /** Endpoints of slices to create, each with its ports. */
  readonly create: readonly Creation[]
  readonly update: readonly Update[]
  readonly remove: readonly SliceView[]
}

/**
 * Distributes endpoints, which have no hints yet, over slices so that as few slices as possible are written, because
 * every proxy on every node is told of each: what is there stays where it is, slices that change anyway are filled up
 * first, then one that has room for all the rest, and only then new ones. Source: reconcileByPortMapping, staging/src/k8s.io/endpointslice.
 */
export function distribute(desired: ReadonlyMap<string, Group>, existing: readonly SliceView[]): Changes {
  const byPorts = Map.groupBy(existing, (slice) => portsId(slice.ports ?? []))
  const create: Creation[] = []
  const update: Update[] = []
  const remove = [...byPorts].flatMap(([id, slices]) => (desired.has(id) ? [] : slices))
  for (const [id, group] of desired) {
    const changes = distributeGroup(group, byPorts.get(id) ?? [])
    create.push(...changes.create)
    update.push(...changes.update)
    remove.push(...changes.remove)
  }
  // A service without endpoints keeps one empty slice: its absence would mean that nobody has looked yet.
  if (create.length || update.length || remove.length < existing.length) return reuse({ create, update, remove })
  const placeholder = existing.find((slice) => !endpointsOf(slice).length) ?? existing[0]
  if (!placeholder) return { create: [{ ports: [], endpoints: [] }], update, remove }
  const emptied =
    endpointsOf(placeholder).length || placeholder.ports?.length
      ? [{ slice: placeholder, ports: [], endpoints: [] }]
      : []
  return { create, update: emptied, remove: remove.filter((slice) => slice !== placeholder) }
}

/** A slice that would go takes what would make a new one: one write instead of two. */
function reuse({ create, update, remove }: Changes): Changes {
  const reused = create.slice(0, remove.length).map((made, index): Update => ({ slice: remove[index]!, ...made }))
  return {
    create: create.slice(reused.length),
    update: [...update, ...reused],
    remove: remove.slice(reused.length),
  }
}

interface Draft {
  readonly slice: SliceView
  readonly endpoints: EndpointView[]
  changed: boolean
}

function distributeGroup({ ports, endpoints }: Group, slices: readonly SliceView[]): Changes {
  const waiting = new Map(endpoints)
  const drafts = slices.map((slice) => keep(slice, waiting))
  const rest = [...waiting.values()]
  for (const draft of drafts.filter(({ changed }) => changed).sort((a, b) => b.endpoints.length - a.endpoints.length))
    while (rest.length && draft.endpoints.length < capacity) draft.endpoints.push(rest.pop()!)
  if (rest.length && rest.length <= capacity) {
    const roomy = drafts.filter((draft) => !draft.changed && draft.endpoints.length + rest.length <= capacity)
    const fullest = roomy.sort((a, b) => b.endpoints.length - a.endpoints.length)[0]
    if (fullest) {
      fullest.endpoints.push(...rest.splice(0))
      fullest.changed = true
    }
  }
  const create = []
  while (rest.length) create.push({ ports, endpoints: rest.splice(0, capacity) })
  return {
    create,
    update: drafts
      .filter(({ changed, endpoints }) => changed && endpoints.length)
      .map((draft) => ({ ...draft, ports })),
    remove: drafts.filter(({ endpoints }) => !endpoints.length).map(({ slice }) => slice),
  }
}

/** The endpoints of a slice that are still wanted, as they are now but for hints; takes them from those that wait for a place. */
function keep(slice: SliceView, waiting: Map<string, EndpointView>): Draft {
  const endpoints: EndpointView[] = []
  let changed = false
  for (const endpoint of endpointsOf(slice)) {
    const wanted = waiting.get(endpointId(endpoint))
    if (!wanted) changed = true
    else {
      waiting.delete(endpointId(endpoint))
      changed ||= !equal(wanted, endpoint.hints ? { ...endpoint, hints: undefined } : endpoint)
      endpoints.push(wanted)
    }
  }
  return { slice, endpoints, changed }
}
