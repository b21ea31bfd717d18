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
import { reconcileSet } from './reconcile.ts'
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
  const others = settle(context, write, reconcileManagers(context, managers), id, true)
  const { comparison } = write
  const before = others.get(id)?.set ?? emptySet
  const changed = union(comparison.modified, comparison.added)
  const set = recursiveDifference(union(difference(before, comparison.removed), changed), context.ignored)
  return withSet(others, id, { ...writer, set }, set)
}

/** What was owned part by part, and by now is one value, is owned as that. */
function reconcileManagers(context: UpdaterContext, managers: Managers): Managers {
  let result = managers
  for (const [id, manager] of managers) {
    const version = versionIn(context, manager.apiVersion)
    const set = version ? reconcileSet(manager.set, version.shape) : manager.set
    if (set !== manager.set) result = withSet(result, id, manager, set)
  }
  return result
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
  const before = reconcileManagers(context, managers)
  const last = before.get(id)
  const set = recursiveDifference(setOfObject(config, context.shape), context.ignored)
  const claimed = new Map(before).set(id, { ...applier, set })
  const next = last && !isEmptySet(last.set) ? prune(context, merged, last, claimed) : merged
  const comparison = compareObjects(live, next, context.shape)
  const settled = settle(context, { live, next, comparison }, claimed, id, force)
  const kept = isEmptySet(set) ? withSet(settled, id, { ...applier, set }, set) : settled
  return { object: isDeepStrictEqual(live, next) ? undefined : next, managers: kept }
}

/** Removes what the applier sent last time and not now, as far as nobody else owns it, in whatever version they do. */
function prune(context: UpdaterContext, merged: JsonObject, last: Manager, managers: Managers): JsonObject {
  const { apiVersion } = last
  const version = versionIn(context, apiVersion)
  // What was owned in a version that is gone cannot be told, so nothing is pruned.
  if (!version) return merged
  const { shape } = version
  const whole = converted(context, merged, context.apiVersion, apiVersion)
  const lastSet = withNamedFields(last.set, shape)
  let pruned = removePaths(whole, lastSet, shape)
  let at = apiVersion
  // That version first: what is owned in it may be needed by the conversion to others.
  const owned = new Map([[apiVersion, emptySet]])
  for (const manager of managers.values())
    owned.set(manager.apiVersion, union(owned.get(manager.apiVersion) ?? emptySet, manager.set))
  for (const [to, set] of owned) {
    const known = versionIn(context, to)
    if (!known) continue
    const here = converted(context, whole, apiVersion, to)
    const keep = union(namedSetOf(converted(context, pruned, at, to), known.shape), withNamedFields(set, known.shape))
    pruned = removePaths(here, difference(namedSetOf(here, known.shape), keep), known.shape)
    at = to
  }
  const prunedSet = namedSetOf(converted(context, pruned, at, apiVersion), shape)
  const dangling = intersection(difference(namedSetOf(whole, shape), prunedSet), lastSet)
  return converted(context, removePaths(whole, dangling, shape), apiVersion, context.apiVersion)
}

const namedSetOf = (object: JsonObject, shape: Shape): FieldSet => withNamedFields(setOfObject(object, shape), shape)

const versionIn = (context: UpdaterContext, apiVersion: string): Pick<Version, 'shape'> | undefined =>
  apiVersion === context.apiVersion ? context : context.versions?.(apiVersion)

const converted = (context: UpdaterContext, object: JsonObject, from: string, to: string): JsonObject =>
  from === to ? object : context.versions!(to)!.convert(object)
