import { signature, type Signature } from '../types/signature.ts'
import { codePoints } from '../values/code-points.ts'
import { isList, isMap, MapValue, OpaqueValue, Uint, type CelList, type CelValue } from '../values/values.ts'

/** One form of a function. Costs are given as functions of sizes, so that one text serves running and estimating. */
export interface Overload extends Signature {
  readonly call: (...args: never[]) => CelValue
  /** What a call costs, of the sizes of arguments and result. Default: 1. Must not fall when a size grows. */
  readonly cost: ((sizes: readonly number[], result: number) => number) | undefined
  /** Cost is of walking through this argument, elements and all (upstream's traversal cost). */
  readonly traverses: boolean
  /** The size of the result at most, of the sizes of the arguments. */
  readonly resultSize: ((sizes: readonly number[]) => number) | undefined
}

interface CostOptions {
  cost?: Overload['cost']
  traverses?: boolean
  resultSize?: Overload['resultSize']
}

/** Its signature is read when it is first asked for: few servers ever compile an expression. */
export function overload(text: string, call: Overload['call'], options: CostOptions = {}): Overload {
  const { cost, traverses = false, resultSize } = options
  let known: Signature | undefined
  const read = () => (known ??= signature(text))
  return {
    get name() {
      return read().name
    },
    get member() {
      return read().member
    },
    get params() {
      return read().params
    },
    get result() {
      return read().result
    },
    call,
    cost,
    traverses,
    resultSize,
  }
}

const factor = 0.1
/** The cost of reading that many characters, bytes or elements. */
export const reading = (size: number): number => Math.ceil(size * factor)

/** The cost of matching a text with a regular expression, by their lengths. */
export const matching = ([text = 0, pattern = 0]: readonly number[]): number =>
  Math.ceil((1 + text) * factor) * Math.ceil(pattern * 0.25)

export const readsFirst = { cost: ([first = 0]: readonly number[]) => reading(first) }
export const copiesFirst = { ...readsFirst, resultSize: ([first = 0]: readonly number[]) => first }

/** Size as costs know it: characters, bytes, elements, entries; 1 for all else. */
export function sizeOf(value: CelValue): number {
  if (typeof value === 'string') return codePoints(value)
  if (typeof value !== 'object' || value === null || value instanceof Uint) return 1
  if (isList(value) || value instanceof Uint8Array) return value.length
  return value instanceof MapValue || value instanceof OpaqueValue ? value.size : 1
}

/** The cost of walking through a value. */
export function traversal(value: CelValue): number {
  if (typeof value === 'string' || value instanceof Uint8Array) return reading(sizeOf(value))
  if (isList(value)) return (value as CelList).reduce<number>((sum, element) => sum + traversal(element), 0)
  if (isMap(value))
    return value.keys().reduce<number>((sum, key) => sum + traversal(key) + traversal(value.find(key)!), 0)
  return 1
}
