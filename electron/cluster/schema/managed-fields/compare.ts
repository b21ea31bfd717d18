import { isDeepStrictEqual } from 'node:util'
import { sameJson } from '../../base/same-json.ts'
import { FieldSetBuilder, recursiveDifference, type FieldSet } from './field-set.ts'
import type { ListShape, Shape } from './shape.ts'
import { elementOfField, freeMap, groupItems, isMap, resolve, shapeUnder, type JsonObject } from './view.ts'

/** Which paths differ between two objects of one shape. */
export interface Comparison {
  readonly added: FieldSet
  readonly modified: FieldSet
  readonly removed: FieldSet
}

/** Paths at which two objects differ, one after the other, each behind a sign that says how. No element of a path is a sign. */
export type Differences = readonly string[]

type Sign = '+' | '~' | '-'
const signs: ReadonlySet<string> = new Set<Sign>(['+', '~', '-'])

export const compareObjects = (before: JsonObject, after: JsonObject, shape: Shape): Comparison =>
  comparisonOf(differences(before, after, shape))

export function comparisonOf(found: Differences): Comparison {
  const sets = { '+': new FieldSetBuilder(), '~': new FieldSetBuilder(), '-': new FieldSetBuilder() }
  for (let start = 0; start < found.length;) {
    let end = start + 1
    while (end < found.length && !signs.has(found[end]!)) end++
    sets[found[start] as Sign].insert(found.slice(start + 1, end))
    start = end
  }
  return { added: sets['+'].build(), modified: sets['~'].build(), removed: sets['-'].build() }
}

/** In the order of the objects' fields. Undefined stands for absent; null is a value. */
export function differences(before: JsonObject, after: JsonObject, shape: Shape): Differences {
  const found: string[] = []
  const path: string[] = []
  const visit = (at: Shape, left: unknown, right: unknown): void => {
    if (left === right) return
    if (at.is === 'free' && isOther(left, right)) {
      found.push('~', ...path)
      return visitMap(freeMap, isMap(left) ? left : {}, isMap(right) ? right : {})
    }
    const kind = resolve(at, right ?? left)
    if (kind.is === 'scalar' || isLeaf(kind, left, right)) {
      if (left === undefined) found.push('+', ...path)
      else if (right === undefined) found.push('-', ...path)
      else if (!isDeepStrictEqual(left, right)) found.push('~', ...path)
      return
    }
    if (kind.is === 'map') visitMap(kind, isMap(left) ? left : {}, isMap(right) ? right : {})
    else visitList(kind, Array.isArray(left) ? left : [], Array.isArray(right) ? right : [])
    if (left === undefined) found.push('+', ...path)
    else if (right === undefined) found.push('-', ...path)
  }
  const step = (element: string, at: Shape, left: unknown, right: unknown): void => {
    path.push(element)
    visit(at, left, right)
    path.pop()
  }
  const visitMap = (map: Extract<Shape, { is: 'map' }>, left: JsonObject, right: JsonObject): void => {
    for (const key in right) {
      const was = Object.hasOwn(left, key) ? left[key] : undefined
      if (was !== right[key]) step(elementOfField(key), shapeUnder(map, key), was, right[key])
    }
    for (const key in left)
      if (!Object.hasOwn(right, key)) step(elementOfField(key), shapeUnder(map, key), left[key], undefined)
  }
  const visitList = (list: Extract<Shape, { is: 'list' }>, left: unknown[], right: unknown[]): void => {
    // Most lists are as they were, which is cheaper to see than what their items are known by.
    if (sameJson(left, right)) return
    const before = groupItems(list, left)
    const after = groupItems(list, right)
    for (const [element, items] of after) visitItems(list, element, before.get(element) ?? [], items)
    for (const [element, items] of before) if (!after.has(element)) visitItems(list, element, items, [])
  }
  // Duplicates are owned as one, by what identifies them all.
  const visitItems = (list: ListShape, element: string, left: readonly unknown[], right: readonly unknown[]): void => {
    if (left.length < 2 && right.length < 2) return step(element, list.items, left[0], right[0])
    if (left.length > 1 && right.length > 1) {
      if (!isDeepStrictEqual(left, right)) found.push('~', ...path, element)
    } else if (left.length > 1) {
      if (right.length) step(element, list.items, undefined, right[0])
      found.push('-', ...path, element)
    } else {
      if (left.length) step(element, list.items, left[0], undefined)
      found.push('+', ...path, element)
    }
  }
  visit(shape, before, after)
  return found
}

/** Whether one is a map and the other something else. */
const isOther = (left: unknown, right: unknown): boolean =>
  left !== undefined && left !== null && right !== undefined && right !== null && isMap(left) !== isMap(right)

/** Atomic maps and lists are one value; so are two empty ones, which keeps `{}` apart from null. */
function isLeaf(shape: Extract<Shape, { is: 'map' | 'list' }>, left: unknown, right: unknown): boolean {
  if (shape.is === 'map' ? shape.atomic : shape.kind === 'atomic') return true
  return isBare(left) && isBare(right)
}

function isBare(value: unknown): boolean {
  if (Array.isArray(value)) return value.length === 0
  if (isMap(value)) for (const _ in value) return false
  return true
}

/** Without what lies at or below the paths of `ignored`. */
export const exclude = (comparison: Comparison, ignored: FieldSet): Comparison => ({
  added: recursiveDifference(comparison.added, ignored),
  modified: recursiveDifference(comparison.modified, ignored),
  removed: recursiveDifference(comparison.removed, ignored),
})
