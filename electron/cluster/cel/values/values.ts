import { CelError } from './errors.ts'
import type { Duration, Timestamp } from './time.ts'

/**
 * What expressions compute with: int is bigint, double is number, a list is an array, maps and objects are
 * {@link MapValue}s. Everything is immutable.
 */
export type CelValue =
  | null
  | boolean
  | bigint
  | number
  | string
  | Uint8Array
  | Uint
  | Timestamp
  | Duration
  | Optional
  | TypeValue
  | CelList
  | MapValue
  | OpaqueValue

/** x-kubernetes-list-type set or map: how an element is told from others. Such lists compare without order and `+` merges. */
export const listKey = Symbol('list key')

export interface CelList extends ReadonlyArray<CelValue> {
  readonly [listKey]?: (element: CelValue) => string
}

export class Uint {
  readonly value: bigint
  constructor(value: bigint) {
    if (value < 0n || value >= 2n ** 64n) throw new CelError('unsigned integer overflow')
    this.value = value
  }
}

export class TypeValue {
  readonly name: string
  constructor(name: string) {
    this.name = name
  }
}

export class Optional {
  static readonly none = new Optional(undefined)
  readonly #value: CelValue | undefined
  private constructor(value: CelValue | undefined) {
    this.#value = value
  }
  static of(value: CelValue): Optional {
    return new Optional(value)
  }
  get present(): boolean {
    return this.#value !== undefined
  }
  get value(): CelValue {
    if (this.#value === undefined) throw new CelError('optional.none() dereference')
    return this.#value
  }
}

/** A map, or an object with a type name, whose fields are read like keys. */
export abstract class MapValue {
  /** Of objects only. */
  readonly typeName: string | undefined = undefined
  abstract find(key: CelValue): CelValue | undefined
  abstract keys(): readonly CelValue[]
  get size(): number {
    return this.keys().length
  }
  /** Whether `has()` says so: default, whether it can be found. */
  has(key: CelValue): boolean {
    return this.find(key) !== undefined
  }
}

export class LiteralMap extends MapValue {
  readonly #entries: ReadonlyMap<CelValue, CelValue>
  override readonly typeName: string | undefined
  /** Keys as {@link mapKey} makes them. */
  constructor(entries: ReadonlyMap<CelValue, CelValue>, typeName?: string) {
    super()
    this.#entries = entries
    this.typeName = typeName
  }
  find(key: CelValue): CelValue | undefined {
    return this.#entries.get(mapKey(key))
  }
  keys(): readonly CelValue[] {
    return [...this.#entries.keys()]
  }
  override get size(): number {
    return this.#entries.size
  }
}

/** Numbers of all types that are equal are one key. */
export function mapKey(key: CelValue): CelValue {
  if (key instanceof Uint) return key.value
  if (typeof key === 'number' && Number.isInteger(key)) return BigInt(key)
  return key
}

/** A value of a library's type. */
export abstract class OpaqueValue {
  abstract readonly typeName: string
  abstract equals(other: OpaqueValue): boolean
  /** For costs. */
  readonly size: number = 1
}

export const isMap = (value: CelValue): value is MapValue => value instanceof MapValue
export const isList = (value: CelValue): value is CelList => Array.isArray(value)
