import { Duration, Timestamp } from './time.ts'
import {
  isList,
  isMap,
  listKey,
  mapKey,
  OpaqueValue,
  Optional,
  TypeValue,
  Uint,
  type CelList,
  type CelValue,
  type MapValue,
} from './values.ts'

/** CEL's `==`: numbers compare across types, values of different types are unequal, set and map lists know no order. */
export function equal(a: CelValue, b: CelValue): boolean {
  if (a === b) return true
  if (isNumber(a)) return isNumber(b) && compareNumbers(a, b) === 0
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false
  if (isList(a)) return isList(b) && equalLists(a, b)
  if (isMap(a)) return isMap(b) && equalMaps(a, b)
  if (a instanceof Uint8Array) return b instanceof Uint8Array && Buffer.compare(a, b) === 0
  if (a instanceof Timestamp) return b instanceof Timestamp && a.nanos === b.nanos
  if (a instanceof Duration) return b instanceof Duration && a.nanos === b.nanos
  if (a instanceof Optional) {
    if (!(b instanceof Optional)) return false
    return a.present ? b.present && equal(a.value, b.value) : !b.present
  }
  if (a instanceof TypeValue) return b instanceof TypeValue && a.name === b.name
  if (a instanceof OpaqueValue) return b instanceof OpaqueValue && a.typeName === b.typeName && a.equals(b)
  return false
}

type Numeric = bigint | number | Uint
export const isNumber = (value: CelValue): value is Numeric =>
  typeof value === 'bigint' || typeof value === 'number' || value instanceof Uint

const plain = (value: Numeric): bigint | number => (value instanceof Uint ? value.value : value)

/** Undefined with NaN. JavaScript compares bigint with number exactly. */
export function compareNumbers(left: Numeric, right: Numeric): number | undefined {
  const a = plain(left)
  const b = plain(right)
  // Not `===`, which never holds between a bigint and a number.
  return a < b ? -1 : a > b ? 1 : a == b ? 0 : undefined
}

function equalLists(a: CelList, b: CelList): boolean {
  if (a.length !== b.length) return false
  const keyOf = a[listKey] ?? b[listKey]
  if (!keyOf) return a.every((element, i) => equal(element, b[i]!))
  const others = new Map(b.map((element) => [keyOf(element), element]))
  return a.every((element) => {
    const other = others.get(keyOf(element))
    return other !== undefined && equal(element, other)
  })
}

function equalMaps(a: MapValue, b: MapValue): boolean {
  if (a.size !== b.size) return false
  return a.keys().every((key) => {
    const other = b.find(mapKey(key))
    return other !== undefined && equal(a.find(key)!, other)
  })
}
