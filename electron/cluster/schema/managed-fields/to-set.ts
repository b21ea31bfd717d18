import { FieldSetBuilder, isEmptySet, type FieldSet } from './field-set.ts'
import { nameIn } from './path-element.ts'
import type { Shape } from './shape.ts'
import { elementOfField, groupItems, isMap, resolve, shapeUnder, type JsonObject } from './view.ts'

/** Every path that an object sets: what an applier owns. */
export function setOfObject(object: JsonObject, shape: Shape): FieldSet {
  const set = new FieldSetBuilder()
  const path: string[] = []
  const step = (element: string, at: Shape, value: unknown, owned: boolean): void => {
    path.push(element)
    visit(at, value)
    if (owned) set.insert(path)
    path.pop()
  }
  const visit = (at: Shape, value: unknown): void => {
    const kind = resolve(at, value)
    if (kind.is === 'scalar' || (kind.is === 'map' ? kind.atomic : kind.kind === 'atomic')) return set.insert(path)
    if (kind.is === 'map') {
      if (!isMap(value)) return
      for (const [key, item] of Object.entries(value)) {
        const empty = item === null || (isMap(item) && !Object.keys(item).length)
        step(elementOfField(key), shapeUnder(kind, key), item, empty || !kind.field(key))
      }
    } else if (Array.isArray(value))
      for (const [element, items] of groupItems(kind, value))
        if (items.length === 1) step(element, kind.items, items[0], true)
        else set.insert([...path, element])
  }
  visit(shape, object)
  return set.build()
}

/**
 * The set with every struct field on the way made a member: owning `.spec.a` then counts as owning `.spec`. Map entries
 * and list items are left as they are.
 */
export function withNamedFields(set: FieldSet, shape: Shape | undefined): FieldSet {
  const members = new Set(set.members)
  const children = new Map<string, FieldSet>()
  for (const [element, child] of set.children) {
    const name = nameIn(element)
    const field = name !== undefined && shape?.is === 'map' ? shape.field(name) : undefined
    if (field) members.add(element)
    const under = field ?? (shape?.is === 'map' ? shape.values : shape?.is === 'list' ? shape.items : undefined)
    const named = withNamedFields(child, under)
    if (!isEmptySet(named)) children.set(element, named)
  }
  return { members, children }
}
