import type { FieldError } from '#shared/kube/status.ts'
import type { Schema } from '../../registry/apiextensions/types.ts'
import { duplicate, invalid } from '../../registry/validation/field.ts'
import { anywhere } from './parts.ts'
import { child, indexed, isObject, keyed, own, type JsonObject } from './paths.ts'

const hasListTypes = anywhere((schema) => ['set', 'map'].includes(schema['x-kubernetes-list-type'] ?? ''))

/** Items of sets and keyed lists that are there twice. Source: apiextensions schema/listtype/validation.go. */
export function listTypeErrors(value: unknown, schema: Schema | undefined, path = ''): FieldError[] {
  if (!schema || !hasListTypes(schema)) return []
  if (Array.isArray(value)) {
    return [
      ...itemErrors(value, schema, path),
      ...value.flatMap((item, i) => listTypeErrors(item, schema.items, indexed(path, i))),
    ]
  }
  if (!isObject(value)) return []
  const { additionalProperties: more } = schema
  return Object.entries(value).flatMap(([name, item]) => {
    const property = own(schema.properties, name)
    if (property) return listTypeErrors(item, property, child(path, name))
    return typeof more === 'object' ? listTypeErrors(item, more, keyed(path, name)) : []
  })
}

function itemErrors(items: readonly unknown[], schema: Schema, path: string): FieldError[] {
  switch (schema['x-kubernetes-list-type']) {
    case 'set':
      return secondOnes(items).map((i) => duplicate(indexed(path, i), items[i]))
    case 'map': {
      const stray = items.findIndex((item) => item !== null && !isObject(item))
      if (stray >= 0)
        return [invalid(indexed(path, stray), items[stray], 'must be an object for an array of list-type map')]
      const keys = items.map((item) => keysOf(item as JsonObject | null, schema['x-kubernetes-list-map-keys'] ?? []))
      return secondOnes(keys).map((i) => duplicate(indexed(path, i), keys[i]))
    }
    default:
      return []
  }
}

const keysOf = (item: JsonObject | null, names: readonly string[]): JsonObject =>
  Object.fromEntries(names.filter((name) => item && Object.hasOwn(item, name)).map((name) => [name, item![name]]))

/** Where a value appears for the second time; further ones are not named. */
function secondOnes(values: readonly unknown[]): number[] {
  if (values.length < 2) return []
  const seen = new Map<string, number>()
  return values.flatMap((value, i) => {
    const text = canonical(value)
    const times = seen.get(text) ?? 0
    seen.set(text, times + 1)
    return times === 1 ? [i] : []
  })
}

/** JSON with sorted keys: equal for equal values. */
export const canonical = (value: unknown): string =>
  JSON.stringify(value, (_, item: unknown) =>
    isObject(item) ? Object.fromEntries(Object.entries(item).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))) : item,
  )
