import { compareNumbers, equal, isNumber } from '../values/equality.ts'
import { typeNameOf } from '../values/json.ts'
import { calendar, Duration, Timestamp } from '../values/time.ts'
import { CelError } from '../values/errors.ts'
import {
  isList,
  listKey,
  mapKey,
  Optional,
  TypeValue,
  Uint,
  type CelList,
  type CelValue,
  type MapValue,
} from '../values/values.ts'
import { checkedInt, conversions } from './conversions.ts'
import { matching, overload, reading, readsFirst, sizeOf, type Overload } from './overload.ts'
import { regexOf } from './regex-cache.ts'

const least = { cost: ([a = 0, b = 0]: readonly number[]) => reading(Math.min(a, b)) }
const both = {
  cost: ([a = 0, b = 0]: readonly number[]) => reading(a + b),
  resultSize: ([a = 0, b = 0]: readonly number[]) => a + b,
}

const uint = (value: bigint) => new Uint(value)

function divided(a: bigint, b: bigint, what: 'division' | 'modulus'): bigint {
  if (b === 0n) throw new CelError(`${what} by zero`)
  return what === 'division' ? a / b : a % b
}

const arithmetic: Overload[] = [
  overload('_+_(int, int): int', (a: bigint, b: bigint) => checkedInt(a + b)),
  overload('_-_(int, int): int', (a: bigint, b: bigint) => checkedInt(a - b)),
  overload('_*_(int, int): int', (a: bigint, b: bigint) => checkedInt(a * b)),
  overload('_/_(int, int): int', (a: bigint, b: bigint) => checkedInt(divided(a, b, 'division'))),
  overload('_%_(int, int): int', (a: bigint, b: bigint) => divided(a, b, 'modulus')),
  overload('-_(int): int', (a: bigint) => checkedInt(-a)),
  overload('_+_(uint, uint): uint', (a: Uint, b: Uint) => uint(a.value + b.value)),
  overload('_-_(uint, uint): uint', (a: Uint, b: Uint) => uint(a.value - b.value)),
  overload('_*_(uint, uint): uint', (a: Uint, b: Uint) => uint(a.value * b.value)),
  overload('_/_(uint, uint): uint', (a: Uint, b: Uint) => uint(divided(a.value, b.value, 'division'))),
  overload('_%_(uint, uint): uint', (a: Uint, b: Uint) => uint(divided(a.value, b.value, 'modulus'))),
  overload('_+_(double, double): double', (a: number, b: number) => a + b),
  overload('_-_(double, double): double', (a: number, b: number) => a - b),
  overload('_*_(double, double): double', (a: number, b: number) => a * b),
  overload('_/_(double, double): double', (a: number, b: number) => a / b),
  overload('-_(double): double', (a: number) => -a),
  overload('_+_(string, string): string', (a: string, b: string) => a + b, both),
  overload('_+_(bytes, bytes): bytes', (a: Uint8Array, b: Uint8Array) => Uint8Array.from([...a, ...b]), both),
  overload('_+_(list(A), list(A)): list(A)', addLists, { resultSize: both.resultSize }),
  overload('_+_(timestamp, duration): timestamp', (a: Timestamp, b: Duration) => new Timestamp(a.nanos + b.nanos)),
  overload('_+_(duration, timestamp): timestamp', (a: Duration, b: Timestamp) => new Timestamp(a.nanos + b.nanos)),
  overload('_+_(duration, duration): duration', (a: Duration, b: Duration) => new Duration(a.nanos + b.nanos)),
  overload('_-_(timestamp, timestamp): duration', (a: Timestamp, b: Timestamp) => new Duration(a.nanos - b.nanos)),
  overload('_-_(timestamp, duration): timestamp', (a: Timestamp, b: Duration) => new Timestamp(a.nanos - b.nanos)),
  overload('_-_(duration, duration): duration', (a: Duration, b: Duration) => new Duration(a.nanos - b.nanos)),
]

/** Lists of type set and map merge: what is in both keeps its place and takes the right one's value. */
function addLists(a: CelList, b: CelList): CelList {
  const keyOf = a[listKey]
  if (!keyOf) return [...a, ...b]
  const places = new Map(a.map((element, i) => [keyOf(element), i]))
  const merged = [...a]
  for (const element of b) {
    const key = keyOf(element)
    const place = places.get(key)
    if (place === undefined) places.set(key, merged.push(element) - 1)
    else merged[place] = element
  }
  return Object.assign(merged, { [listKey]: keyOf })
}

function compare(a: CelValue, b: CelValue): number | undefined {
  if (isNumber(a) && isNumber(b)) return compareNumbers(a, b)
  if (a instanceof Timestamp || a instanceof Duration) return compareNumbers(a.nanos, (b as Duration).nanos)
  if (typeof a === 'string') return compareStrings(a, b as string)
  if (a instanceof Uint8Array) return Buffer.compare(a, b as Uint8Array)
  return Number(a) - Number(b)
}

/** By code points, as Go compares UTF-8. */
export function compareStrings(a: string, b: string): number {
  if (a === b) return 0
  return Buffer.compare(Buffer.from(a), Buffer.from(b))
}

const comparable = ['bool', 'int', 'uint', 'double', 'string', 'bytes', 'timestamp', 'duration']
const crossed = ['int', 'uint', 'double']
const ordered = [
  ...comparable.map((type) => [type, type] as const),
  ...crossed.flatMap((a) => crossed.filter((b) => b !== a).map((b) => [a, b] as const)),
]
const relations: Overload[] = Object.entries({
  '<': (order: number) => order < 0,
  '<=': (order: number) => order <= 0,
  '>': (order: number) => order > 0,
  '>=': (order: number) => order >= 0,
}).flatMap(([operator, holds]) =>
  ordered.map(([a, b]) =>
    overload(
      `_${operator}_(${a}, ${b}): bool`,
      (left: CelValue, right: CelValue) => {
        const order = compare(left, right)
        return order !== undefined && holds(order)
      },
      a === 'string' || a === 'bytes' ? least : {},
    ),
  ),
)

const logic: Overload[] = [
  overload('_==_(T, T): bool', (a: CelValue, b: CelValue) => equal(a, b), least),
  overload('_!=_(T, T): bool', (a: CelValue, b: CelValue) => !equal(a, b), least),
  overload('!_(bool): bool', (a: boolean) => !a),
  overload('@in(T, list(T)): bool', (a: CelValue, elements: CelList) => elements.some((element) => equal(a, element)), {
    cost: ([, size = 0]) => size,
  }),
  overload('@in(K, map(K, V)): bool', (key: CelValue, entries: MapValue) => entries.has(mapKey(key))),
  // These two and the conditional are evaluated by the compiler, which may leave an operand out.
  overload('_&&_(bool, bool): bool', (a: boolean, b: boolean) => a && b),
  overload('_||_(bool, bool): bool', (a: boolean, b: boolean) => a || b),
  overload('_?_:_(bool, T, T): T', (a: boolean, b: CelValue, c: CelValue) => (a ? b : c)),
]

function at(elements: CelList, index: bigint): CelValue {
  const found = elements[Number(index)]
  if (found === undefined) throw new CelError(`index out of bounds: ${index}`)
  return found
}

function valueAt(entries: MapValue, key: CelValue): CelValue {
  const found = entries.find(mapKey(key))
  if (found === undefined) throw new CelError(`no such key: ${shown(key)}`)
  return found
}

const shown = (key: CelValue): string => (key instanceof Uint ? String(key.value) : String(key))
const maybe = (value: CelValue | undefined) => (value === undefined ? Optional.none : Optional.of(value))
const inside = <T>(holder: Optional, read: (value: T) => CelValue | undefined) =>
  holder.present ? maybe(read(holder.value as T)) : Optional.none

const access: Overload[] = [
  overload('_[_](list(A), int): A', at),
  overload('_[_](map(A, B), A): B', valueAt),
  overload('_[_](optional(list(V)), int): optional(V)', (holder: Optional, i: bigint) =>
    inside<CelList>(holder, (elements) => elements[Number(i)]),
  ),
  overload('_[_](optional(map(K, V)), K): optional(V)', (holder: Optional, key: CelValue) =>
    inside<MapValue>(holder, (entries) => entries.find(mapKey(key))),
  ),
  overload('_[?_](list(V), int): optional(V)', (elements: CelList, i: bigint) => maybe(elements[Number(i)])),
  overload('_[?_](map(K, V), K): optional(V)', (entries: MapValue, key: CelValue) => maybe(entries.find(mapKey(key)))),
  overload('_[?_](optional(list(V)), int): optional(V)', (holder: Optional, i: bigint) =>
    inside<CelList>(holder, (elements) => elements[Number(i)]),
  ),
  overload('_[?_](optional(map(K, V)), K): optional(V)', (holder: Optional, key: CelValue) =>
    inside<MapValue>(holder, (entries) => entries.find(mapKey(key))),
  ),
]

const isZero = (value: CelValue): boolean =>
  value === null ||
  value === false ||
  value === '' ||
  (isNumber(value) && compareNumbers(value, 0n) === 0) ||
  (value instanceof Duration && value.nanos === 0n) ||
  ((isList(value) || value instanceof Uint8Array || typeof value === 'object') && sizeOf(value) === 0)

const optionals: Overload[] = [
  overload('optional.of(V): optional(V)', (value: CelValue) => Optional.of(value)),
  overload('optional.ofNonZeroValue(V): optional(V)', (value: CelValue) =>
    isZero(value) ? Optional.none : Optional.of(value),
  ),
  overload('optional.none(): optional(V)', () => Optional.none),
  overload('optional(V).value(): V', (holder: Optional) => holder.value),
  overload('optional(V).hasValue(): bool', (holder: Optional) => holder.present),
  overload('optional(V).or(optional(V)): optional(V)', (holder: Optional, other: Optional) =>
    holder.present ? holder : other,
  ),
  overload('optional(V).orValue(V): V', (holder: Optional, other: CelValue) => (holder.present ? holder.value : other)),
]

const getters: Record<string, (date: Date, at: Timestamp) => number> = {
  getFullYear: (date) => date.getUTCFullYear(),
  getMonth: (date) => date.getUTCMonth(),
  getDayOfYear: (date) =>
    Math.floor(
      (Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), date.getUTCDate()) - Date.UTC(date.getUTCFullYear(), 0, 1)) /
        86_400_000,
    ),
  getDayOfMonth: (date) => date.getUTCDate() - 1,
  getDate: (date) => date.getUTCDate(),
  getDayOfWeek: (date) => date.getUTCDay(),
  getHours: (date) => date.getUTCHours(),
  getMinutes: (date) => date.getUTCMinutes(),
  getSeconds: (date) => date.getUTCSeconds(),
  getMilliseconds: (date) => date.getUTCMilliseconds(),
}

const times: Overload[] = [
  ...Object.entries(getters).flatMap(([name, read]) => [
    overload(`timestamp.${name}(): int`, (at: Timestamp) => BigInt(read(calendar(at, undefined), at))),
    overload(`timestamp.${name}(string): int`, (at: Timestamp, zone: string) => BigInt(read(calendar(at, zone), at))),
  ]),
  ...Object.entries({ getHours: 3_600_000_000_000n, getMinutes: 60_000_000_000n, getSeconds: 1_000_000_000n }).map(
    ([name, unit]) => overload(`duration.${name}(): int`, ({ nanos }: Duration) => nanos / unit),
  ),
  overload('duration.getMilliseconds(): int', ({ nanos }: Duration) => nanos / 1_000_000n),
]

const texts: Overload[] = [
  ...['string', 'bytes', 'list(A)', 'map(A, B)'].flatMap((type) => [
    overload(`size(${type}): int`, (value: CelValue) => BigInt(sizeOf(value))),
    overload(`${type}.size(): int`, (value: CelValue) => BigInt(sizeOf(value))),
  ]),
  overload('string.contains(string): bool', (text: string, part: string) => text.includes(part), {
    cost: ([a = 0, b = 0]) => reading(a) * reading(b),
  }),
  overload('string.startsWith(string): bool', (text: string, part: string) => text.startsWith(part), readsFirst),
  overload('string.endsWith(string): bool', (text: string, part: string) => text.endsWith(part), readsFirst),
  overload('string.matches(string): bool', matches, { cost: matching }),
  overload('matches(string, string): bool', matches, { cost: matching }),
  overload('dyn(A): dyn', (value: CelValue) => value),
  overload('type(A): type(A)', (value: CelValue) => new TypeValue(typeNameOf(value))),
]

function matches(text: string, pattern: string): boolean {
  return regexOf(pattern).matcher(text).find()
}

/** Operators, conversions, times and texts: CEL's standard definitions, and its optional types. */
export const standard: readonly Overload[] = [
  ...arithmetic,
  ...relations,
  ...logic,
  ...access,
  ...optionals,
  ...times,
  ...texts,
  ...conversions,
]
