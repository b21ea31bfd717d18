import { canonicalElement, sortElements } from './path-element.ts'

/**
 * A set of paths through an object (structured-merge-diff's fieldpath.Set). An element of a path is kept as FieldsV1
 * writes it: `f:name`, `k:{"name":"a"}`, `v:"x"`, `i:0`. Sets are never changed after they were made.
 */
export interface FieldSet {
  /** Elements at which a path ends. */
  readonly members: ReadonlySet<string>
  /** Elements through which paths lead on. Never an empty set. */
  readonly children: ReadonlyMap<string, FieldSet>
}

export const emptySet: FieldSet = { members: new Set(), children: new Map() }

export const isEmptySet = (set: FieldSet): boolean => !set.members.size && !set.children.size

interface GrowingSet extends FieldSet {
  readonly members: Set<string>
  readonly children: Map<string, GrowingSet>
}

const growing = (): GrowingSet => ({ members: new Set(), children: new Map() })

/** Collects paths, then gives the set: most comparisons find nothing, and what they find is not copied. */
export class FieldSetBuilder {
  #set: GrowingSet | undefined

  /** An empty path adds nothing: the object itself is never owned. */
  insert(path: readonly string[]): void {
    const last = path.at(-1)
    if (last === undefined) return
    let at = (this.#set ??= growing())
    for (let depth = 0; depth < path.length - 1; depth++) {
      let child = at.children.get(path[depth]!)
      if (!child) at.children.set(path[depth]!, (child = growing()))
      at = child
    }
    at.members.add(last)
  }

  /** Nothing may be inserted afterwards. */
  build(): FieldSet {
    return this.#set ?? emptySet
  }
}

export function fieldSetOfPaths(paths: Iterable<readonly string[]>): FieldSet {
  const builder = new FieldSetBuilder()
  for (const path of paths) builder.insert(path)
  return builder.build()
}

/** Combines the children of both sets; `combine` sees undefined where one has none. */
function zip(
  a: FieldSet,
  b: FieldSet,
  elements: Iterable<string>,
  combine: (a: FieldSet | undefined, b: FieldSet | undefined) => FieldSet | undefined,
): Map<string, FieldSet> {
  const children = new Map<string, FieldSet>()
  for (const element of elements) {
    const child = combine(a.children.get(element), b.children.get(element))
    if (child && !isEmptySet(child)) children.set(element, child)
  }
  return children
}

export function union(a: FieldSet, b: FieldSet): FieldSet {
  if (isEmptySet(a)) return b
  if (isEmptySet(b)) return a
  return {
    members: a.members.union(b.members),
    children: zip(a, b, new Set([...a.children.keys(), ...b.children.keys()]), (x, y) =>
      x && y ? union(x, y) : (x ?? y),
    ),
  }
}

export function intersection(a: FieldSet, b: FieldSet): FieldSet {
  return {
    members: a.members.intersection(b.members),
    children: zip(a, b, a.children.keys(), (x, y) => x && y && intersection(x, y)),
  }
}

/** The paths of `a` that are not in `b`. */
export function difference(a: FieldSet, b: FieldSet): FieldSet {
  if (isEmptySet(b)) return a
  return reuse(
    a,
    a.members.difference(b.members),
    zip(a, b, a.children.keys(), (x, y) => (x && y ? difference(x, y) : x)),
  )
}

/** The very same set where nothing was taken from it: most writes touch few owners, and what is unchanged is not written anew. */
function reuse(a: FieldSet, members: ReadonlySet<string>, children: ReadonlyMap<string, FieldSet>): FieldSet {
  if (members.size !== a.members.size || children.size !== a.children.size) return { members, children }
  for (const [element, child] of children) if (a.children.get(element) !== child) return { members, children }
  return a
}

/** The paths of `a` that are neither in `b` nor below a path of `b`. */
export function recursiveDifference(a: FieldSet, b: FieldSet): FieldSet {
  if (isEmptySet(b)) return a
  const kept = [...a.children.keys()].filter((element) => !b.members.has(element))
  return reuse(
    a,
    a.members.difference(b.members),
    zip(a, b, kept, (x, y) => (x && y ? recursiveDifference(x, y) : x)),
  )
}

export function equalSets(a: FieldSet, b: FieldSet): boolean {
  if (a.members.size !== b.members.size || a.children.size !== b.children.size) return false
  for (const member of a.members) if (!b.members.has(member)) return false
  for (const [element, child] of a.children) {
    const other = b.children.get(element)
    if (!other || !equalSets(child, other)) return false
  }
  return true
}

/** Every path of the set, in upstream's order: at each place first those that end there. */
export function* pathsOf(set: FieldSet, prefix: readonly string[] = []): Generator<readonly string[]> {
  for (const element of sortElements([...set.members])) yield [...prefix, element]
  for (const element of sortElements([...set.children.keys()]))
    yield* pathsOf(set.children.get(element)!, [...prefix, element])
}

export type FieldsV1 = { [element: string]: FieldsV1 }

/** Reads metadata.managedFields[].fieldsV1. Throws on what is no FieldsV1. */
export function parseFieldsV1(fields: unknown): FieldSet {
  if (fields === null) return emptySet
  if (typeof fields !== 'object' || Array.isArray(fields)) throw new Error('fieldsV1 must be an object')
  const members = new Set<string>()
  const children = new Map<string, FieldSet>()
  for (const [written, value] of Object.entries(fields)) {
    // `.` says that the holder itself is owned; the caller has seen to it.
    if (written === '.') continue
    const element = canonicalElement(written)
    if (element === undefined) continue
    const child = parseFieldsV1(value)
    const isMember = isEmptySet(child) || Object.hasOwn(value as object, '.')
    if (isMember) members.add(element)
    if (!isEmptySet(child)) children.set(element, child)
  }
  return { members, children }
}

export function formatFieldsV1(set: FieldSet): FieldsV1 {
  const fields: FieldsV1 = {}
  const elements = [...set.members]
  for (const element of set.children.keys()) if (!set.members.has(element)) elements.push(element)
  for (const element of sortElements(elements)) {
    const child = set.children.get(element)
    fields[element] = child ? { ...(set.members.has(element) ? { '.': {} } : {}), ...formatFieldsV1(child) } : {}
  }
  return fields
}

/** The fields with elements renamed, in order; what has none of them is handed on. */
export function renameElements(fields: FieldsV1, names: ReadonlyMap<string, string>): FieldsV1 {
  let copy: FieldsV1 | undefined
  let isRenamed = false
  for (const element in fields) {
    isRenamed ||= names.has(element)
    const below = renameElements(fields[element]!, names)
    if (below !== fields[element]) (copy ??= { ...fields })[element] = below
  }
  if (!isRenamed) return copy ?? fields
  const { '.': own, ...rest } = copy ?? fields
  const below = new Map(Object.entries(rest).map(([element, child]) => [names.get(element) ?? element, child]))
  const renamed = Object.fromEntries(sortElements([...below.keys()]).map((element) => [element, below.get(element)!]))
  return own ? { '.': own, ...renamed } : renamed
}
