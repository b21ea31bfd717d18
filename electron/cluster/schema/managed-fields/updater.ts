import { isDeepStrictEqual } from 'node:util'
import { compareObjects, exclude, type Comparison } from './compare.ts'
import {
  difference,
  emptySet,
  intersection,
  isEmptySet,
  recursiveDifference,
  union,
  type FieldSet,
} from './field-set.ts'
import { withSet, type Manager, type Managers } from './managers.ts'
import { mergeObjects } from './merge.ts'
import { removePaths } from './remove.ts'
import type { Shape } from './shape.ts'
import { setOfObject, withNamedFields } from './to-set.ts'
import type { JsonObject } from './view.ts'

/** Who owns what after a write: structured-merge-diff's merge.Updater. */
export interface Version {
  readonly shape: Shape
  /** The object in that version. Must not change what it is given. */
  convert(object: JsonObject): JsonObject
}

export interface UpdaterContext {
  /** Version of the request, in which the objects are given. */
  readonly apiVersion: string
  readonly shape: Shape
  /** Paths that this writer may set in vain (status on the main resource), and so does not own. */
  readonly ignored: FieldSet
  /** Other served versions of the kind; undefined for versions that are no longer served. */
  readonly versions?: ((apiVersion: string) => Version | undefined) | undefined
}

/** An object before and after, and in what it differs. */
export interface Write {
  readonly live: JsonObject
  readonly next: JsonObject
  readonly comparison: Comparison
}

/** Fields that another manager owns and the writer would change. */
export interface Conflict {
  readonly manager: Manager
  readonly set: FieldSet
}

export class ConflictsError extends Error {
  override readonly name = 'ConflictsError'
  readonly conflicts: readonly Conflict[]

  constructor(conflicts: readonly Conflict[]) {
    super('conflicts with other managers')
    this.conflicts = conflicts
  }
}

/** A plain write: the writer comes to own what it changed, others lose it. */
export function update(
  context: UpdaterContext,
  write: Write,
  managers: Managers,
  id: string,
  writer: Omit<Manager, 'set'>,
): Managers {
  const others = settle(context, write, managers, id, true)
  const { comparison } = write
  const before = others.get(id)?.set ?? emptySet
  const changed = union(comparison.modified, comparison.added)
  const set = recursiveDifference(union(difference(before, comparison.removed), changed), context.ignored)
  return withSet(others, id, { ...writer, set }, set)
}

/** Takes changed and removed fields away from everyone but the writer. Throws ConflictsError unless forced. */
function settle(
  context: UpdaterContext,
  { live, next, comparison }: Write,
  managers: Managers,
  writer: string,
  force: boolean,
): Managers {
  const inVersion = new Map<string, Comparison | undefined>([
    [context.apiVersion, exclude(comparison, context.ignored)],
  ])
  const conflicts: Conflict[] = []
  let result = managers
  for (const [id, manager] of managers) {
    if (id === writer) continue
    if (!inVersion.has(manager.apiVersion)) {
      const version = context.versions?.(manager.apiVersion)
      inVersion.set(
        manager.apiVersion,
        version && compareObjects(version.convert(live), version.convert(next), version.shape),
      )
    }
    const seen = inVersion.get(manager.apiVersion)
    // A version that is no longer served owns nothing.
    if (!seen) {
      result = withSet(result, id, manager, emptySet)
      continue
    }
    const taken = intersection(manager.set, union(seen.modified, seen.added))
    if (!isEmptySet(taken)) conflicts.push({ manager, set: taken })
    result = withSet(result, id, manager, difference(difference(manager.set, taken), seen.removed))
  }
  if (conflicts.length && !force) throw new ConflictsError(conflicts)
  return result
}

export interface Applied {
  /** Undefined when the object stays as it was. */
  readonly object: JsonObject | undefined
  readonly managers: Managers
}

/** An apply: the applier owns exactly what it sent; what it no longer sends goes, unless someone else owns it. */
export function apply(
  context: UpdaterContext,
  live: JsonObject,
  config: JsonObject,
  managers: Managers,
  id: string,
  applier: Omit<Manager, 'set'>,
  force: boolean,
): Applied {
  const merged = mergeObjects(live, config, context.shape)
  const last = managers.get(id)
  const set = recursiveDifference(setOfObject(config, context.shape), context.ignored)
  const claimed = new Map(managers).set(id, { ...applier, set })
  const next = last && !isEmptySet(last.set) ? prune(context, merged, last, claimed) : merged
  const comparison = compareObjects(live, next, context.shape)
  const settled = settle(context, { live, next, comparison }, claimed, id, force)
  const kept = isEmptySet(set) ? withSet(settled, id, { ...applier, set }, set) : settled
  return { object: isDeepStrictEqual(live, next) ? undefined : next, managers: kept }
}

/** Removes what the applier sent last time and not now, as far as nobody else owns it. */
function prune(context: UpdaterContext, merged: JsonObject, last: Manager, managers: Managers): JsonObject {
  const version = last.apiVersion === context.apiVersion ? undefined : context.versions?.(last.apiVersion)
  // What was owned in a version that is gone cannot be told, so nothing is pruned.
  if (last.apiVersion !== context.apiVersion && !version) return merged
  const { shape } = version ?? context
  const whole = version ? version.convert(merged) : merged
  const lastSet = withNamedFields(last.set, shape)
  const wholeSet = withNamedFields(setOfObject(whole, shape), shape)
  let pruned = removePaths(whole, lastSet, shape)

  let owned = emptySet
  for (const manager of managers.values()) if (manager.apiVersion === last.apiVersion) owned = union(owned, manager.set)
  const keep = union(withNamedFields(setOfObject(pruned, shape), shape), withNamedFields(owned, shape))
  pruned = removePaths(whole, difference(wholeSet, keep), shape)

  const prunedSet = withNamedFields(setOfObject(pruned, shape), shape)
  const dangling = intersection(difference(wholeSet, prunedSet), lastSet)
  const result = removePaths(whole, dangling, shape)
  const back = version && context.versions?.(context.apiVersion)
  return back ? back.convert(result) : result
}
