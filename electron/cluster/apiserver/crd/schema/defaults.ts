import type { Schema } from '../../registry/apiextensions/types.ts'
import { anywhere, partOf } from './parts.ts'
import { isObject } from './paths.ts'

const copy = (value: unknown): unknown => (typeof value === 'object' ? structuredClone(value) : value)

/** Whether anything at or below the schema has a default. */
export const hasDefaults = anywhere((schema) => schema.default !== undefined)

/** A null that the schema does not allow: taken for absent. */
const isUnwantedNull = (value: unknown, schema: Schema | undefined): boolean =>
  value === null && schema !== undefined && !schema.nullable

/** Removes nulls that may not be and have no default. Source: apiextensions schema/defaulting/prunenulls.go. */
export function dropNulls(value: unknown, schema: Schema | undefined): boolean {
  let changed = false
  if (Array.isArray(value)) for (const item of value) changed = dropNulls(item, schema?.items) || changed
  if (!isObject(value)) return changed
  for (const [name, item] of Object.entries(value)) {
    const of = partOf(schema, name)
    if (isUnwantedNull(item, of) && of!.default === undefined) {
      delete value[name]
      changed = true
    } else changed = dropNulls(item, of) || changed
  }
  return changed
}

/**
 * Fills in defaults, and the defaults of what they brought. True when anything was filled in.
 * Source: apiextensions schema/defaulting/algorithm.go.
 */
export function fillDefaults(value: unknown, schema: Schema | undefined): boolean {
  if (!schema || !hasDefaults(schema)) return false
  let changed = false
  if (Array.isArray(value)) {
    for (const [i, item] of value.entries()) {
      if (isUnwantedNull(item, schema.items) && schema.items!.default !== undefined) {
        value[i] = copy(schema.items!.default)
        changed = true
      }
      changed = fillDefaults(value[i], schema.items) || changed
    }
    return changed
  }
  if (!isObject(value)) return false
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    if (property.default === undefined || property.default === null) continue
    if (Object.hasOwn(value, name) && !isUnwantedNull(value[name], property)) continue
    value[name] = copy(property.default)
    changed = true
  }
  for (const name of Object.keys(value)) {
    const of = partOf(schema, name)
    if (of && isUnwantedNull(value[name], of) && of.default !== undefined) {
      value[name] = copy(of.default)
      changed = true
    }
    changed = fillDefaults(value[name], of) || changed
  }
  return changed
}
