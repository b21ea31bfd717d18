import type { Schema } from '../../registry/apiextensions/types.ts'
import { child, indexed, own, type JsonObject } from './paths.ts'

/** What every resource has without its schema saying so. */
export const metaFields: ReadonlySet<string> = new Set(['apiVersion', 'kind', 'metadata'])

export interface Pruned<T> {
  /** A copy; only the type and metadata of resources are not copied. */
  value: T
  /** What the schema does not specify and the copy therefore lacks: `spec.unknown`. */
  unknown: string[]
}

/** A whole resource without what its schema does not specify. Source: apiextensions schema/pruning/algorithm.go. */
export function prune(object: JsonObject, schema: Schema): Pruned<JsonObject> {
  const { value, unknown } = pruneInside(object, { ...schema, 'x-kubernetes-embedded-resource': true })
  return { value: value as JsonObject, unknown: unknown.sort() }
}

/** The same for a value somewhere inside, such as a default. */
export function pruneInside(value: unknown, schema: Schema): Pruned<unknown> {
  const unknown: string[] = []
  return { value: pruneValue(value, schema, '', unknown), unknown }
}

function pruneValue(value: unknown, schema: Schema | undefined, path: string, unknown: string[]): unknown {
  if (typeof value !== 'object' || value === null) return value
  const keeps = schema?.['x-kubernetes-preserve-unknown-fields'] ?? false
  if (Array.isArray(value)) {
    // Under a list that preserves, its items preserve only what their own schema does not know.
    const items = keeps ? { ...schema!.items, 'x-kubernetes-preserve-unknown-fields': true } : schema?.items
    return value.map((item, i) => pruneValue(item, items, indexed(path, i), unknown))
  }
  const kept: [string, unknown][] = []
  for (const [name, item] of Object.entries(value)) {
    const more = schema?.additionalProperties
    const property = own(schema?.properties, name)
    if (schema?.['x-kubernetes-embedded-resource'] && metaFields.has(name)) kept.push([name, item])
    else if (property) kept.push([name, pruneValue(item, property, child(path, name), unknown)])
    else if (more) kept.push([name, pruneValue(item, more === true ? undefined : more, child(path, name), unknown)])
    else if (keeps) kept.push([name, typeof item === 'object' ? structuredClone(item) : item])
    else unknown.push(child(path, name))
  }
  return Object.fromEntries(kept)
}
