import type { JsonSchema } from './api.ts'

export const isSchema = (value: unknown): value is JsonSchema =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/**
 * A custom resource's schema as Swagger 2.0 can say it. What it cannot say is left out, so that clients of the old
 * document check less and not wrongly. Source: apiextensions controller/openapi/v2/conversion.go.
 */
export function asSwagger(schema: JsonSchema): JsonSchema {
  const { allOf: _all, anyOf: _any, oneOf: _one, not: _not, nullable, ...kept } = schema
  if (nullable) for (const key of ['type', 'items', 'properties', 'additionalProperties']) delete kept[key]
  if (schema['x-kubernetes-preserve-unknown-fields']) for (const key of ['items', 'properties']) delete kept[key]
  if (schema['x-kubernetes-int-or-string']) delete kept['type']
  const { properties, items, additionalProperties } = kept
  if (isSchema(properties)) {
    const nullables = Object.keys(properties).filter(
      (name) => isSchema(properties[name]) && properties[name]['nullable'],
    )
    kept['properties'] = Object.fromEntries(
      Object.entries(properties).map(([name, part]) => [name, isSchema(part) ? asSwagger(part) : part]),
    )
    if (Array.isArray(kept['required']) && nullables.length)
      kept['required'] = kept['required'].filter((name: string) => !nullables.includes(name))
    if (Array.isArray(kept['required']) && !kept['required'].length) delete kept['required']
  }
  if (isSchema(items)) kept['items'] = asSwagger(items)
  if (isSchema(additionalProperties)) kept['additionalProperties'] = asSwagger(additionalProperties)
  return kept
}
