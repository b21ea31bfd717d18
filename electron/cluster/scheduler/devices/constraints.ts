import type { DeviceAttribute, DeviceConstraint } from '#shared/kube/devices.ts'
import type { Frozen } from '#shared/kube/object.ts'
import type { PooledDevice } from './pools.ts'

/** A rule between the devices of one claim. Once it is broken, more devices cannot mend it. */
export interface Constraint {
  /** Whether the device may join those that have been added. `requests`: the names that it is asked for by. */
  add(requests: readonly string[], device: PooledDevice): boolean
  /** Takes back the newest that was added. */
  remove(requests: readonly string[]): void
}

/** Undefined where the constraint is none that is known. */
export function constraintOf({ requests = [], ...rule }: Frozen<DeviceConstraint>): Constraint | undefined {
  const { matchAttribute, distinctAttribute } = rule
  const name = matchAttribute ?? distinctAttribute
  if (name === undefined) return undefined
  const isConcerned = (names: readonly string[]) => !requests.length || names.some((each) => requests.includes(each))
  const values: string[] = []
  const fits = (value: string): boolean =>
    matchAttribute === undefined ? !values.includes(value) : !values.length || values[0] === value
  return {
    add(names, device) {
      if (!isConcerned(names)) return true
      const value = valueOf(attributeOf(device, name))
      if (value === undefined || !fits(value)) return false
      values.push(value)
      return true
    },
    remove(names) {
      if (isConcerned(names)) values.pop()
    },
  }
}

/** The name is fully qualified; a device need not write the domain of its own driver. */
function attributeOf({ device, driver }: PooledDevice, name: string): Frozen<DeviceAttribute> | undefined {
  const { attributes = {} } = device
  if (Object.hasOwn(attributes, name)) return attributes[name]
  const own = `${driver}/`
  const short = name.startsWith(own) ? name.slice(own.length) : undefined
  return short !== undefined && Object.hasOwn(attributes, short) ? attributes[short] : undefined
}

/** As a text that is the same for equal values of one type only. */
function valueOf(attribute: Frozen<DeviceAttribute> | undefined): string | undefined {
  for (const type of ['string', 'int', 'bool', 'version'] as const)
    if (attribute?.[type] !== undefined) return `${type} ${attribute[type]}`
  return undefined
}
