import { fieldElement, keyElement, textKeyElement, valueElement } from './path-element.ts'
import type { ListShape, MapShape, Shape } from './shape.ts'

export type JsonObject = Record<string, unknown>

export const isMap = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

export const freeMap: MapShape = { is: 'map', atomic: false, field: () => undefined, values: { is: 'free' } }
const freeList: ListShape = { is: 'list', kind: 'atomic', keys: [], defaults: {}, items: { is: 'free' } }
const leaf: Shape = { is: 'scalar', accepts: 'any' }

/** Where there is no schema, the value says what the place is: null may be a map. */
export function resolve(shape: Shape, value: unknown): Exclude<Shape, { is: 'free' }> {
  if (shape.is !== 'free') return shape
  return value === null || isMap(value)
    ? freeMap
    : Array.isArray(value)
      ? freeList
      : (leaf as Exclude<Shape, { is: 'free' }>)
}

/** The shape under a name; unknown names of structs are taken as they come. */
export const shapeUnder = (map: MapShape, name: string): Shape => map.field(name) ?? map.values ?? { is: 'free' }

export const elementOfField = fieldElement

/** What identifies an item of a set or keyed list. Throws with upstream's text. */
export function elementOfItem(list: ListShape, item: unknown): string {
  if (list.kind === 'set') {
    if (isMap(item)) throw new Error("associative list without keys has an element that's a map type")
    if (Array.isArray(item)) throw new Error('not supported: associative list with lists as elements')
    if (item === null) throw new Error("associative list without keys has an element that's an explicit null")
    return valueElement(item)
  }
  if (item === null) throw new Error('associative list with keys may not have a null element')
  if (!isMap(item)) throw new Error('associative list with keys may not have non-map elements')
  const [only] = list.keys
  const named = list.keys.length === 1 ? item[only!] : undefined
  if (typeof named === 'string') return textKeyElement(only!, named)
  const keys: JsonObject = {}
  for (const key of list.keys) {
    const value = Object.hasOwn(item, key) ? item[key] : list.defaults[key]
    if (value !== undefined) keys[key] = value
  }
  if (!Object.keys(keys).length)
    throw new Error(
      `associative list with keys has an element that omits all key fields [${list.keys.map((key) => JSON.stringify(key)).join(' ')}] (and doesn't have default values for any key fields)`,
    )
  return keyElement(keys)
}

/** The items of a list by what identifies them: several where there are duplicates. Those that nothing identifies are left out. */
export function groupItems(list: ListShape, items: readonly unknown[]): Map<string, [unknown, ...unknown[]]> {
  const groups = new Map<string, [unknown, ...unknown[]]>()
  for (const item of items) {
    const element = tryElement(list, item)
    if (element === undefined) continue
    const group = groups.get(element)
    if (group) group.push(item)
    else groups.set(element, [item])
  }
  return groups
}

export function tryElement(list: ListShape, item: unknown): string | undefined {
  try {
    return elementOfItem(list, item)
  } catch {
    return undefined
  }
}
