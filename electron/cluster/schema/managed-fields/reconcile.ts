import type { FieldSet } from './field-set.ts'
import { nameIn } from './path-element.ts'
import type { Shape } from './shape.ts'

/** Sets that a shape has nothing against. */
const settled = new WeakMap<FieldSet, Shape>()

/**
 * A set that was made when parts of the object had owners of their own, which are one value now: a schema has changed.
 * Whoever owned a part owns the whole; the very same set where nothing has changed.
 */
export function reconcileSet(set: FieldSet, shape: Shape): FieldSet {
  if (shape.is === 'free' || shape.is === 'scalar' || settled.get(set) === shape) return set
  const collapsed = new Set<string>()
  const children = new Map<string, FieldSet>()
  let same = true
  for (const [element, child] of set.children) {
    const under = shapeAt(shape, element)
    const kept = under && isWhole(under) ? undefined : under ? reconcileSet(child, under) : child
    if (kept) children.set(element, kept)
    else collapsed.add(element)
    same &&= kept === child
  }
  const result = same ? set : { members: set.members.union(collapsed), children }
  settled.set(result, shape)
  return result
}

function shapeAt(shape: Exclude<Shape, { is: 'free' | 'scalar' }>, element: string): Shape | undefined {
  if (shape.is === 'list') return shape.items
  const name = nameIn(element)
  return name === undefined ? undefined : (shape.field(name) ?? shape.values)
}

/** Whether a place is owned as one. */
const isWhole = (shape: Shape): boolean =>
  shape.is === 'map'
    ? shape.atomic
    : shape.is === 'list'
      ? shape.kind === 'atomic'
      : shape.is === 'scalar' && shape.accepts === 'everything'
