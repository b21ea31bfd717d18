import type { Shape } from './shape.ts'
import { groupItems, isMap, resolve, shapeUnder, tryElement, type JsonObject } from './view.ts'

/** The live object with an applied configuration laid over it. Neither is changed; the result may share parts. */
export const mergeObjects = (live: JsonObject, config: JsonObject, shape: Shape): JsonObject =>
  (merge(shape, live, config) ?? {}) as JsonObject

function merge(shape: Shape, live: unknown, config: unknown): unknown {
  if (config === undefined) return live
  if (live === undefined) return config
  const kind = resolve(shape, config)
  // A null over a granular map or list that has parts takes none of them away.
  if (config === null && kind.is === 'map' && !kind.atomic) return isMap(live) && Object.keys(live).length ? live : null
  if (config === null && kind.is === 'list' && kind.kind !== 'atomic')
    return Array.isArray(live) && live.length ? live : null
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
 * come in before the shared item that they stood before. Live duplicates stay, or give way all at once.
 */
function mergeLists(
  list: Extract<Shape, { is: 'list' }>,
  live: readonly unknown[],
  config: readonly unknown[],
): unknown[] {
  const left = live.flatMap((item) => {
    const element = tryElement(list, item)
    return element === undefined ? [] : [{ element, item }]
  })
  const lives = groupItems(list, live)
  const right = groupItems(list, config)
  const rightOrder = [...right.keys()]
  const shared = rightOrder.filter((element) => lives.has(element))
  const out: unknown[] = []
  const merged = new Set<string>()
  let nextShared = shared.shift()
  const emit = (element: string) => {
    merged.add(element)
    const group = lives.get(element)
    out.push(merge(list.items, group && (group.length > 1 ? null : group[0]), right.get(element)![0]))
  }
  for (let l = 0, r = 0; l < left.length || r < rightOrder.length;) {
    const fromLeft = left[l]
    const fromRight = rightOrder[r]
    if (fromLeft && fromRight !== undefined) {
      if (fromLeft.element === fromRight) {
        emit(fromRight)
        l++
        r++
        nextShared = shared.shift()
        continue
      }
      if (right.has(fromLeft.element) && nextShared !== undefined && nextShared !== fromLeft.element) {
        // Shared, but its turn comes with the configuration's order.
        l++
        continue
      }
    }
    if (fromLeft && !right.has(fromLeft.element)) {
      out.push(fromLeft.item)
      l++
      continue
    }
    if (fromLeft && merged.has(fromLeft.element)) l++
    if (fromRight !== undefined) {
      emit(fromRight)
      r++
      if (nextShared === fromRight) nextShared = shared.shift()
    }
  }
  return out
}
