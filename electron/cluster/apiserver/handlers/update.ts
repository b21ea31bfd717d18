import type { KubeObject } from '#shared/kube/object.ts'
import { conflict, invalid, notFound } from '#shared/kube/status.ts'
import { sameExceptTimes } from '../../schema/managed-fields/track.ts'
import { sameJson } from '../../base/same-json.ts'
import { ExpectationError, type Entry } from '../../store/api.ts'
import { metadataOf } from '../metadata/metadata.ts'
import { keepSystemFields } from '../metadata/system-fields.ts'
import { validateMetadata, validateUpdatedMetadata } from '../metadata/validate.ts'
import type { Strategy } from '../registry/kind.ts'
import { modified, translateStoreError } from '../storage/errors.ts'
import { admitMutating, admitValidating } from './admit.ts'
import { dedupOwners, storeNew } from './create.ts'
import { freshly } from './freshly.ts'
import { recordManager } from './managed-fields.ts'
import { contextOf, invalidOf, type Core, type Operation, type Outcome } from './operation.ts'
import { repeatsOf } from './repeats.ts'
import { ledgerOf, release, reserve } from './reserve.ts'
import { fillZeroFields } from './zero-fields.ts'

export interface UpdateRequest {
  /**
   * Makes the new object from the old one, which must not be changed; again after every conflict with another writer.
   * The answer is the caller's own, decoded and defaulted; undefined when there is nothing to make of an absent object.
   */
  produce(old: KubeObject | undefined): KubeObject | undefined | Promise<KubeObject | undefined>
  /** The writer's own record of managers has been made by `produce` (server-side apply). */
  managed?: boolean
  /** Absent objects are created even where the kind does not allow it (server-side apply). */
  create?: boolean
}

/** Reads, changes and writes until nobody else wrote in between. Source: apiserver/pkg/registry/generic/registry/store.go. */
export async function updateObject(core: Core, op: Operation, request: UpdateRequest): Promise<Outcome> {
  const { kind } = op
  const { objects } = kind
  const key = objects.keyOf(op.namespace, op.name)
  await freshly(kind)
  for (;;) {
    const entry = objects.latest(key)
    const waiting = entry && kind.prepare([entry])
    if (waiting) await waiting
    const old = entry && kind.object(entry)
    if (!entry && !request.create && !kind.strategy.allowCreateOnUpdate) throw notFound(kind.subject, op.name)
    const object = await request.produce(old)
    if (!object) throw notFound(kind.subject, op.name)
    const done =
      entry && old
        ? await replace(core, op, { key, entry, old, object, managed: request.managed ?? false })
        : await createInstead(core, op, object, request)
    if (done) return done
  }
}

async function createInstead(core: Core, op: Operation, object: KubeObject, request: UpdateRequest): Promise<Outcome> {
  const { uid, resourceVersion } = (object.metadata ??= {})
  if (uid)
    throw conflict(
      op.kind.subject,
      op.name,
      `uid mismatch: the provided object specified uid ${uid}, and no existing object was found`,
    )
  if (resourceVersion) throw notFound(op.kind.subject, op.name)
  if (op.subresource) throw notFound(op.kind.subject, op.name)
  dedupOwners(op, object)
  if (!request.managed) recordManager(core, op, undefined, object)
  await admitMutating(core, op, { operation: 'CREATE', object, old: undefined })
  return storeNew(core, op, object)
}

interface Replacement {
  key: string
  entry: Entry
  old: KubeObject
  object: KubeObject
  managed: boolean
}

/** Undefined when somebody else wrote first. */
async function replace(
  core: Core,
  op: Operation,
  { key, entry, old, object, managed }: Replacement,
): Promise<Outcome | undefined> {
  const { kind } = op
  const { objects } = kind
  const metadata = metadataOf(object)
  checkUid(op, key, metadata.uid, old.metadata?.uid)
  dedupOwners(op, object)
  if (!managed) recordManager(core, op, old, object)
  await admitMutating(core, op, { operation: 'UPDATE', object, old })
  dedupOwners(op, object)
  checkVersion(op, object, old)
  prepareForUpdate(core, op, object, old)
  await admitValidating(core, op, { operation: 'UPDATE', object, old })
  if (isReleased(kind.strategy, object)) {
    if (op.dryRun) return { object }
    return removeReleased(core, op, { key, entry, old, object })
  }
  const same = sameExceptTimes(old as Record<string, unknown>, object as Record<string, unknown>, sameJson)
  // A state that is not durable yet cannot be answered with: then it is written again.
  if (same && objects.get(key) === entry) return { entry }
  const settle = reserve(core, op, object, old)
  if (op.dryRun) {
    settle(false)
    return { object }
  }
  try {
    const stored = kind.toStored(object)
    const written = await objects.put(
      key,
      stored instanceof Promise ? await stored : stored,
      entry.revision,
      ledgerOf(core, op),
    )
    settle(true)
    core.wrote?.({ op, action: 'update', old, object, revision: written.revision })
    await kind.prepare([written])
    return { entry: written }
  } catch (error) {
    settle(false)
    if (error instanceof ExpectationError) return undefined
    throw translateStoreError(error)
  }
}

/** The last finalizer of an object that is being deleted is gone, and with it the object. */
async function removeReleased(
  core: Core,
  op: Operation,
  { key, entry, old, object }: Omit<Replacement, 'managed'>,
): Promise<Outcome | undefined> {
  const { kind } = op
  try {
    const stored = kind.toStored(object)
    const removed = await kind.objects.remove(key, entry.revision, stored instanceof Promise ? await stored : stored)
    core.wrote?.({ op, action: 'update', old, object, revision: removed.revision, gone: true })
    await kind.prepare([removed])
    release(core, op, object)
    return { entry: removed }
  } catch (error) {
    if (error instanceof ExpectationError) return undefined
    throw translateStoreError(error)
  }
}

/** What may change, and whether what changed is good. Source: apiserver/pkg/registry/rest/update.go. */
export function prepareForUpdate(core: Core, op: Operation, object: KubeObject, old: KubeObject): void {
  const { kind } = op
  const strategy = strategyOf(op)
  const context = contextOf(core, op)
  const metadata = metadataOf(object)
  const before = old.metadata!
  if (before.generation === undefined) delete metadata.generation
  else metadata.generation = before.generation
  strategy.prepareForUpdate(object, old, context)
  fillZeroFields(kind, object)
  keepSystemFields(metadata, before)
  const [whole, change] = [validateMetadata(metadata), validateUpdatedMetadata(metadata, before)]
  // The generic layer and the kind's own rules both check the metadata: upstream reports what is wrong each time.
  const repeats = repeatsOf(kind.definition, context.subresource)
  const errors = [
    ...whole,
    ...change,
    ...times(repeats.metadata, whole),
    ...(repeats.rules ? strategy.validateCreate(object, context) : []),
    ...times(repeats.change, change),
    ...strategy.validateUpdate(object, old, context),
  ]
  if (errors.length) throw invalid(invalidOf(kind, object), metadata.name ?? '', errors)
  for (const text of strategy.warnings?.(object, old) ?? []) op.warn(text)
  strategy.canonicalize?.(object)
}

const times = <T>(count: number, list: readonly T[]): T[] => Array.from({ length: count }, () => list).flat()

/** The kind's rules, as far as the subresource has none of its own. */
export const strategyOf = ({ kind, subresource }: Operation): Strategy =>
  subresource?.strategy ? { ...kind.strategy, ...subresource.strategy } : kind.strategy

function checkUid(op: Operation, key: string, asked: string | undefined, actual: string | undefined): void {
  if (!asked || asked === actual) return
  throw conflict(
    op.kind.subject,
    op.name,
    `StorageError: invalid object, Code: 4, Key: ${key}, ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: UID in precondition: ${asked}, UID in object meta: ${actual}`,
  )
}

/** An update may say which state it is based on; most kinds let it say nothing. */
function checkVersion(op: Operation, object: KubeObject, old: KubeObject): void {
  const { kind } = op
  const current = old.metadata!.resourceVersion!
  const asked = object.metadata!.resourceVersion
  if (!asked || asked === '0') {
    if (kind.strategy.requireResourceVersionOnUpdate) {
      throw invalid({ group: kind.definition.group, kind: kind.definition.plural }, op.name, [
        {
          type: 'FieldValueInvalid',
          field: 'metadata.resourceVersion',
          message: 'Invalid value: 0: must be specified for an update',
        },
      ])
    }
    metadataOf(object).resourceVersion = current
  } else if (asked !== current) throw conflict(kind.subject, op.name, modified)
}

/** Nothing keeps a deleted object any longer. */
export function isReleased(strategy: Strategy, object: KubeObject): boolean {
  const { deletionTimestamp, deletionGracePeriodSeconds, finalizers } = object.metadata ?? {}
  if (!deletionTimestamp || finalizers?.length) return false
  if (deletionGracePeriodSeconds !== undefined && deletionGracePeriodSeconds > 0) return false
  return !strategy.isHeld?.(object)
}
