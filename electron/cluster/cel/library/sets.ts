import { equal } from '../values/equality.ts'
import type { CelList, CelValue } from '../values/values.ts'
import { overload, type Overload } from './overload.ts'

const includes = (elements: CelList, wanted: CelValue): boolean => elements.some((each) => equal(each, wanted))
const contains = (a: CelList, b: CelList): boolean => b.every((each) => includes(a, each))
const pairs = (times: number) => ({ cost: ([a = 0, b = 0]: readonly number[]) => 1 + a * b * times })

/** cel-go's ext.Sets. */
export const sets: readonly Overload[] = [
  overload('sets.contains(list(T), list(T)): bool', contains, pairs(1)),
  overload(
    'sets.equivalent(list(T), list(T)): bool',
    (a: CelList, b: CelList) => contains(a, b) && contains(b, a),
    pairs(2),
  ),
  overload(
    'sets.intersects(list(T), list(T)): bool',
    (a: CelList, b: CelList) => a.some((each) => includes(b, each)),
    pairs(1),
  ),
]
