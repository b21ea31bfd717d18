import { isObject, type JsonObject } from './values.ts'

/** RFC 7396, and no nulls in objects of new lists either. Neither argument is changed; the result may share parts of both. */
export function applyMergePatch(target: unknown, patch: unknown): unknown {
  if (!isObject(target)) return withoutNulls(patch)
  if (!isObject(patch)) return patch
  const result: JsonObject = { ...target }
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key]
    else set(result, key, applyMergePatch(Object.hasOwn(result, key) ? result[key] : undefined, value))
  }
  return result
}

function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls)
  if (!isObject(value)) return value
  const result: JsonObject = {}
  for (const [key, item] of Object.entries(value)) if (item !== null) set(result, key, withoutNulls(item))
  return result
}

function set(object: JsonObject, key: string, value: unknown): void {
  Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true })
}
