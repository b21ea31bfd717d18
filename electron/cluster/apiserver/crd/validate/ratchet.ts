import type { Schema } from '../../registry/apiextensions/types.ts'
import { canonical } from '../schema/list-types.ts'
import { isObject } from '../schema/paths.ts'

/** There was nothing, as opposed to null. */
export const nothing: unique symbol = Symbol('nothing')

/**
 * What stood before at each place of a list: only items of keyed lists can be told. What did not change since is not
 * complained of, so that a stricter schema lets old objects be. Source: apiextensions schema/ratcheting.
 */
export function correlate(schema: Schema, old: unknown): (item: unknown) => unknown {
  const keys = schema['x-kubernetes-list-map-keys']
  if (schema['x-kubernetes-list-type'] !== 'map' || !keys || !Array.isArray(old)) return () => nothing
  const keyOf = (item: unknown): string | undefined =>
    isObject(item) ? canonical(keys.map((key) => item[key] ?? null)) : undefined
  const before = new Map<string | undefined, unknown>()
  for (const item of old as unknown[]) {
    const key = keyOf(item)
    if (!before.has(key)) before.set(key, item)
  }
  return (item) => {
    const key = keyOf(item)
    return key !== undefined && before.has(key) ? before.get(key) : nothing
  }
}

export const unchanged = (value: unknown, old: unknown): boolean =>
  old !== nothing && (value === old || canonical(value) === canonical(old))
