import { deviceId, type DeviceResult, type ResourceClaim } from '#shared/kube/devices.ts'
import type { Frozen } from '#shared/kube/object.ts'
import { addQuantities, parseQuantity, subtractQuantities, zero, type Quantity } from '#shared/kube/quantity.ts'
import { fullName, type Capacities } from './capacity.ts'
import type { Pool, PooledDevice } from './pools.ts'

/** What claims have of a device. */
export interface DeviceUse {
  /** One claim has it for itself. */
  readonly isTaken: boolean
  /** What those have that share it; undefined where nobody does. */
  readonly shared: Capacities | undefined
}

const free: DeviceUse = { isTaken: false, shared: undefined }

/** What is taken, as of one cycle: nothing is looked at twice in it. */
export class Usage {
  readonly #claimsOn: (id: string) => readonly Frozen<ResourceClaim>[]
  readonly #uses = new Map<string, DeviceUse>()
  readonly #counters = new Map<string, ReadonlyMap<string, Quantity>>()

  /** `claimsOn`: those that have a device, by its id. */
  constructor(claimsOn: (id: string) => readonly Frozen<ResourceClaim>[]) {
    this.#claimsOn = claimsOn
  }

  of(device: Pick<PooledDevice, 'id' | 'driver'>): DeviceUse {
    const known = this.#uses.get(device.id)
    if (known) return known
    const use = useOf(device, this.#claimsOn(device.id))
    this.#uses.set(device.id, use)
    return use
  }

  /** What is left of a pool's counters. */
  countersOf(pool: Pool): ReadonlyMap<string, Quantity> {
    const known = this.#counters.get(pool.id)
    if (known) return known
    const left = new Map(pool.counters)
    for (const each of [...pool.devices, ...pool.elsewhere]) {
      const { isTaken, shared } = this.of(each)
      if (!isTaken && !shared) continue
      for (const [name, amount] of consumedCounters(each)) left.set(name, subtractQuantities(left.get(name)!, amount))
    }
    this.#counters.set(pool.id, left)
    return left
  }
}

/** `set/counter` and how much of it the device takes. */
export const consumedCounters = ({ device }: PooledDevice): readonly (readonly [string, Quantity])[] =>
  (device.consumesCounters ?? []).flatMap(({ counterSet = '', counters = {} }) =>
    Object.entries(counters).map(([name, { value = '0' }]) => [`${counterSet}/${name}`, parseQuantity(value)] as const),
  )

function useOf(
  { id, driver }: Pick<PooledDevice, 'id' | 'driver'>,
  claims: readonly Frozen<ResourceClaim>[],
): DeviceUse {
  if (!claims.length) return free
  let isTaken = false
  let shared: Map<string, Quantity> | undefined
  for (const { status } of claims)
    for (const result of status?.allocation?.devices?.results ?? []) {
      // Who has admin access takes it from nobody.
      if (deviceId(result) !== id || result.adminAccess) continue
      if (result.shareID === undefined) isTaken = true
      else addCapacity((shared ??= new Map()), result, driver)
    }
  return { isTaken, shared }
}

function addCapacity(to: Map<string, Quantity>, { consumedCapacity = {} }: Frozen<DeviceResult>, driver: string): void {
  for (const [name, amount] of Object.entries(consumedCapacity)) {
    const full = fullName(name, driver)
    to.set(full, addQuantities(to.get(full) ?? zero, parseQuantity(amount)))
  }
}
