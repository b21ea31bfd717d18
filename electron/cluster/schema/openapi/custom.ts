import type { Descriptions } from '../api.ts'
import { metaTypes } from '../table.ts'
import type { JsonSchema, ServedKind } from './api.ts'
import { listTypeOf } from './operations.ts'
import { collectSchemas, type Dialect } from './schemas.ts'
import { asSwagger, isSchema } from './swagger.ts'

/** The client documents no PartialObjectMetadata: what its fields are is said of every kind alike, and of every list. */
const anyObject = 'io.k8s.api.core.v1.Namespace'
const anyList = 'io.k8s.api.core.v1.NamespaceList'

/** The schemas of custom resources, which bring their own, with the fields that every object has. */
export function customSchemas(
  kinds: readonly ServedKind[],
  dialect: Dialect,
  descriptions: Descriptions,
): Record<string, JsonSchema> {
  const custom = kinds.filter((kind) => kind.schema)
  if (!custom.length) return {}
  const schemas = collectSchemas([metaTypes.objectMeta, metaTypes.listMeta], dialect, descriptions, () => [])
  const write = new CustomWriter(dialect, descriptions)
  for (const kind of custom) {
    schemas[kind.type] = write.object(kind)
    schemas[listTypeOf(kind)] = write.list(kind)
  }
  return schemas
}

class CustomWriter {
  readonly #dialect: Dialect
  readonly #descriptions: Descriptions

  constructor(dialect: Dialect, descriptions: Descriptions) {
    this.#dialect = dialect
    this.#descriptions = descriptions
  }

  object(kind: ServedKind): JsonSchema {
    // Whoever checks by the old document would take the fields that are named for all that there are.
    const open = kind.schema!['x-kubernetes-preserve-unknown-fields'] === true
    if (this.#dialect === 'v2' && open) return { type: 'object', ...kindOf(kind, kind.kind) }
    const own = this.#dialect === 'v2' ? asSwagger(kind.schema!) : kind.schema!
    const selectable = Object.keys(kind.selectableFields ?? {})
    const whole = this.#withEmbedded(own)
    return {
      ...whole,
      type: 'object',
      properties: {
        ...(whole['properties'] as JsonSchema | undefined),
        ...this.#head(anyObject, metaTypes.objectMeta),
      },
      ...(this.#dialect === 'v3' && selectable.length
        ? { 'x-kubernetes-selectable-fields': selectable.map((fieldPath) => ({ fieldPath })) }
        : {}),
      ...kindOf(kind, kind.kind),
    }
  }

  list(kind: ServedKind): JsonSchema {
    const name = kind.listKind ?? `${kind.kind}List`
    const items = `List of ${kind.plural}. More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md`
    return {
      type: 'object',
      description: `${name} is a list of ${kind.kind}`,
      required: ['items'],
      properties: {
        ...this.#head(anyList, metaTypes.listMeta),
        items: { description: items, type: 'array', items: this.#reference(kind.type) },
      },
      ...kindOf(kind, name),
    }
  }

  /** Resources within resources have the fields that every object has, too. */
  #withEmbedded(schema: JsonSchema): JsonSchema {
    const { properties, items, additionalProperties: more } = schema
    const next = { ...schema }
    if (isSchema(properties))
      next['properties'] = Object.fromEntries(
        Object.entries(properties).map(([name, part]) => [name, isSchema(part) ? this.#withEmbedded(part) : part]),
      )
    if (isSchema(items)) next['items'] = this.#withEmbedded(items)
    if (isSchema(more)) next['additionalProperties'] = this.#withEmbedded(more)
    const isOpen = this.#dialect === 'v2' && schema['x-kubernetes-preserve-unknown-fields']
    if (schema['x-kubernetes-embedded-resource'] && !isOpen)
      next['properties'] = {
        ...(next['properties'] as JsonSchema | undefined),
        ...this.#head(anyObject, metaTypes.objectMeta),
      }
    return next
  }

  /** The fields that `documented` has as well, with its words. */
  #head(documented: string, metadata: string): Record<string, JsonSchema> {
    const described = (field: string): JsonSchema => {
      const text = this.#descriptions.field(documented, field)
      return text ? { description: text } : {}
    }
    return {
      apiVersion: { ...described('apiVersion'), type: 'string' },
      kind: { ...described('kind'), type: 'string' },
      metadata: { ...described('metadata'), ...this.#reference(metadata) },
    }
  }

  #reference(name: string): JsonSchema {
    return this.#dialect === 'v3'
      ? { allOf: [{ $ref: `#/components/schemas/${name}` }] }
      : { $ref: `#/definitions/${name}` }
  }
}

const kindOf = ({ group, version }: ServedKind, kind: string): JsonSchema => ({
  'x-kubernetes-group-version-kind': [{ group, kind, version }],
})
