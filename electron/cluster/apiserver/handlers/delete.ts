import type { KubeObject, ObjectMeta } from '#shared/kube/object.ts'
import { conflict, notFound, type Status } from '#shared/kube/status.ts'
import { timestamp } from '../../base/clock.ts'
import { sameJson } from '../../base/same-json.ts'
import { ExpectationError, type Entry } from '../../store/api.ts'
import { metadataOf, type Metadata } from '../metadata/metadata.ts'
import { translateStoreError } from '../storage/errors.ts'
import { admitMutating, admitValidating } from './admit.ts'
import { freshly } from './freshly.ts'
import type { Core, Operation, Outcome } from './operation.ts'
import { release } from './reserve.ts'
import { strategyOf } from './update.ts'

export interface DeleteRequest {
  gracePeriodSeconds?: number | undefined
  propagationPolicy?: 'Orphan' | 'Background' | 'Foreground' | undefined
  orphanDependents?: boolean | undefined
  preconditions?: { uid?: string | undefined; resourceVersion?: string | undefined } | undefined
}

/**
 * Deletes the object, or marks it as being deleted where finalizers or a grace period keep it.
 * Source: apiserver/pkg/registry/generic/registry/store.go and rest/delete.go.
 */
export async function deleteObject(core: Core, op: Operation, request: DeleteRequest): Promise<Outcome> {
  const { kind } = op
  const { objects } = kind
  const key = objects.keyOf(op.namespace, op.name)
  let admitted = false
  await freshly(kind)
  for (;;) {
    const entry = objects.latest(key)
    if (!entry) throw notFound(kind.subject, op.name)
    const waiting = kind.prepare([entry])
    if (waiting) await waiting
    const old = kind.object(entry)
    if (!admitted) {
      await admitMutating(core, op, { operation: 'DELETE', object: undefined, old })
      admitted = true
    }
    checkPreconditions(op, old.metadata!, request)
    await admitValidating(core, op, { operation: 'DELETE', object: undefined, old })
    const object = dying(op, entry, old)
    const now = core.clock.now()
    if (kind.strategy.markForCleanup && !object.metadata!.deletionTimestamp) {
      kind.strategy.markForCleanup(object, now)
      const marked = op.dryRun ? { object } : await keep(core, op, { key, entry, old, object })
      if (marked) return marked
      continue
    }
    const graceful = markGraceful(op, object, request, now)
    if (graceful === 'pending') return { entry }
    const finalized = setPropagationFinalizers(op, object.metadata!, request)
    const held = !!object.metadata!.finalizers?.length || !!strategyOf(op).isHeld?.(object)
    if (held && !graceful) markDeleting(object.metadata!, now)
    const stays = held || (graceful && object.metadata!.deletionGracePeriodSeconds! > 0)
    if (stays) strategyOf(op).markDeleted?.(object)
    if (op.dryRun) return stays || graceful ? { object } : deleted(op, object)
    // Asked for again, a deletion that is under way changes nothing, and nobody is told of it.
    if (stays && objects.get(key) === entry && sameJson(old, object)) return { entry }
    const outcome = stays
      ? await keep(core, op, { key, entry, old, object })
      : await remove(core, op, { key, entry, old, object }, graceful || finalized)
    if (outcome) return outcome
  }
}

/**
 * The object as its deletion changes it: but for its metadata, which is its own, the one that all readers share. A copy
 * throughout for the few kinds where more changes than that.
 */
function dying(op: Operation, entry: Entry, old: KubeObject): KubeObject {
  const { kind } = op
  const { convert, convertLater, strategy } = kind.definition
  if (convert || convertLater || strategy.markForCleanup || strategyOf(op).markDeleted) return kind.copy(entry)
  return { ...old, metadata: { ...old.metadata } }
}

/** The last second that a time can name. */
const endOfTime = Date.parse('9999-12-31T23:59:59Z')

/** Of a grace period as many seconds as lead to a time, and a number where its integer is long. */
const reckonable = (seconds: number, now: number): number =>
  Math.min(Number(seconds), Math.floor((endOfTime - now) / 1000))

/** Source: rest.BeforeDelete. True: the object is marked with a grace period, if only one of 0. */
function markGraceful(op: Operation, object: KubeObject, request: DeleteRequest, now: number): boolean | 'pending' {
  const strategy = strategyOf(op)
  if (!strategy.gracePeriod) return false
  const metadata = metadataOf(object)
  const asked =
    request.gracePeriodSeconds === undefined
      ? undefined
      : request.gracePeriodSeconds < 0
        ? 1
        : reckonable(request.gracePeriodSeconds, now)
  if (metadata.deletionTimestamp) {
    const current = metadata.deletionGracePeriodSeconds
    if (current === undefined) return false
    // Only a shorter grace can be asked for, and nothing else any more.
    if (asked === undefined || asked >= current) return 'pending'
    metadata.deletionTimestamp = timestamp(Date.parse(metadata.deletionTimestamp) + (asked - current) * 1000)
    metadata.deletionGracePeriodSeconds = asked
    return true
  }
  const grace = reckonable(strategy.gracePeriod(object, asked), now)
  metadata.deletionTimestamp = timestamp(now + grace * 1000)
  metadata.deletionGracePeriodSeconds = grace
  if (metadata.generation) metadata.generation++
  return true
}

function markDeleting(metadata: Metadata, now: number): void {
  if (metadata.deletionGracePeriodSeconds === undefined && metadata.generation) metadata.generation++
  if (!metadata.deletionTimestamp || Date.parse(metadata.deletionTimestamp) > now)
    metadata.deletionTimestamp = timestamp(now)
  metadata.deletionGracePeriodSeconds = 0
}

/** Foreground and orphaning deletion wait for the garbage collector, each by a finalizer of its own. */
function setPropagationFinalizers(op: Operation, metadata: Metadata, request: DeleteRequest): boolean {
  const before = metadata.finalizers ?? []
  const { propagationPolicy: policy, orphanDependents } = request
  let orphan: boolean
  let foreground: boolean
  if (orphanDependents !== undefined) [orphan, foreground] = [orphanDependents, false]
  else if (policy !== undefined) [orphan, foreground] = [policy === 'Orphan', policy === 'Foreground']
  else {
    const set = before.find((finalizer) => finalizer === 'orphan' || finalizer === 'foregroundDeletion')
    orphan = set ? set === 'orphan' : op.kind.strategy.defaultGarbageCollection === 'orphan'
    foreground = set === 'foregroundDeletion'
  }
  const after = before.filter((finalizer) => finalizer !== 'orphan' && finalizer !== 'foregroundDeletion')
  if (orphan) after.push('orphan')
  if (foreground) after.push('foregroundDeletion')
  const same = after.length === before.length && after.every((finalizer) => before.includes(finalizer))
  if (same) return false
  if (after.length) metadata.finalizers = after
  else delete metadata.finalizers
  return true
}

interface Deletion {
  key: string
  entry: Entry
  old: KubeObject
  object: KubeObject
}

async function keep(core: Core, op: Operation, { key, entry, old, object }: Deletion): Promise<Outcome | undefined> {
  const { kind } = op
  try {
    const stored = kind.toStored(object)
    const kept = await kind.objects.put(key, stored instanceof Promise ? await stored : stored, entry.revision)
    core.wrote?.({ op, action: 'delete', old, object, revision: kept.revision })
    await kind.prepare([kept])
    return { entry: kept }
  } catch (error) {
    if (error instanceof ExpectationError) return undefined
    throw translateStoreError(error)
  }
}

async function remove(
  core: Core,
  op: Operation,
  { key, entry, old, object }: Deletion,
  marked: boolean,
): Promise<Outcome | undefined> {
  const { kind } = op
  const answer = deleted(op, object)
  try {
    const stored = kind.toStored(object)
    const removed = await kind.objects.remove(key, entry.revision, stored instanceof Promise ? await stored : stored)
    core.wrote?.({ op, action: 'delete', old, object, revision: removed.revision, gone: true })
    await kind.prepare([removed])
    release(core, op, object)
    return marked || kind.strategy.answersDeleted ? { entry: removed } : answer
  } catch (error) {
    if (error instanceof ExpectationError) return undefined
    throw translateStoreError(error)
  }
}

/** What a DELETE answers when the object is gone at once. */
function deleted({ kind, name }: Operation, object: KubeObject): Outcome {
  if (kind.strategy.answersDeleted) return { object }
  const { group, plural } = kind.subject
  const uid = object.metadata?.uid
  const status: Status = {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Success',
    details: { name, ...(group ? { group } : {}), kind: plural, ...(uid ? { uid } : {}) },
  }
  return { status }
}

function checkPreconditions(op: Operation, metadata: ObjectMeta, { preconditions }: DeleteRequest): void {
  const refuse = (message: string) =>
    conflict({ group: op.kind.definition.group, plural: op.kind.kind }, op.name, message)
  const { uid, resourceVersion } = preconditions ?? {}
  if (uid !== undefined && uid !== metadata.uid) {
    throw refuse(
      `the UID in the precondition (${uid}) does not match the UID in record (${metadata.uid}). The object might have been deleted and then recreated`,
    )
  }
  if (resourceVersion !== undefined && resourceVersion !== metadata.resourceVersion) {
    throw refuse(
      `the ResourceVersion in the precondition (${resourceVersion}) does not match the ResourceVersion in record (${metadata.resourceVersion}). The object might have been modified`,
    )
  }
}

export const propagationPolicies = ['Foreground', 'Background', 'Orphan'] as const
