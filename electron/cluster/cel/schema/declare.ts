import {
  bool,
  bytes,
  double,
  duration,
  dyn,
  int,
  list,
  map,
  string,
  timestamp,
  type CelType,
  type ObjectType,
} from '../types/types.ts'
import { fromJson, JsonMap } from '../values/json.ts'
import { Duration, Timestamp } from '../values/time.ts'
import { CelError } from '../values/errors.ts'
import { listKey, type CelList, type CelValue } from '../values/values.ts'
import type { CelSchema, Declaration } from './types.ts'
import { escapeProperty } from './escape.ts'
import { largestSize, smallestSize } from './sizes.ts'

export type { CelSchema, Declaration } from './types.ts'

/** Whether the schema is that of a whole object, or of one embedded: those have kind, apiVersion and two fields of metadata. */
export interface DeclareOptions {
  readonly resource?: boolean
  /** Of object types, in errors. */
  readonly name?: string
}

/** Undefined where expressions cannot see values of the schema. Source: apiserver/pkg/cel/common/schemas.go. */
export function declare(
  schema: CelSchema,
  { resource = false, name = 'object' }: DeclareOptions = {},
): Declaration | undefined {
  if (schema['x-kubernetes-int-or-string']) return scalar(schema, dyn, fromJson)
  const isResource = resource || schema['x-kubernetes-embedded-resource'] === true
  switch (schema.type) {
    case 'array':
      return declareList(schema, name)
    case 'object':
      return typeof schema.additionalProperties === 'object' && !isResource
        ? declareMap(schema, schema.additionalProperties, name)
        : declareObject(isResource ? withMetadata(schema) : schema, name)
    case 'string':
      return declareString(schema)
    case 'boolean':
      return scalar(schema, bool, (raw) => raw as boolean)
    case 'integer':
      return scalar(schema, int, (raw) => BigInt(Math.trunc(raw as number)))
    case 'number':
      return scalar(schema, double, (raw) => Number(raw))
    default:
      return undefined
  }
}

function scalar(schema: CelSchema, type: CelType, convert: (raw: unknown) => CelValue): Declaration {
  return {
    type,
    convert: (raw) => (raw === null ? null : convert(raw)),
    largest: largestSize(schema, undefined),
    smallest: smallestSize(schema, []),
  }
}

function declareString(schema: CelSchema): Declaration {
  const read = (type: CelType, parse: (text: string) => CelValue | undefined, what: string) =>
    scalar(schema, type, (raw) => {
      const value = parse(raw as string)
      if (value === undefined) throw new CelError(`Invalid ${what} ${String(raw)}`)
      return value
    })
  switch (schema.format) {
    case 'byte':
      return read(bytes, (text) => Uint8Array.from(Buffer.from(text, 'base64')), 'byte formatted string')
    case 'duration':
      return read(duration, Duration.parse, 'duration')
    case 'date':
      return read(timestamp, Timestamp.ofDate, 'date formatted string')
    case 'date-time':
      return read(timestamp, Timestamp.parse, 'date-time formatted string')
    default:
      return scalar(schema, string, (raw) => raw as string)
  }
}

function declareList(schema: CelSchema, name: string): Declaration | undefined {
  const element = schema.items && declare(schema.items, { name: `${name}.@idx` })
  if (!element) return undefined
  const keyOf = keyFunction(schema)
  return {
    type: list(element.type),
    element,
    largest: largestSize(schema, element),
    smallest: smallestSize(schema, []),
    convert(raw) {
      if (raw === null) return null
      const values: CelList = (raw as unknown[]).map((each) => element.convert(each))
      return keyOf ? Object.assign(values, { [listKey]: keyOf }) : values
    },
  }
}

/** What tells elements of set and map lists apart. */
function keyFunction(schema: CelSchema): ((element: CelValue) => string) | undefined {
  if (schema['x-kubernetes-list-type'] === 'set') return text
  const keys = schema['x-kubernetes-list-map-keys']
  if (schema['x-kubernetes-list-type'] !== 'map' || !keys) return undefined
  const escaped = keys.map((key) => escapeProperty(key) ?? key)
  return (element) => escaped.map((key) => text((element instanceof JsonMap && element.find(key)) ?? null)).join('|')
}

const text = (value: CelValue): string =>
  value instanceof JsonMap ? JSON.stringify(value.raw) : `${typeof value} ${String(value)}`

function declareMap(schema: CelSchema, values: CelSchema, name: string): Declaration | undefined {
  const element = declare(values, { name: `${name}.@elem` })
  if (!element) return undefined
  return {
    type: map(string, element.type),
    element,
    largest: largestSize(schema, element),
    smallest: smallestSize(schema, []),
    convert: (raw) =>
      raw === null ? null : new JsonMap(raw as Record<string, unknown>, (each) => element.convert(each)),
  }
}

function declareObject(schema: CelSchema, name: string): Declaration {
  const fields = new Map<string, Declaration>()
  const properties = new Map<string, string>()
  for (const [property, each] of Object.entries(schema.properties ?? {})) {
    const escaped = escapeProperty(property)
    const declared = escaped === undefined ? undefined : declare(each, { name: `${name}.${escaped}` })
    if (escaped === undefined || !declared) continue
    fields.set(escaped, declared)
    properties.set(escaped, property)
  }
  const type: ObjectType = { kind: 'object', name, field: (field) => fields.get(field)?.type }
  const required = (schema.required ?? []).flatMap((property) => {
    const declared = fields.get(escapeProperty(property) ?? '')
    return declared ? [{ name: property, declared }] : []
  })
  return {
    type,
    fields,
    largest: largestSize(schema, undefined),
    smallest: smallestSize(schema, required),
    convert: (raw) => (raw === null ? null : new ObjectValue(raw as Record<string, unknown>, name, fields, properties)),
  }
}

/** An object by its schema: only declared fields show, under their escaped names. */
class ObjectValue extends JsonMap {
  override readonly typeName: string
  readonly #fields: ReadonlyMap<string, Declaration>
  readonly #properties: ReadonlyMap<string, string>
  #values: Map<string, CelValue> | undefined

  constructor(
    raw: Readonly<Record<string, unknown>>,
    typeName: string,
    fields: ReadonlyMap<string, Declaration>,
    properties: ReadonlyMap<string, string>,
  ) {
    super(raw)
    this.typeName = typeName
    this.#fields = fields
    this.#properties = properties
  }

  override find(key: CelValue): CelValue | undefined {
    const known = this.#values?.get(key as string)
    if (known !== undefined) return known
    if (!this.has(key)) return undefined
    const value = this.#fields.get(key as string)!.convert(this.raw[this.#properties.get(key as string)!])
    ;(this.#values ??= new Map()).set(key as string, value)
    return value
  }

  override has(key: CelValue): boolean {
    const property = this.#properties.get(key as string)
    return property !== undefined && Object.hasOwn(this.raw, property) && this.raw[property] !== undefined
  }

  override keys(): readonly CelValue[] {
    return [...this.#properties.keys()].filter((key) => this.has(key))
  }
}

const stringSchema = { type: 'string' } as const

function withMetadata(schema: CelSchema): CelSchema {
  const metadata: CelSchema = { type: 'object', properties: { name: stringSchema, generateName: stringSchema } }
  return { ...schema, properties: { ...schema.properties, kind: stringSchema, apiVersion: stringSchema, metadata } }
}
