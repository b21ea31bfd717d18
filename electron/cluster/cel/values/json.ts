import { shortest } from '../../schema/json/exact.ts'
import { Duration, Timestamp } from './time.ts'
import { CelError } from './errors.ts'
import { isList, isMap, MapValue, OpaqueValue, Optional, TypeValue, Uint, type CelValue } from './values.ts'

/** JSON without a schema, as upstream reads unstructured objects: whole numbers are ints. Maps convert what is asked for. */
export function fromJson(raw: unknown): CelValue {
  switch (typeof raw) {
    case 'string':
    case 'boolean':
    case 'bigint':
      return raw
    case 'number':
      return Number.isInteger(raw) ? BigInt(raw) : raw
    case 'object':
      if (raw === null) return null
      return Array.isArray(raw) ? raw.map(fromJson) : new JsonMap(raw as Readonly<Record<string, unknown>>)
    default:
      return null
  }
}

/** A JSON object as a map from strings; values convert once, when they are read. */
export class JsonMap extends MapValue {
  readonly raw: Readonly<Record<string, unknown>>
  readonly #convert: (raw: unknown) => CelValue
  #read: Map<string, CelValue> | undefined

  constructor(raw: Readonly<Record<string, unknown>>, convert: (raw: unknown) => CelValue = fromJson) {
    super()
    this.raw = raw
    this.#convert = convert
  }

  find(key: CelValue): CelValue | undefined {
    if (typeof key !== 'string') return undefined
    const read = this.#read?.get(key)
    if (read !== undefined) return read
    if (!Object.hasOwn(this.raw, key) || this.raw[key] === undefined) return undefined
    const value = this.#convert(this.raw[key])
    ;(this.#read ??= new Map()).set(key, value)
    return value
  }

  override has(key: CelValue): boolean {
    return typeof key === 'string' && Object.hasOwn(this.raw, key) && this.raw[key] !== undefined
  }

  keys(): readonly CelValue[] {
    return Object.keys(this.raw).filter((key) => this.raw[key] !== undefined)
  }
}

/** The value as JSON, as upstream writes what mutations and defaults make. */
export function toJson(value: CelValue): unknown {
  if (typeof value === 'bigint') return shortest(value)
  if (value === null || typeof value !== 'object') return value
  if (isList(value)) return value.map(toJson)
  if (isMap(value)) {
    if (value instanceof JsonMap) return value.raw
    return Object.fromEntries(
      value.keys().map((key) => {
        if (typeof key !== 'string') throw new CelError(`unsupported map key type: ${typeof key}`)
        return [key, toJson(value.find(key)!)]
      }),
    )
  }
  if (value instanceof Uint) return Number(value.value)
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64')
  if (value instanceof Timestamp || value instanceof Duration) return value.toString()
  if (value instanceof Optional && value.present) return toJson(value.value)
  throw new CelError(`unsupported conversion of ${typeNameOf(value)} to JSON`)
}

/** The name that `type(value)` shows. */
export function typeNameOf(value: CelValue): string {
  switch (typeof value) {
    case 'boolean':
      return 'bool'
    case 'bigint':
      return 'int'
    case 'number':
      return 'double'
    case 'string':
      return 'string'
  }
  if (value === null) return 'null_type'
  if (isList(value)) return 'list'
  if (isMap(value)) return value.typeName ?? 'map'
  if (value instanceof Uint) return 'uint'
  if (value instanceof Uint8Array) return 'bytes'
  if (value instanceof Timestamp) return 'google.protobuf.Timestamp'
  if (value instanceof Duration) return 'google.protobuf.Duration'
  if (value instanceof Optional) return 'optional_type'
  if (value instanceof TypeValue) return 'type'
  return value instanceof OpaqueValue ? value.typeName : 'unknown'
}
