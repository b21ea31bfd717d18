import type { FieldDef, FieldType, TypeDef } from '../api.ts'
import { metaTypes, typeNamed } from '../table.ts'

/** What server-side apply knows of a place in an object: whether it is one value, or has parts with owners of their own. */
export type Shape =
  | { readonly is: 'scalar'; readonly accepts: 'string' | 'numeric' | 'boolean' | 'any' | 'everything' }
  | MapShape
  | ListShape
  /** No schema: maps are granular, lists and the rest are leaves. */
  | { readonly is: 'free' }

export interface MapShape {
  readonly is: 'map'
  /** Owned as one. */
  readonly atomic: boolean
  /** A struct's field, or undefined when it has no such field. */
  field(name: string): Shape | undefined
  /** Shape of the values under names that are no fields; undefined where there may be none. */
  readonly values: Shape | undefined
}

export interface ListShape {
  readonly is: 'list'
  readonly kind: 'atomic' | 'set' | 'map'
  readonly keys: readonly string[]
  /** Values of keys that an item leaves out. A required key has an empty one. */
  readonly defaults: Readonly<Record<string, unknown>>
  readonly items: Shape
}

const any: Shape = { is: 'scalar', accepts: 'any' }
const free: Shape = { is: 'free' }
/** RawExtension and the like: any JSON, owned as one. */
const opaque: Shape = { is: 'scalar', accepts: 'everything' }
const shapes = new WeakMap<TypeDef, Shape>()

/** The shape of a type of the table. */
export function shapeOf(type: TypeDef): Shape {
  let shape = shapes.get(type)
  if (!shape) {
    const fields = new Map<string, Shape>()
    const read = (name: string): Shape | undefined => {
      const known = fields.get(name)
      const field = known ? undefined : type.fields.get(name)
      if (field) fields.set(name, shapeOfField(field))
      return fields.get(name)
    }
    const values = type.fields.size ? undefined : free
    shape = { is: 'map', atomic: type.mapType === 'atomic', field: read, values }
    shapes.set(type, shape)
  }
  return shape
}

function shapeOfField(field: FieldDef): Shape {
  const { type } = field
  if (type.is === 'list') {
    const items = shapeOfType(type.items)
    const keys = field.listKeys ?? []
    return { is: 'list', kind: field.listType ?? 'atomic', keys, defaults: defaultsOf(type.items, keys), items }
  }
  const shape = shapeOfType(type)
  return field.mapType && shape.is === 'map' ? { ...shape, atomic: field.mapType === 'atomic' } : shape
}

function shapeOfType(type: FieldType): Shape {
  switch (type.is) {
    case 'object':
      return shapeOf(type.type)
    case 'map':
      return { is: 'map', atomic: false, field: () => undefined, values: shapeOfType(type.values) }
    case 'list':
      return { is: 'list', kind: 'atomic', keys: [], defaults: {}, items: shapeOfType(type.items) }
    case 'scalar':
      switch (type.scalar) {
        case 'string':
        case 'bytes':
          return { is: 'scalar', accepts: 'string' }
        case 'boolean':
          return { is: 'scalar', accepts: 'boolean' }
        case 'int32':
        case 'int64':
        case 'double':
          return { is: 'scalar', accepts: 'numeric' }
        case 'int-or-string':
        case 'fields':
          return free
        case 'raw':
        case 'json':
        case 'schema-or-boolean':
        case 'schema-or-list':
        case 'schema-or-strings':
          return opaque
        default:
          return any
      }
  }
}

function defaultsOf(items: FieldType, keys: readonly string[]): Record<string, unknown> {
  const defaults: Record<string, unknown> = {}
  if (items.is === 'object')
    for (const key of keys) {
      const value = items.type.fields.get(key)?.default
      if (value !== undefined) defaults[key] = value
    }
  return defaults
}

/** The parts of a CRD's structural schema that matter here. */
export interface StructuralSchema {
  readonly type?: string
  readonly properties?: Readonly<Record<string, StructuralSchema>>
  readonly additionalProperties?: boolean | StructuralSchema
  readonly items?: StructuralSchema
  readonly default?: unknown
  readonly 'x-kubernetes-list-type'?: string
  readonly 'x-kubernetes-list-map-keys'?: readonly string[]
  readonly 'x-kubernetes-map-type'?: string
  readonly 'x-kubernetes-preserve-unknown-fields'?: boolean
  readonly 'x-kubernetes-embedded-resource'?: boolean
}

/** The fields that every object has, and objects within objects too. */
function headOf(): Record<string, Shape> {
  const text: Shape = { is: 'scalar', accepts: 'string' }
  return { apiVersion: text, kind: text, metadata: shapeOf(typeNamed(metaTypes.objectMeta)) }
}

/** The shape of a custom resource: its own schema, with apiVersion, kind and ObjectMeta. */
export const shapeOfCustomResource = (schema: StructuralSchema): Shape =>
  shapeOfObject({ ...schema, 'x-kubernetes-embedded-resource': true }, false)

/** `open`: an object around it keeps fields that its schema does not know. Source: kube-openapi's schemaconv. */
function shapeOfSchema(schema: StructuralSchema, around: boolean): Shape {
  const open = around || schema['x-kubernetes-preserve-unknown-fields'] === true
  switch (schema.type) {
    case 'array':
      return shapeOfList(schema, open)
    case 'object':
      return shapeOfObject(schema, open)
    case 'string':
      return { is: 'scalar', accepts: 'string' }
    case 'boolean':
      return { is: 'scalar', accepts: 'boolean' }
    case 'integer':
    case 'number':
      return { is: 'scalar', accepts: 'numeric' }
    default:
      return free
  }
}

function shapeOfList(schema: StructuralSchema, open: boolean): ListShape {
  const kind = schema['x-kubernetes-list-type']
  const keys = schema['x-kubernetes-list-map-keys'] ?? []
  const items = schema.items ? shapeOfSchema(schema.items, open) : free
  const defaults = Object.fromEntries(
    keys.flatMap((key) => {
      const value = schema.items?.properties?.[key]?.default
      return value === undefined ? [] : [[key, value]]
    }),
  )
  return { is: 'list', kind: kind === 'set' || kind === 'map' ? kind : 'atomic', keys, defaults, items }
}

function shapeOfObject(schema: StructuralSchema, around: boolean): MapShape {
  const open = around || schema['x-kubernetes-preserve-unknown-fields'] === true
  const fields = new Map(
    Object.entries(schema.properties ?? {}).map(([name, property]) => [name, shapeOfSchema(property, open)]),
  )
  if (schema['x-kubernetes-embedded-resource'])
    for (const [name, shape] of Object.entries(headOf())) fields.set(name, shape)
  const more = schema.additionalProperties
  const values =
    typeof more === 'object'
      ? shapeOfSchema(more, open)
      : more || (more === undefined && (open || !fields.size))
        ? free
        : undefined
  return {
    is: 'map',
    atomic: schema['x-kubernetes-map-type'] === 'atomic',
    field: (name) => fields.get(name),
    values,
  }
}
