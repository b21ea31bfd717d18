import type { ManagedFieldsEntry } from '#shared/kube/object.ts'
import { badRequest } from '#shared/kube/status.ts'
import type { TypeDef } from '../api.ts'
import { zeroObject } from '../json/zero.ts'
import { unexplained } from '../patch/patch-object.ts'
import { compareObjects, comparisonOf, differences } from './compare.ts'
import { conflictStatus } from './conflicts.ts'
import { describeConfiguration } from './describe.ts'
import { emptySet, fieldSetOfPaths, renameElements, union, type FieldsV1 } from './field-set.ts'
import { withLastApplied, withoutLastApplied } from './last-applied.ts'
import {
  capUpdaters,
  decodeManagers,
  encodeManagers,
  identify,
  managerOfEntry,
  stripUnowned,
  type Manager,
  type Managers,
} from './managers.ts'
import { Outcomes, type Known, type Outcome } from './outcomes.ts'
import { shapeOf, shapeOfCustomResource, type Shape, type StructuralSchema } from './shape.ts'
import { ConflictsError, apply, update, type Version, type Write } from './updater.ts'
import { typingErrors } from './validate.ts'
import { isMap, type JsonObject } from './view.ts'

/** What tracking needs to know of a kind. Made once per kind. */
export interface TrackedKind {
  readonly shape: Shape
  /** What a write that creates is compared with: the object before anything was set. */
  readonly empty: JsonObject
  readonly outcomes: Outcomes
}

export const trackedType = (type: TypeDef): TrackedKind => ({
  shape: shapeOf(type),
  empty: zeroObject(type),
  outcomes: new Outcomes(),
})
export const trackedCustomResource = (schema: StructuralSchema): TrackedKind => ({
  shape: shapeOfCustomResource(schema),
  empty: {},
  outcomes: new Outcomes(),
})

export interface TrackContext {
  readonly kind: TrackedKind
  /** Version of the request, such as `apps/v1`. */
  readonly apiVersion: string
  /** '' for the object itself. */
  readonly subresource: string
  /** The writer: see `managerOf`. */
  readonly manager: string
  /** RFC 3339 with whole seconds; undefined for writes that leave no time, which are those through a scale. */
  readonly now: string | undefined
  /** Paths that this resource or subresource resets on write (`['status']` on the main resource): never owned. */
  readonly ignored?: readonly (readonly string[])[] | undefined
  /** Other served versions; the request's own version too, when there are others. */
  readonly versions?: ((apiVersion: string) => Version | undefined) | undefined
}

export interface UpdateInput extends TrackContext {
  /** The object before; undefined for a creation. */
  readonly live: JsonObject | undefined
  /** The object as the client wrote it, decoded and defaulted, before admission and strategies touch it. */
  readonly next: JsonObject
}

/** metadata.managedFields after a create, an update or a patch that is no apply. Changes nothing it is given. */
export function trackUpdate(input: UpdateInput): ManagedFieldsEntry[] {
  const { live, next, now, kind, apiVersion, subresource } = input
  const before = startingEntries(input)
  // Nobody tracked so far and no creation: then nobody is, until someone applies.
  if (!before.length && live) return []
  const write = { live: withoutEntries(live ?? kind.empty), next: withoutEntries(next) }
  const writer = { name: input.manager || 'unknown', operation: 'Update', apiVersion, subresource, time: now } as const
  const found = differences(write.live, write.next, kind.shape)
  const work = (): Outcome => {
    const managers = readable(before)
    if (!managers.size && live) return { managers, took: false }
    return recordUpdate(input, { ...write, comparison: comparisonOf(found) }, managers, writer)
  }
  const id = identify(writer)
  const paths = [found, before.map(({ fieldsV1 }) => fieldsV1)]
  // What is owned in another version depends on more than the paths of this one.
  const outcome: Known = input.versions
    ? { ...work(), renamed: undefined }
    : kind.outcomes.of([id, input.ignored, before.map(bare)], paths, work)
  const times = new Map(before.map((entry) => [identify(managerOfEntry(entry)), entry.time]))
  if (outcome.took) times.set(id, now)
  const managers = new Map<string, Manager>()
  for (const [name, manager] of outcome.managers) managers.set(name, { ...manager, time: times.get(name) })
  const entries = encodeManagers(capUpdaters(managers))
  const { renamed } = outcome
  if (!renamed) return entries
  return entries.map((entry) => ({ ...entry, fieldsV1: renameElements(entry.fieldsV1 as FieldsV1, renamed) }))
}

/** The writer is a stranger while its changes are computed, so that an entry it had before is kept and added to. */
function recordUpdate(input: TrackContext, write: Write, managers: Managers, writer: Omit<Manager, 'set'>): Outcome {
  const current = 'current operation'
  const after = stripUnowned(update(contextOf(input), write, managers, current, writer), current)
  const taken = after.get(current)
  if (!taken) return { managers: after, took: false }
  const result = new Map(after)
  result.delete(current)
  const id = identify(writer)
  const before = result.get(id)
  result.set(id, { ...taken, set: before ? union(before.set, taken.set) : taken.set })
  return { managers: result, took: true }
}

/** Clients that know nothing of managedFields send none: then those of the live object stand. An empty list resets, and so does an empty entry. */
function startingEntries({ live, next, subresource }: UpdateInput): readonly ManagedFieldsEntry[] {
  const stored = (live && entriesOf(live)) ?? []
  const written = subresource === '' ? entriesOf(next) : undefined
  if (written && (!written.length || (written.length === 1 && !Object.keys(written[0]!).length))) return []
  return written && written !== stored && readable(written).size ? written : stored
}

/** None where an entry cannot be read. */
function readable(entries: readonly ManagedFieldsEntry[]): Managers {
  try {
    return decodeManagers(entries)
  } catch {
    return new Map()
  }
}

/** An entry without its time and its paths. */
const bare = (entry: ManagedFieldsEntry) => [
  entry.manager,
  entry.operation,
  entry.apiVersion,
  entry.subresource,
  entry.fieldsType,
]

export interface ApplyInput extends TrackContext {
  /** The object before; undefined when the apply creates it. */
  readonly live: JsonObject | undefined
  /** The applied configuration, as it was parsed: not decoded, not defaulted. */
  readonly config: JsonObject
  readonly force: boolean
}

export interface AppliedObject {
  /** The live object with the configuration applied: to be decoded and defaulted. */
  readonly object: JsonObject
  readonly managedFields: ManagedFieldsEntry[]
  /** False when the object itself stays as it was; its managedFields may have changed all the same. */
  readonly changed: boolean
}

/** Server-side apply. Throws StatusError: 409 with the conflicts, 400 or 500 for a configuration that cannot be applied. */
export function applyConfiguration(input: ApplyInput): AppliedObject {
  const { kind, config, now } = input
  checkConfiguration(input)
  const live = withoutEntries(input.live ?? kind.empty)
  let managers: Managers
  try {
    managers = decodeManagers(input.live && entriesOf(input.live))
  } catch (error) {
    throw unexplained(`failed to decode managed fields: ${(error as Error).message}`)
  }
  // What was there before anyone applied belongs to nobody yet: it is given to a manager of that name.
  if (!managers.size && input.live)
    managers = recordUpdate(
      input,
      { live: kind.empty, next: live, comparison: compareObjects(kind.empty, live, kind.shape) },
      managers,
      {
        name: 'before-first-apply',
        operation: 'Update',
        apiVersion: input.apiVersion,
        subresource: input.subresource,
        time: now,
      },
    ).managers
  const applier = {
    name: input.manager,
    operation: 'Apply',
    apiVersion: input.apiVersion,
    subresource: input.subresource,
  } as const
  const id = identify(applier)
  const time = managers.get(id)?.time
  const run = (force: boolean) => apply(contextOf(input), live, config, managers, id, { ...applier, time }, force)
  let applied
  try {
    applied = run(input.force)
  } catch (error) {
    if (!(error instanceof ConflictsError)) throw error
    const remaining = withoutLastApplied(input, live, error.conflicts)
    if (remaining.length) throw conflictStatus(remaining)
    applied = run(true)
  }
  const object = withLastApplied(input, applied.object ?? live)
  let after = stripUnowned(applied.managers, id)
  const entry = after.get(id)
  if (applied.object && entry) after = new Map(after).set(id, { ...entry, time: now })
  return { object, managedFields: encodeManagers(after), changed: applied.object !== undefined }
}

function checkConfiguration({ kind, config, apiVersion }: ApplyInput): void {
  if (entriesOf(config)) throw badRequest('metadata.managedFields must be nil')
  const wrong = typingErrors(config, kind.shape)
  if (wrong === undefined) return
  throw unexplained(`failed to create typed patch object (${describeConfiguration(config, apiVersion)}): ${wrong}`)
}

const contextOf = ({ kind, apiVersion, ignored, versions }: TrackContext) => ({
  apiVersion,
  shape: kind.shape,
  ignored: ignored?.length ? fieldSetOfPaths(ignored.map((path) => path.map((name) => `f:${name}`))) : emptySet,
  versions,
})

function entriesOf(object: JsonObject): ManagedFieldsEntry[] | undefined {
  const meta = object['metadata']
  const entries = isMap(meta) ? meta['managedFields'] : undefined
  return Array.isArray(entries) ? (entries as ManagedFieldsEntry[]) : undefined
}

function withoutEntries(object: JsonObject): JsonObject {
  const meta = object['metadata']
  if (!isMap(meta) || !('managedFields' in meta)) return object
  const rest = { ...meta }
  delete rest['managedFields']
  return { ...object, metadata: rest }
}

/**
 * Whether two states of an object differ in nothing but the times of their managedFields: then the write is none, and
 * the old state stands.
 */
export function sameExceptTimes(
  before: JsonObject,
  after: JsonObject,
  equal: (a: unknown, b: unknown) => boolean,
): boolean {
  const [old, now] = [before['metadata'], after['metadata']]
  if (!isMap(old) || !isMap(now)) return equal(before, after)
  return (
    sameBut('metadata', before, after, equal) &&
    sameBut('managedFields', old, now, equal) &&
    sameEntries(entriesOf(before), entriesOf(after), equal)
  )
}

function sameEntries(
  before: readonly ManagedFieldsEntry[] | undefined,
  after: readonly ManagedFieldsEntry[] | undefined,
  equal: (a: unknown, b: unknown) => boolean,
): boolean {
  if (!before || !after) return before === after
  return (
    before.length === after.length &&
    before.every((entry, i) => sameBut('time', entry as JsonObject, after[i] as JsonObject, equal))
  )
}

/** Whether two objects are equal in all fields but one; an undefined field is an absent one. */
function sameBut(
  field: string,
  before: JsonObject,
  after: JsonObject,
  equal: (a: unknown, b: unknown) => boolean,
): boolean {
  for (const key in before) if (key !== field && !equal(before[key], after[key])) return false
  for (const key in after) if (key !== field && after[key] !== undefined && before[key] === undefined) return false
  return true
}
