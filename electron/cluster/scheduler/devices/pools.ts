import type { Node } from 'kubernetes-types/core/v1'
import { deviceId, poolId, type Device, type ResourceSlice, type SliceSpec } from '#shared/kube/devices.ts'
import { matchesTerm } from '#shared/kube/node-affinity.ts'
import type { Frozen } from '#shared/kube/object.ts'
import { parseQuantity, type Quantity } from '#shared/kube/quantity.ts'

type Slice = Frozen<ResourceSlice>

/** Slices as caches have them. */
export interface Slices {
  /** Those of a node alone, and those that no node owns. */
  readonly reachedFrom: (node: string) => readonly Slice[]
  readonly ofPool: (id: string) => readonly Slice[]
}

export interface PooledDevice {
  /** `driver/pool/device`. */
  readonly id: string
  readonly driver: string
  readonly pool: Pool
  readonly device: Frozen<Device>
  readonly slice: Frozen<SliceSpec>
}

export interface Pool {
  /** `driver/pool`. */
  readonly id: string
  /** Not all of its slices have been published. */
  readonly isIncomplete: boolean
  readonly isInvalid: boolean
  /** Those that the node reaches. */
  readonly devices: readonly PooledDevice[]
  /** All others: they may have taken of the counters. */
  readonly elsewhere: readonly PooledDevice[]
  /** What devices share, by `set/counter`. */
  readonly counters: ReadonlyMap<string, Quantity>
}

interface Place {
  readonly nodeName?: string
  readonly nodeSelector?: Frozen<NonNullable<SliceSpec['nodeSelector']>>
  readonly allNodes?: boolean
}

function isReached({ nodeName, nodeSelector, allNodes }: Place, node: Frozen<Node>): boolean {
  if (nodeName) return node.metadata?.name === nodeName
  if (allNodes) return true
  return nodeSelector?.nodeSelectorTerms.some((term) => matchesTerm(term, node)) ?? false
}

/** Where a slice leaves it to its devices, one of them is enough. */
const isRelevant = (spec: Frozen<SliceSpec>, node: Frozen<Node>): boolean =>
  spec.perDeviceNodeSelection ? (spec.devices ?? []).some((device) => isReached(device, node)) : isReached(spec, node)

const generationOf = ({ spec }: Slice): number => spec?.pool?.generation ?? 0

/**
 * The pools with devices that a node reaches, in the order of their names. Of each only the newest generation counts,
 * also where its slices are for other nodes. Source: GatherPools.
 */
export function gatherPools(node: Frozen<Node>, slices: Slices): readonly Pool[] {
  const ids = new Set<string>()
  for (const { spec } of slices.reachedFrom(node.metadata?.name ?? ''))
    if (spec && isRelevant(spec, node)) ids.add(poolId(spec))
  return [...ids].sort().flatMap((id) => {
    const all = slices.ofPool(id)
    const newest = Math.max(...all.map(generationOf))
    return poolOf(id, all.filter((slice) => generationOf(slice) === newest).sort(byName), node) ?? []
  })
}

const byName = (a: Slice, b: Slice): number => ((a.metadata?.name ?? '') < (b.metadata?.name ?? '') ? -1 : 1)

function poolOf(id: string, slices: readonly Slice[], node: Frozen<Node>): Pool | undefined {
  const specs = slices.map(({ spec }) => spec!)
  const relevant = specs.filter((spec) => isRelevant(spec, node))
  // The newest generation has nothing for this node: what an older one had is void.
  if (!relevant.length) return undefined
  const nothing = { devices: [], elsewhere: [], counters: new Map() }
  if (specs.length !== relevant[0]!.pool?.resourceSliceCount)
    return { id, isIncomplete: true, isInvalid: false, ...nothing }
  const counters = countersOf(specs)
  if (!counters || !namesAreUnique(relevant) || !consumesOnlyKnown(specs, counters))
    return { id, isIncomplete: false, isInvalid: true, ...nothing }
  const devices: PooledDevice[] = []
  const elsewhere: PooledDevice[] = []
  const pool: Pool = { id, isIncomplete: false, isInvalid: false, devices, elsewhere, counters }
  for (const slice of specs) {
    const reached = relevant.includes(slice)
    for (const device of slice.devices ?? []) {
      const isHere = reached && (!slice.perDeviceNodeSelection || isReached(device, node))
      const { driver = '' } = slice
      const named = { driver, pool: slice.pool?.name ?? '', device: device.name ?? '' }
      ;(isHere ? devices : elsewhere).push({ id: deviceId(named), driver, pool, device, slice })
    }
  }
  return pool
}

/** Undefined where two sets have one name. */
function countersOf(specs: readonly Frozen<SliceSpec>[]): Map<string, Quantity> | undefined {
  const counters = new Map<string, Quantity>()
  const sets = new Set<string>()
  for (const { name = '', counters: values = {} } of specs.flatMap(({ sharedCounters = [] }) => sharedCounters)) {
    if (sets.has(name)) return undefined
    sets.add(name)
    for (const [key, { value = '0' }] of Object.entries(values)) counters.set(`${name}/${key}`, parseQuantity(value))
  }
  return counters
}

function namesAreUnique(specs: readonly Frozen<SliceSpec>[]): boolean {
  const names = specs.flatMap(({ devices = [] }) => devices.map(({ name }) => name))
  return new Set(names).size === names.length
}

const consumesOnlyKnown = (specs: readonly Frozen<SliceSpec>[], known: ReadonlyMap<string, unknown>): boolean =>
  specs.every(({ devices = [] }) =>
    devices.every(({ consumesCounters = [] }) =>
      consumesCounters.every(({ counterSet = '', counters = {} }) =>
        Object.keys(counters).every((name) => known.has(`${counterSet}/${name}`)),
      ),
    ),
  )
