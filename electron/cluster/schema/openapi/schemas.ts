import type { Descriptions, FieldDef, FieldType, ScalarName, TypeDef } from '../api.ts'
import { findType } from '../table.ts'
import type { GroupVersionKind, JsonSchema } from './api.ts'

/** What differs between Swagger 2.0 and OpenAPI 3.0. */
export type Dialect = 'v2' | 'v3'

const apimachinery = 'io.k8s.apimachinery.pkg'
const apiextensions = 'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1'

/** The scalars that are published as types of their own. */
const namedScalars: Partial<Record<ScalarName, { name: string; v2: JsonSchema; v3?: JsonSchema }>> = {
  quantity: {
    name: `${apimachinery}.api.resource.Quantity`,
    v2: { type: 'string' },
    v3: { oneOf: [{ type: 'string' }, { type: 'number' }] },
  },
  'int-or-string': {
    name: `${apimachinery}.util.intstr.IntOrString`,
    v2: { type: 'string', format: 'int-or-string' },
    v3: { format: 'int-or-string', oneOf: [{ type: 'integer' }, { type: 'string' }] },
  },
  time: { name: `${apimachinery}.apis.meta.v1.Time`, v2: { type: 'string', format: 'date-time' } },
  'micro-time': { name: `${apimachinery}.apis.meta.v1.MicroTime`, v2: { type: 'string', format: 'date-time' } },
  duration: { name: `${apimachinery}.apis.meta.v1.Duration`, v2: { type: 'string' } },
  raw: { name: `${apimachinery}.runtime.RawExtension`, v2: { type: 'object' } },
  fields: { name: `${apimachinery}.apis.meta.v1.FieldsV1`, v2: { type: 'object' } },
  json: { name: `${apiextensions}.JSON`, v2: {} },
  'schema-or-boolean': { name: `${apiextensions}.JSONSchemaPropsOrBool`, v2: {} },
  'schema-or-list': { name: `${apiextensions}.JSONSchemaPropsOrArray`, v2: {} },
  'schema-or-strings': { name: `${apiextensions}.JSONSchemaPropsOrStringArray`, v2: {} },
}
const scalarsByName = new Map(Object.values(namedScalars).map((scalar) => [scalar.name, scalar]))

const plainScalars: Partial<Record<ScalarName, JsonSchema>> = {
  string: { type: 'string' },
  boolean: { type: 'boolean' },
  int32: { type: 'integer', format: 'int32' },
  int64: { type: 'integer', format: 'int64' },
  double: { type: 'number', format: 'double' },
  bytes: { type: 'string', format: 'byte' },
}

export const patchType = `${apimachinery}.apis.meta.v1.Patch`

/** The published schemas of some types and of everything they refer to. */
export function collectSchemas(
  roots: Iterable<string>,
  dialect: Dialect,
  descriptions: Descriptions,
  kindsOf: (type: string) => readonly GroupVersionKind[],
): Record<string, JsonSchema> {
  const schemas: Record<string, JsonSchema> = {}
  const queue = [...new Set(roots)].sort()
  for (const name of queue) {
    if (Object.hasOwn(schemas, name)) continue
    const writer = new SchemaWriter(dialect, descriptions)
    const schema = writer.named(name)
    if (!schema) continue
    const kinds = kindsOf(name)
    if (kinds.length)
      schema['x-kubernetes-group-version-kind'] = kinds.map(({ group, kind, version }) => ({ group, kind, version }))
    schemas[name] = schema
    queue.push(...writer.references)
  }
  return Object.fromEntries(Object.entries(schemas).sort(([a], [b]) => (a < b ? -1 : 1)))
}

class SchemaWriter {
  /** Names of the types that were referred to. */
  readonly references = new Set<string>()
  readonly #dialect: Dialect
  readonly #descriptions: Descriptions

  constructor(dialect: Dialect, descriptions: Descriptions) {
    this.#dialect = dialect
    this.#descriptions = descriptions
  }

  named(name: string): JsonSchema | undefined {
    const described = describe(this.#descriptions.type(name))
    if (name === patchType) return { ...described, type: 'object' }
    const scalar = scalarsByName.get(name)
    if (scalar) return { ...described, ...(this.#dialect === 'v3' ? (scalar.v3 ?? scalar.v2) : scalar.v2) }
    const type = findType(name)
    return type && { ...described, ...this.#object(type) }
  }

  #object(type: TypeDef): JsonSchema {
    const properties: Record<string, JsonSchema> = {}
    const required: string[] = []
    for (const field of [...type.fields.values()].sort((a, b) => (a.name < b.name ? -1 : 1))) {
      properties[field.name] = this.#property(type, field)
      if (field.required) required.push(field.name)
    }
    return {
      type: 'object',
      ...(required.length ? { required } : {}),
      ...(type.fields.size ? { properties } : {}),
      ...(type.mapType ? { 'x-kubernetes-map-type': type.mapType } : {}),
    }
  }

  #property(type: TypeDef, field: FieldDef): JsonSchema {
    const schema: JsonSchema = {
      ...describe(this.#descriptions.field(type.name, field.name)),
      ...this.#type(field.type),
    }
    // Swagger 2.0 allows nothing beside $ref that clients would read, so defaults are published in v3 only.
    if (this.#dialect === 'v3' && field.default !== undefined) schema['default'] = field.default
    if (field.enum) schema['enum'] = field.enum
    if (field.listType) schema['x-kubernetes-list-type'] = field.listType
    if (field.listKeys) schema['x-kubernetes-list-map-keys'] = field.listKeys
    if (field.mapType) schema['x-kubernetes-map-type'] = field.mapType
    if (field.patchStrategy) schema['x-kubernetes-patch-strategy'] = field.patchStrategy.join(',')
    if (field.patchKey) schema['x-kubernetes-patch-merge-key'] = field.patchKey
    return schema
  }

  #type(type: FieldType): JsonSchema {
    switch (type.is) {
      case 'scalar': {
        const named = namedScalars[type.scalar]
        return named ? this.#reference(named.name) : { ...plainScalars[type.scalar] }
      }
      case 'object':
        return this.#reference(type.type.name)
      case 'list':
        return { type: 'array', items: this.#type(type.items) }
      case 'map':
        return { type: 'object', additionalProperties: this.#type(type.values) }
    }
  }

  /** OpenAPI 3.0 ignores what stands beside a $ref, so it is wrapped there. */
  #reference(name: string): JsonSchema {
    this.references.add(name)
    return this.#dialect === 'v3'
      ? { allOf: [{ $ref: `#/components/schemas/${name}` }] }
      : { $ref: `#/definitions/${name}` }
  }
}

const describe = (text: string): JsonSchema => (text ? { description: text } : {})
