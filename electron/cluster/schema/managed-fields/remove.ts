import { isEmptySet, emptySet, type FieldSet } from './field-set.ts'
import type { Shape } from './shape.ts'
import { elementOfField, isMap, resolve, shapeUnder, tryElement, type JsonObject } from './view.ts'

/** The object without the paths of the set. What loses all its parts becomes null, as upstream leaves it. */
export const removePaths = (object: JsonObject, paths: FieldSet, shape: Shape): JsonObject =>
  (remove(shape, object, paths) ?? {}) as JsonObject

function remove(shape: Shape, value: unknown, paths: FieldSet): unknown {
  if (isEmptySet(paths)) return value
  const kind = resolve(shape, value)
  if (kind.is === 'scalar') return value
  if (kind.is === 'map') {
    if (!isMap(value) || kind.atomic) return null
    const result: JsonObject = {}
    for (const [key, item] of Object.entries(value)) {
      const element = elementOfField(key)
      if (paths.members.has(element)) continue
      const kept = remove(shapeUnder(kind, key), item, paths.children.get(element) ?? emptySet)
      Object.defineProperty(result, key, { value: kept, enumerable: true, configurable: true, writable: true })
    }
    return Object.keys(result).length ? result : null
  }
  if (!Array.isArray(value) || kind.kind === 'atomic') return null
  const items = value.flatMap((item) => {
    const element = tryElement(kind, item) ?? ''
    return paths.members.has(element) ? [] : [remove(kind.items, item, paths.children.get(element) ?? emptySet)]
  })
  return items.length ? items : null
}
