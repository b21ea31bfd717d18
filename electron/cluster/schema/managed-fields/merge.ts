import type { Shape } from './shape.ts'
import { indexItems, isMap, resolve, shapeUnder, type JsonObject } from './view.ts'

/** The live object with an applied configuration laid over it. Neither is changed; the result may share parts. */
export const mergeObjects = (live: JsonObject, config: JsonObject, shape: Shape): JsonObject =>
  (merge(shape, live, config) ?? {}) as JsonObject

function merge(shape: Shape, live: unknown, config: unknown): unknown {
  if (config === undefined) return live
  if (live === undefined) return config
  const kind = resolve(shape, config)
  // A null over a granular map or list that has parts takes none of them away.
  if (config === null && kind.is !== 'scalar' && (kind.is === 'map' ? !kind.atomic : kind.kind !== 'atomic'))
    return hasParts(live) ? live : null
  if (kind.is === 'map' && !kind.atomic && isMap(live) && isMap(config)) {
    const result: JsonObject = { ...live }
    for (const [key, value] of Object.entries(config)) {
      const merged = merge(shapeUnder(kind, key), Object.hasOwn(live, key) ? live[key] : undefined, value)
      Object.defineProperty(result, key, { value: merged, enumerable: true, configurable: true, writable: true })
    }
    return result
  }
  if (kind.is === 'list' && kind.kind !== 'atomic' && Array.isArray(live) && Array.isArray(config)) {
    return mergeLists(kind, live, config)
  }
  return config
}

/**
 * Items keep the live order where both know them not, and follow the configuration where it knows them: live items
 * come in before the shared item that they stood before.
 */
function mergeLists(
  list: Extract<Shape, { is: 'list' }>,
  live: readonly unknown[],
  config: readonly unknown[],
): unknown[] {
  const left = indexItems(list, live)
  const right = indexItems(list, config)
  const leftOrder = [...left.keys()]
  const rightOrder = [...right.keys()]
  const shared = rightOrder.filter((element) => left.has(element))
  const out: unknown[] = []
  let nextShared = shared.shift()
  const emit = (element: string) => out.push(merge(list.items, left.get(element), right.get(element)))
  for (let l = 0, r = 0; l < leftOrder.length || r < rightOrder.length;) {
    const fromLeft = leftOrder[l]
    const fromRight = rightOrder[r]
    if (fromLeft !== undefined && fromRight !== undefined) {
      if (fromLeft === fromRight) {
        emit(fromLeft)
        l++
        r++
        nextShared = shared.shift()
        continue
      }
      if (right.has(fromLeft) && nextShared !== undefined && nextShared !== fromLeft) {
        // Shared, but its turn comes with the configuration's order.
        l++
        continue
      }
    }
    if (fromLeft !== undefined && !right.has(fromLeft)) {
      emit(fromLeft)
      l++
      continue
    }
    if (fromRight !== undefined) {
      emit(fromRight)
      r++
      if (nextShared === fromRight) nextShared = shared.shift()
    } else l++
  }
  return out
}

const hasParts = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && Object.keys(value).length > 0
