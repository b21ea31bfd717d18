import { mostDevices, type DeviceClass, type ExactRequest, type ResourceClaim } from '#shared/kube/devices.ts'
import type { Frozen } from '#shared/kube/object.ts'
import { consumedCapacity } from './capacity.ts'
import type { Pool, PooledDevice } from './pools.ts'
import type { Selectors } from './selectors.ts'
import type { Usage } from './usage.ts'

type Claim = Frozen<ResourceClaim>

/** One way to satisfy a request: the request itself, or one of its alternatives. */
export interface Option {
  /** As results name it: `request`, or `request/alternative`. */
  readonly name: string
  /** Its own name alone, for errors. */
  readonly short: string
  /** Names by which constraints and configurations may mean it. */
  readonly names: readonly string[]
  readonly request: Frozen<ExactRequest>
  readonly deviceClass: Frozen<DeviceClass>
  readonly count: number
  /** All that match, where all are asked for. */
  readonly all: readonly PooledDevice[] | undefined
  matches(device: PooledDevice): boolean
}

export interface OptionDeps {
  readonly deviceClass: (name: string) => Frozen<DeviceClass> | undefined
  readonly selectors: Selectors
  readonly usage: Usage
  readonly pools: readonly Pool[]
}

const shown = ({ metadata }: Claim): string => `${metadata?.namespace}/${metadata?.name}`

/** By request of the claim, its options in the order in which they are preferred. Throws where one can never be satisfied. */
export function optionsOf(claim: Claim, deps: OptionDeps): readonly (readonly Option[])[] {
  const requests = claim.spec?.devices?.requests ?? []
  const options = requests.map(({ name = '', exactly, firstAvailable = [] }) =>
    exactly
      ? [optionOf(claim, exactly, name, [name], deps)]
      : firstAvailable.map((each) => {
          const full = `${name}/${each.name ?? ''}`
          return optionOf(claim, each, full, [name, full], deps)
        }),
  )
  const least = options.reduce((sum, some) => sum + Math.min(...some.map(({ count }) => count)), 0)
  if (least > mostDevices)
    throw new Error(
      `claim ${shown(claim)}: number of requested devices ${least} exceeds the claim limit of ${mostDevices}`,
    )
  return options
}

function optionOf(
  claim: Claim,
  request: Frozen<ExactRequest>,
  name: string,
  names: readonly string[],
  { deviceClass: find, selectors, usage, pools }: OptionDeps,
): Option {
  const { deviceClassName = '', allocationMode, count = 1 } = request
  const short = name.slice(name.indexOf('/') + 1)
  const where = `claim ${shown(claim)}, request ${short}`
  const deviceClass = find(deviceClassName)
  if (!deviceClass) throw new Error(`${where}: could not retrieve device class ${deviceClassName}`)
  const known = new Map<string, boolean>()
  const matches = (device: PooledDevice): boolean => {
    const remembered = known.get(device.id)
    if (remembered !== undefined) return remembered
    const matching =
      selectors.select(device, deviceClass.spec?.selectors ?? [], `class ${deviceClassName}`) &&
      selectors.select(device, request.selectors ?? [], `claim ${shown(claim)}`)
    known.set(device.id, matching)
    return matching
  }
  if (allocationMode !== 'All') return { name, short, names, request, deviceClass, count, all: undefined, matches }
  for (const pool of pools) {
    const state = pool.isIncomplete ? 'being updated' : pool.isInvalid ? 'invalid' : undefined
    if (state) throw new Error(`${where}: asks for all devices, but resource pool ${pool.id} is currently ${state}`)
  }
  const all = pools
    .flatMap(({ devices }) => devices)
    .filter(
      (device) =>
        matches(device) &&
        consumedCapacity(device, request.capacity?.requests, usage.of(device).shared ?? new Map()) !== undefined,
    )
  return { name, short, names, request, deviceClass, count: all.length, all, matches }
}
