import type { DeviceCapacity, RequestPolicy } from '#shared/kube/devices.ts'
import type { Frozen } from '#shared/kube/object.ts'
import {
  addQuantities,
  compareQuantities,
  parseQuantity,
  quantityOf,
  scaledValue,
  zero,
  type Quantity,
} from '#shared/kube/quantity.ts'
import type { PooledDevice } from './pools.ts'

/** Amounts by the full name of a capacity, `domain/name`. */
export type Capacities = ReadonlyMap<string, Quantity>

const noCapacity: Capacities = new Map()

/** A name without a domain has that of the driver. */
export const fullName = (name: string, driver: string): string => (name.includes('/') ? name : `${driver}/${name}`)

/**
 * What a request takes of a device: what it asks for, rounded as the device wants it, and of all else the default.
 * Undefined where the device cannot give it on top of what is `used`. Source: CmpRequestOverCapacity.
 */
export function consumedCapacity(
  { device, driver }: PooledDevice,
  requests: Readonly<Record<string, string>> | undefined,
  ...used: readonly Capacities[]
): Capacities | undefined {
  const published = Object.entries(device.capacity ?? {})
  if (!published.length && !requests) return noCapacity
  const wanted = new Map(
    Object.entries(requests ?? {}).map(([name, text]) => [fullName(name, driver), parseQuantity(text)] as const),
  )
  const names = new Set(published.map(([name]) => fullName(name, driver)))
  if ([...wanted.keys()].some((name) => !names.has(name))) return undefined
  const consumed = new Map<string, Quantity>()
  for (const [name, capacity] of published) {
    const full = fullName(name, driver)
    const amount = amountOf(wanted.get(full), capacity)
    if (violates(amount, capacity.requestPolicy)) return undefined
    const total = used.reduce((sum, each) => addQuantities(sum, each.get(full) ?? zero), amount)
    if (compareQuantities(total, parseQuantity(capacity.value ?? '0')) > 0) return undefined
    consumed.set(full, amount)
  }
  return consumed
}

function amountOf(wanted: Quantity | undefined, { value = '0', requestPolicy }: Frozen<DeviceCapacity>): Quantity {
  if (!wanted) return parseQuantity(requestPolicy?.default ?? value)
  const { validRange, validValues } = requestPolicy ?? {}
  if (validRange?.min !== undefined) return inRange(wanted, validRange)
  const next = validValues?.map(parseQuantity).find((valid) => compareQuantities(wanted, valid) <= 0)
  return next ?? wanted
}

type Range = Frozen<NonNullable<RequestPolicy['validRange']>>

/** The next step from the minimum on, in whole units. */
function inRange(wanted: Quantity, { min: minimum = '0', step }: Range): Quantity {
  const min = parseQuantity(minimum)
  if (compareQuantities(wanted, min) < 0) return min
  if (step === undefined) return wanted
  const size = parseQuantity(step)
  const [from, by] = [scaledValue(min, 0), scaledValue(size, 0)]
  const steps = (scaledValue(wanted, 0) - from + by - 1n) / by
  return quantityOf(from + by * steps, size.format)
}

function violates(amount: Quantity, policy: Frozen<RequestPolicy> | undefined): boolean {
  if (!policy) return false
  const is = (text: string) => compareQuantities(amount, parseQuantity(text)) === 0
  if (policy.default !== undefined && is(policy.default)) return false
  const { validRange, validValues } = policy
  if (!validRange) return validValues !== undefined && validValues.length > 0 && !validValues.some(is)
  const { min = '0', max, step } = validRange
  if (max !== undefined && compareQuantities(amount, parseQuantity(max)) > 0) return true
  if (step === undefined) return false
  const past = scaledValue(amount, 0) - scaledValue(parseQuantity(min), 0)
  return past % scaledValue(parseQuantity(step), 0) !== 0n
}
