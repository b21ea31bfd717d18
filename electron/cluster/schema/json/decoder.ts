import { QuantityError, canonicalQuantity } from '#shared/kube/quantity.ts'
import type { FieldDef, FieldType, ScalarName, StrictError, TypeDef } from '../api.ts'
import { metaTypes, typeNamed } from '../table.ts'
import { Base64Error, canonicalBase64 } from './base64.ts'
import { Pairs, WrittenNumber } from './duplicates.ts'
import { TimeError, canonicalMicroTime, canonicalTime } from './go-time.ts'
import { unconvertible } from './from-map.ts'
import { goTypeOf, structNameOf } from './go-types.ts'
import { isEmpty, keepsEmpty, zeroElement, zeroOf, alwaysWritten } from './zero.ts'

/** The body is no object of its type. The message is worded as Go's encoding/json (sigs.k8s.io/json) words it. */
export class DecodeError extends Error {
  override readonly name = 'DecodeError'
}

type JsonObject = Record<string, unknown>

/** The largest double that an int64 holds; longer integers are bigints. */
const longest = 2 ** 63 - 1024

/** Upstream reports no more than this many. */
const mostStrictErrors = 100

/**
 * Reads one parsed value by the table, in document order, as Go decodes and writes it again. Like Go it remembers the
 * first type mismatch and goes on, while an error of hand-written decoding (quantities, times) ends it at once and
 * wins.
 */
export class Decoder {
  readonly strict: StrictError[] = []
  /** Struct fields entered, for type errors. */
  readonly #fields: string[] = []
  /** Everything entered, written as strict errors write it: `spec`, `.containers`, `[0]`. */
  readonly #path: string[] = []
  #holder: TypeDef | undefined
  #field: FieldDef | undefined
  #saved: string | undefined
  readonly #fromMap: boolean

  /** `fromMap`: as Go converts a map, and not as it reads JSON: in the order of the types, to the first that does not fit. */
  constructor(fromMap = false) {
    this.#fromMap = fromMap
  }

  /**
   * Of `known`, which was decoded before, the very parts that are in `value` too are handed on; the object, its metadata,
   * spec and status are new. Throws DecodeError.
   */
  decode(type: TypeDef, value: unknown, known?: object): JsonObject {
    if (!isObject(value)) {
      if (value !== null)
        throw new DecodeError(
          `json: cannot unmarshal ${kindOf(value)} into Go value of type ${type.name.split('.').slice(-2).join('.')}`,
        )
      return this.#zeroFilled(type, {})
    }
    const object = this.#struct(type, value, known)
    if (this.#saved !== undefined) throw new DecodeError(this.#saved)
    return object
  }

  #struct(type: TypeDef, value: object, known?: unknown): JsonObject {
    const before = isObject(known) ? (known as JsonObject) : {}
    const out: JsonObject = {}
    const outerHolder = this.#holder
    const outerField = this.#field
    const seen = value instanceof Pairs ? new Set<string>() : undefined
    for (const [key, item] of this.#entriesOf(type, value)) {
      const field = type.fields.get(key)
      if (!field) {
        this.#objectTo('unknown', key)
        continue
      }
      if (seen?.has(key)) this.#objectTo('duplicate', key)
      seen?.add(key)
      if (item === null || item === undefined) continue
      if (this.#path.length && typeof item === 'object' && item === before[key]) {
        out[key] = item
        continue
      }
      this.#holder = type
      this.#field = field
      this.#fields.push(field.embedded ? `${field.embedded}.${key}` : key)
      this.#enter(key)
      const decoded = this.#value(field.type, item, before[key])
      this.#path.pop()
      this.#fields.pop()
      // Storage in protobuf knows no empty lists: one that is always written comes back as null. Who wrote an empty one
      // owns it all the same, so those of the object itself stay until that is recorded. An empty list of managers
      // says that there shall be none.
      const isNullable = field.type.is === 'list' || field.type.is === 'map'
      if (field.shut) continue
      const kept =
        keepsEmpty(field) ||
        (field.always && (!isNullable || this.#path.length === 0)) ||
        !isEmpty(decoded) ||
        (key === 'managedFields' && this.#path.length <= 1)
      if (decoded !== undefined && kept) out[key] = decoded
      else if (seen) delete out[key]
    }
    this.#holder = outerHolder
    this.#field = outerField
    return this.#zeroFilled(type, out)
  }

  #entriesOf(type: TypeDef, value: object): readonly [string, unknown][] {
    if (value instanceof Pairs) return value.entries
    const written = value as JsonObject
    if (!this.#fromMap) return Object.entries(written)
    const names = [...type.fields.keys()].filter((name) => Object.hasOwn(written, name))
    for (const name of Object.keys(written)) if (!type.fields.has(name)) names.push(name)
    return names.map((name) => [name, written[name]])
  }

  #zeroFilled(type: TypeDef, out: JsonObject): JsonObject {
    for (const field of alwaysWritten(type)) out[field.name] ??= zeroOf(field)
    return out
  }

  /** Undefined where the value could not be read. */
  #value(type: FieldType, value: unknown, known?: unknown): unknown {
    if (this.#fromMap) {
      const wrong = unconvertible(type, value, () => goTypeOf(this.#holder!, this.#field!, type))
      if (wrong) throw new DecodeError(wrong)
    }
    switch (type.is) {
      case 'scalar':
        return this.#scalar(type.scalar, type, value)
      case 'object':
        return isObject(value) ? this.#struct(type.type, value, known) : this.#mismatch(type, kindOf(value))
      case 'list':
        return Array.isArray(value) ? this.#list(type.items, value) : this.#mismatch(type, kindOf(value))
      case 'map':
        return isObject(value) ? this.#map(type.values, value) : this.#mismatch(type, kindOf(value))
    }
  }

  #list(items: FieldType, value: unknown[]): unknown[] {
    return value.map((item, index) => {
      if (item === null) return zeroElement(items)
      this.#path.push(`[${index}]`)
      const decoded = this.#value(items, item)
      this.#path.pop()
      return decoded
    })
  }

  #map(values: FieldType, value: object): JsonObject {
    // Own entries only, so that a key `__proto__` stays a key.
    const entries: [string, unknown][] = []
    const seen = value instanceof Pairs ? new Set<string>() : undefined
    for (const [key, item] of value instanceof Pairs ? value.entries : Object.entries(value)) {
      if (seen?.has(key)) this.#objectTo('duplicate', key)
      seen?.add(key)
      this.#enter(key)
      entries.push([key, item === null ? zeroEntry(values) : this.#value(values, item)])
      this.#path.pop()
    }
    return Object.fromEntries(entries)
  }

  #scalar(scalar: ScalarName, type: FieldType, written: unknown): unknown {
    const isWritten = written instanceof WrittenNumber
    if (isWritten && (scalar === 'int32' || scalar === 'int64')) return this.#mismatch(type, `number ${written.text}`)
    if (isWritten && scalar === 'int-or-string')
      throw new DecodeError(this.#mismatchText(type, `number ${written.text}`))
    const value = !isWritten ? written : scalar === 'quantity' ? written.text : written.value
    switch (scalar) {
      case 'string':
        return typeof value === 'string' ? value : this.#mismatch(type, kindOf(value))
      case 'boolean':
        return typeof value === 'boolean' ? value : this.#mismatch(type, kindOf(value))
      case 'int32':
        if (this.#fromMap) return Number(BigInt.asIntN(32, BigInt(value as number)))
        if (typeof value === 'bigint') return this.#mismatch(type, `number ${value}`)
        return typeof value === 'number' ? this.#integer(type, value, 0x7fffffff) : this.#mismatch(type, kindOf(value))
      case 'int64':
        if (typeof value === 'bigint') return value
        return typeof value === 'number' ? this.#integer(type, value, longest) : this.#mismatch(type, kindOf(value))
      case 'double':
        if (typeof value === 'bigint') return Number(value)
        return typeof value === 'number' ? value : this.#mismatch(type, kindOf(value))
      case 'bytes':
        return typeof value === 'string' ? this.#bytes(value) : this.#mismatch(type, kindOf(value))
      case 'quantity':
        return thrown(QuantityError, () =>
          canonicalQuantity(typeof value === 'object' ? JSON.stringify(plain(value)) : String(value).trim()),
        )
      case 'int-or-string':
        if (typeof value === 'string') return value
        if (typeof value === 'number' && isInteger(value, 0x7fffffff)) return value
        throw new DecodeError(
          this.#mismatchText(type, kindOf(value) === 'number' ? `number ${String(value)}` : kindOf(value)),
        )
      case 'time':
      case 'micro-time':
        if (typeof value !== 'string') throw new DecodeError(this.#mismatchText(type, kindOf(value)))
        return thrown(
          TimeError,
          () => (scalar === 'time' ? canonicalTime(value) : canonicalMicroTime(value)) ?? undefined,
        )
      case 'duration':
        if (typeof value !== 'string') throw new DecodeError(this.#mismatchText(type, kindOf(value)))
        return value
      case 'raw':
      case 'fields':
      case 'json':
        return plain(value)
      default:
        return this.#schemaUnion(scalar, value)
    }
  }

  /** A CRD's nested schema. Upstream decodes it apart, without strictness. */
  #schemaUnion(scalar: ScalarName, value: unknown): unknown {
    const read = (item: unknown) => new Decoder().decode(typeNamed(metaTypes.jsonSchemaProps), plain(item))
    if (scalar === 'schema-or-boolean' && typeof value === 'boolean') return value
    if (scalar === 'schema-or-list' && Array.isArray(value)) return value.map(read)
    if (scalar === 'schema-or-strings' && Array.isArray(value)) return value
    return isObject(value) ? read(value) : undefined
  }

  #integer(type: FieldType, value: number, bound: number): number | undefined {
    // Of zeros there is one.
    return isInteger(value, bound) ? value + 0 : this.#mismatch(type, `number ${value}`)
  }

  #bytes(value: string): string | undefined {
    try {
      return canonicalBase64(value)
    } catch (error) {
      if (!(error instanceof Base64Error)) throw error
      if (this.#fromMap) throw new DecodeError(`error decoding from json: ${error.message}`)
      this.#saved ??= error.message
      return undefined
    }
  }

  #mismatch(type: FieldType, kind: string): undefined {
    this.#saved ??= this.#mismatchText(type, kind)
    return undefined
  }

  #mismatchText(type: FieldType, kind: string): string {
    const holder = this.#holder!
    const wanted = goTypeOf(holder, this.#field!, type)
    if (this.#fromMap) return `json: cannot unmarshal ${kind} into Go value of type ${wanted}`
    return `json: cannot unmarshal ${kind} into Go struct field ${structNameOf(holder)}.${this.#fields.join('.')} of type ${wanted}`
  }

  #enter(key: string): void {
    this.#path.push(this.#path.length ? `.${key}` : key)
  }

  #objectTo(what: 'unknown' | 'duplicate', key: string): void {
    if (this.strict.length >= mostStrictErrors) return
    const error = `${what} field ${JSON.stringify(this.#path.join('') + (this.#path.length ? '.' : '') + key)}`
    if (!this.strict.includes(error)) this.strict.push(error)
  }
}

/** Bytes that are null in a map come back from protobuf storage as none, but there. */
const zeroEntry = (type: FieldType): unknown =>
  type.is === 'scalar' && type.scalar === 'bytes' ? '' : zeroElement(type)

const isObject = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof WrittenNumber)
const isInteger = (value: number, bound: number): boolean =>
  Number.isInteger(value) && value <= bound && value >= -bound - 1

/** Go's word for a JSON value. */
function kindOf(value: unknown): string {
  if (typeof value === 'boolean') return 'bool'
  if (typeof value === 'bigint' || value instanceof WrittenNumber) return 'number'
  return Array.isArray(value) ? 'array' : typeof value
}

/** A value without Pairs and WrittenNumbers in it, the last of duplicates winning. */
function plain(value: unknown): unknown {
  if (value instanceof WrittenNumber) return value.value
  if (Array.isArray(value)) return value.map(plain)
  if (value instanceof Pairs) return Object.fromEntries(value.entries.map(([key, item]) => [key, plain(item)]))
  return value
}

function thrown<T>(kind: new (message: string) => Error, read: () => T): T {
  try {
    return read()
  } catch (error) {
    throw error instanceof kind ? new DecodeError(error.message) : error
  }
}
