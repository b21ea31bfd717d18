import { QuantityError, canonicalQuantity } from '#shared/kube/quantity.ts'
import { goDuration } from '#shared/kube/duration.ts'
import type { FieldDef, FieldType, ScalarName, TypeDef } from '../api.ts'
import { DecodeError } from '../json/decoder.ts'
import { parseExactly } from '../json/exact.ts'
import { isTooDeep } from '../json/depth.ts'
import { alwaysWritten, isEmpty, keepsEmpty, zeroElement, zeroOf } from '../json/zero.ts'
import { isPlan, planOf, type Plan } from './plan.ts'
import { metaTypes, typeNamed } from '../table.ts'
import type { ProtoReader } from './reader.ts'
import { isSchemaUnion, readSchemaUnion } from './schema-unions.ts'

type JsonObject = Record<string, unknown>

/** A message as the JSON object that decodeJson would give. Unknown fields are skipped, as upstream does. */
export function readMessage(type: TypeDef, reader: ProtoReader): JsonObject {
  const out: JsonObject = {}
  readFields(planOf(type), reader, out)
  for (const field of type.fields.values()) {
    if (!(field.name in out)) continue
    if (field.shut || (!keepsEmpty(field) && !field.always && isEmpty(out[field.name]))) delete out[field.name]
  }
  for (const field of alwaysWritten(type)) out[field.name] ??= zeroOf(field)
  return out
}

function readFields(plan: Plan, reader: ProtoReader, out: JsonObject): void {
  while (reader.more) {
    const { number, wire } = reader.tag()
    const entry = plan.get(number)
    if (!entry) reader.skip(wire)
    else if (isPlan(entry)) readFields(entry, reader.message(), out)
    else readField(entry, wire, reader, out)
  }
}

function readField(field: FieldDef, wire: number, reader: ProtoReader, out: JsonObject): void {
  const { type, name } = field
  if (type.is === 'list') {
    const list = (out[name] ??= []) as unknown[]
    if (field.wrapped) list.push(...readWrapped(reader.message()))
    else if (wire === 2 && isNumeric(type.items))
      for (const packed = reader.message(); packed.more;) list.push(readValue(type.items, 0, packed))
    else list.push(readValue(type.items, wire, reader) ?? null)
  } else if (type.is === 'map') readEntry(field, type.values, reader.message(), (out[name] ??= {}) as JsonObject)
  else {
    const value = readValue(type, wire, reader)
    if (value !== undefined) out[name] = value
  }
}

function readWrapped(reader: ProtoReader): string[] {
  const items: string[] = []
  while (reader.more) {
    const { number, wire } = reader.tag()
    if (number === 1) items.push(reader.string())
    else reader.skip(wire)
  }
  return items
}

function readEntry(field: FieldDef, values: FieldType, reader: ProtoReader, out: JsonObject): void {
  let key = ''
  let value: unknown = field.wrapped ? [] : zeroElement(values)
  while (reader.more) {
    const { number, wire } = reader.tag()
    if (number === 1) key = reader.string()
    else if (number !== 2) reader.skip(wire)
    else value = field.wrapped ? readWrapped(reader.message()) : readValue(values, wire, reader)
  }
  Object.defineProperty(out, key, { value, enumerable: true, configurable: true, writable: true })
}

const numeric = new Set<ScalarName>(['int32', 'int64', 'boolean'])
const isNumeric = (type: FieldType): boolean => type.is === 'scalar' && numeric.has(type.scalar)

function readValue(type: FieldType, wire: number, reader: ProtoReader): unknown {
  if (type.is === 'object') return readMessage(type.type, reader.message())
  if (type.is !== 'scalar') throw new DecodeError(`proto: a list cannot lie directly in a list or map`)
  const expected = type.scalar === 'double' ? 1 : isNumeric(type) ? 0 : 2
  if (wire !== expected) throw new DecodeError(`proto: wrong wireType = ${wire}`)
  switch (type.scalar) {
    case 'boolean':
      return reader.varint() !== 0
    case 'int32':
      return reader.varint() | 0
    case 'int64':
      return reader.int64()
    case 'double':
      return reader.double()
    case 'bytes':
      return reader.bytes().toString('base64')
    case 'string':
      return reader.string()
    case 'quantity':
      return readQuantity(reader.message())
    case 'int-or-string':
      return readIntOrString(reader.message())
    case 'time':
    case 'micro-time':
      return readTime(reader.message(), type.scalar)
    case 'duration':
      return goDuration(readNumber(reader.message(), 1) / 1e6)
    default:
      if (!isSchemaUnion(type.scalar)) return readRaw(reader.message())
      return readSchemaUnion(type.scalar, reader.message(), (nested) =>
        readMessage(typeNamed(metaTypes.jsonSchemaProps), nested),
      )
  }
}

function readQuantity(reader: ProtoReader): string {
  const text = readWrapped(reader)[0] ?? ''
  try {
    return text ? canonicalQuantity(text) : '0'
  } catch (error) {
    throw error instanceof QuantityError ? new DecodeError(error.message) : error
  }
}

function readNumber(reader: ProtoReader, wanted: number): number {
  let value = 0
  while (reader.more) {
    const { number, wire } = reader.tag()
    if (number === wanted) value = reader.varint()
    else reader.skip(wire)
  }
  return value
}

function readIntOrString(reader: ProtoReader): number | string {
  let isString = false
  let int = 0
  let string = ''
  while (reader.more) {
    const { number, wire } = reader.tag()
    if (number === 1) isString = reader.varint() === 1
    else if (number === 2) int = reader.varint() | 0
    else if (number === 3) string = reader.string()
    else reader.skip(wire)
  }
  return isString ? string : int
}

/** An empty message is Go's zero time, which JSON writes as null. */
function readTime(reader: ProtoReader, scalar: 'time' | 'micro-time'): string | undefined {
  let seconds = 0
  let nanos = 0
  while (reader.more) {
    const { number, wire } = reader.tag()
    if (number === 1) seconds = reader.varint()
    else if (number === 2) nanos = reader.varint()
    else reader.skip(wire)
  }
  if (!seconds && !nanos) return undefined
  const date = new Date(seconds * 1000)
  if (Number.isNaN(date.valueOf())) throw new DecodeError('Time.MarshalJSON: year outside of range [0,9999]')
  const text = date.toISOString().slice(0, 19)
  return scalar === 'time' ? `${text}Z` : `${text}.${String(Math.floor(nanos / 1000)).padStart(6, '0')}Z`
}

function readRaw(reader: ProtoReader): unknown {
  let raw: Buffer | undefined
  while (reader.more) {
    const { number, wire } = reader.tag()
    if (number === 1) raw = reader.bytes()
    else reader.skip(wire)
  }
  if (!raw?.length) return undefined
  const text = raw.toString()
  if (isTooDeep(text)) throw new DecodeError('exceeded max depth')
  try {
    return parseExactly(text)
  } catch {
    throw new DecodeError('a raw value inside the protobuf body is no JSON')
  }
}
