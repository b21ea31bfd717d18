import { compareNumbers, equal, isNumber } from '../values/equality.ts'
import { Duration, Timestamp } from '../values/time.ts'
import { CelError, noSuchOverload } from '../values/errors.ts'
import { Uint, type CelList, type CelValue } from '../values/values.ts'
import { overload, type Overload } from './overload.ts'
import { checkedInt } from './conversions.ts'
import { compareStrings } from './standard.ts'

const walks = { traverses: true }

function order(a: CelValue, b: CelValue): number {
  if (typeof a === 'string' && typeof b === 'string') return compareStrings(a, b)
  if (isNumber(a) && isNumber(b)) return compareNumbers(a, b) ?? Number.NaN
  if (typeof a === 'boolean' && typeof b === 'boolean') return Number(a) - Number(b)
  if (a instanceof Uint8Array && b instanceof Uint8Array) return Buffer.compare(a, b)
  if ((a instanceof Timestamp && b instanceof Timestamp) || (a instanceof Duration && b instanceof Duration))
    return compareNumbers(a.nanos, b.nanos)!
  throw noSuchOverload()
}

function extreme(elements: CelList, sign: 1 | -1, name: string): CelValue {
  if (!elements.length) throw new CelError(`${name} called on empty list`)
  return elements.reduce((best, element) => (order(element, best) * sign > 0 ? element : best))
}

const comparable = ['int', 'uint', 'double', 'bool', 'duration', 'timestamp', 'string', 'bytes']

/** Source: apiserver/pkg/cel/library/lists.go. */
export const lists: readonly Overload[] = [
  ...comparable.flatMap((type) => [
    overload(
      `list(${type}).isSorted(): bool`,
      (elements: CelList) => elements.every((element, i) => i === 0 || order(elements[i - 1]!, element) <= 0),
      walks,
    ),
    overload(`list(${type}).max(): ${type}`, (elements: CelList) => extreme(elements, 1, 'max'), walks),
    overload(`list(${type}).min(): ${type}`, (elements: CelList) => extreme(elements, -1, 'min'), walks),
  ]),
  overload(
    'list(int).sum(): int',
    (elements: readonly bigint[]) => elements.reduce((a, b) => checkedInt(a + b), 0n),
    walks,
  ),
  overload(
    'list(uint).sum(): uint',
    (elements: readonly Uint[]) => elements.reduce((a, b) => new Uint(a.value + b.value), new Uint(0n)),
    walks,
  ),
  overload('list(double).sum(): double', (elements: readonly number[]) => elements.reduce((a, b) => a + b, 0), walks),
  overload(
    'list(duration).sum(): duration',
    (elements: readonly Duration[]) => elements.reduce((a, b) => new Duration(a.nanos + b.nanos), new Duration(0n)),
    walks,
  ),
  overload(
    'list(T).indexOf(T): int',
    (elements: CelList, wanted: CelValue) => BigInt(elements.findIndex((each) => equal(each, wanted))),
    walks,
  ),
  overload(
    'list(T).lastIndexOf(T): int',
    (elements: CelList, wanted: CelValue) => BigInt(elements.findLastIndex((each) => equal(each, wanted))),
    walks,
  ),
]
