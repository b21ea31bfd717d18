import type { KubeObject } from '#shared/kube/object.ts'
import type { ResourceType } from '#shared/kube/resources.ts'
import type { DeleteOptions } from '../../client/api.ts'
import { nothing, objectKey, patch, remove, type Decision, type PatchAction } from '../framework/action.ts'
import {
  foregroundFinalizer,
  orphanFinalizer,
  referencesOf,
  waitsFor,
  type ObjectView,
  type Reference,
} from './graph.ts'

export interface Dependent {
  readonly type: ResourceType
  readonly object: ObjectView
}

/** Owner references by what became of the owners. */
export interface Owners {
  /** It exists and stays. */
  readonly solid: readonly Reference[]
  /** It does not exist, not under this uid in this place. */
  readonly dangling: readonly Reference[]
  /** It is being deleted in the foreground and waits for its dependents. */
  readonly waiting: readonly Reference[]
}

/**
 * What becomes of an object whose owners have changed: kept while one is solid, otherwise deleted. Preconditions make
 * sure that what is deleted is what was judged. Source: attemptToDeleteItem, pkg/controller/garbagecollector.
 */
export function collect(
  type: ResourceType,
  object: ObjectView,
  owners: Owners,
  dependents: readonly Dependent[],
): Decision {
  const { solid, dangling, waiting } = owners
  if (solid.length) {
    const left = new Set([...dangling, ...waiting].map(({ uid }) => uid))
    if (!left.size) return nothing
    const references = referencesOf(object).filter(({ uid }) => !left.has(uid))
    return { steps: [patchMetadata(type, object, { ownerReferences: references })] }
  }
  if (waiting.length && dependents.length) {
    // Two objects that own each other would wait for each other for ever: this one stops blocking its owner.
    const circular = dependents.some((dependent) => waitsFor(dependent.object, foregroundFinalizer))
    const unblock = circular ? [patchMetadata(type, object, { ownerReferences: unblocked(object) })] : []
    return { steps: [...unblock, deletion(type, object, 'Foreground', !circular)] }
  }
  const finalizers = object.metadata?.finalizers ?? []
  const policy = finalizers.includes(orphanFinalizer)
    ? 'Orphan'
    : finalizers.includes(foregroundFinalizer)
      ? 'Foreground'
      : 'Background'
  return { steps: [deletion(type, object, policy, true)] }
}

/** Lets all dependents go, then the owner. */
export function orphan(type: ResourceType, owner: ObjectView, dependents: readonly Dependent[]): Decision {
  const uid = owner.metadata?.uid
  const releases = dependents.map((dependent) => {
    const references = referencesOf(dependent.object).filter((reference) => reference.uid !== uid)
    return patchMetadata(dependent.type, dependent.object, { ownerReferences: references })
  })
  return {
    steps: [
      { verb: 'batch', pace: 'parallel', actions: releases },
      patchMetadata(type, owner, { finalizers: withoutFinalizer(owner, orphanFinalizer) }),
    ],
  }
}

/** Of the dependents of an owner that is deleted in the foreground, those that it waits for. */
export const blocking = (owner: ObjectView, dependents: readonly Dependent[]): readonly Dependent[] =>
  dependents.filter(({ object }) =>
    referencesOf(object).some(({ uid, blockOwnerDeletion }) => uid === owner.metadata?.uid && blockOwnerDeletion),
  )

/** The last blocking dependent is gone. */
export const finishForeground = (type: ResourceType, owner: ObjectView): Decision => ({
  steps: [patchMetadata(type, owner, { finalizers: withoutFinalizer(owner, foregroundFinalizer) })],
})

const withoutFinalizer = (object: ObjectView, name: string): readonly string[] =>
  (object.metadata?.finalizers ?? []).filter((finalizer) => finalizer !== name)

const unblocked = (object: ObjectView): readonly Reference[] =>
  referencesOf(object).map((reference) =>
    reference.blockOwnerDeletion ? { ...reference, blockOwnerDeletion: false } : reference,
  )

/** A merge patch works for every kind; the revision keeps it from undoing what the cache has not seen. */
function patchMetadata(type: ResourceType, object: ObjectView, change: object): PatchAction {
  const { uid, resourceVersion } = object.metadata ?? {}
  const body = { metadata: { uid, resourceVersion, ...change } }
  return patch(type, objectKey(object as KubeObject), 'merge', body, { tolerate: (error) => error.code === 404 })
}

function deletion(
  type: ResourceType,
  object: ObjectView,
  propagationPolicy: NonNullable<DeleteOptions['propagationPolicy']>,
  unchanged: boolean,
) {
  const { uid, resourceVersion } = object.metadata ?? {}
  const preconditions = unchanged ? { uid, resourceVersion } : { uid }
  return remove(type, object as KubeObject, {
    options: { propagationPolicy, preconditions },
    tolerate: (error) => error.code === 404,
  })
}
