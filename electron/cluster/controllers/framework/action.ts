import type { ObjectReference } from 'kubernetes-types/core/v1'
import type { Frozen, KubeObject } from '#shared/kube/object.ts'
import type { ResourceType } from '#shared/kube/resources.ts'
import type { StatusError } from '#shared/kube/status.ts'
import type { DeleteOptions, ObjectKey, PatchType } from '../../client/api.ts'
import type { EventType } from '../../client/event-correlator.ts'

export interface EventAction {
  readonly verb: 'event'
  readonly about: ObjectReference
  readonly type: EventType
  readonly reason: string
  readonly message: string
}

/** What follows a write, decided with the write. All optional. */
interface Consequences {
  /** An Event to record when it succeeded, given the answer. */
  readonly onSuccess?: (answer: KubeObject) => EventAction | undefined
  /** An Event to record when it failed. */
  readonly onFailure?: (error: StatusError) => EventAction | undefined
  /** Failures that count as success. */
  readonly tolerate?: (error: StatusError) => boolean
  /** What to do instead of failing; the failure stands when it answers undefined. */
  readonly recover?: (error: StatusError) => readonly Step[] | undefined
  /** What to do next when it succeeded, decided with the answer in hand. */
  readonly then?: (answer: KubeObject) => readonly Step[]
}

export interface CreateAction extends Consequences {
  readonly verb: 'create'
  readonly type: ResourceType
  readonly object: KubeObject
  /** Count it among the expected creations of the key being reconciled. */
  readonly expected?: boolean
}

export interface UpdateAction extends Consequences {
  readonly verb: 'update'
  readonly type: ResourceType
  readonly object: KubeObject
  readonly subresource?: string
}

export interface PatchAction extends Consequences {
  readonly verb: 'patch'
  readonly type: ResourceType
  readonly key: ObjectKey
  readonly patch: PatchType
  readonly body: object
  readonly subresource?: string
}

export interface DeleteAction extends Consequences {
  readonly verb: 'delete'
  readonly type: ResourceType
  readonly key: ObjectKey
  readonly options?: DeleteOptions
  /** Count it among the expected deletions of the key being reconciled. */
  readonly expected?: boolean
}

/** Reads live, past every cache, and goes on with what is decided then. `undefined`: it is not there. */
export interface ReadAction {
  readonly verb: 'read'
  readonly type: ResourceType
  readonly key: ObjectKey
  /** Throws to fail the reconciliation. */
  readonly then: (object: KubeObject | undefined) => readonly Step[]
}

/** Fails the reconciliation, after what was done before it. */
export interface FailAction {
  readonly verb: 'fail'
  readonly error: Error
}

export type WriteAction = CreateAction | UpdateAction | PatchAction | DeleteAction
export type Action = WriteAction | ReadAction | EventAction | FailAction

/**
 * Many writes of one kind. `parallel`: all at once. `slow-start`: 1, 2, 4… at a time, stopping at the first batch with
 * a failure, so that a quota or a webhook that refuses one pod is not asked a thousand times.
 */
export interface Batch {
  readonly verb: 'batch'
  readonly pace: 'parallel' | 'slow-start'
  readonly actions: readonly (WriteAction | Series)[]
  /** What to do once all have ended, given those that succeeded: before the failure of others fails the batch. */
  readonly conclude?: (done: ReadonlySet<WriteAction>) => readonly Step[]
}

/** Steps in order as one member of a batch: the first failure stops the rest of the series. */
export interface Series {
  readonly verb: 'series'
  readonly steps: readonly Step[]
}

export type Step = Action | Batch | Series

/** What a controller wants done, as data. */
export interface Decision {
  /** In order; the first failure stops the rest. */
  readonly steps: readonly Step[]
  /** Carried out last, whatever became of the steps: status, as a rule. */
  readonly conclude?: (failure: StatusError | undefined) => readonly Step[]
  /** Look again after so many milliseconds though nothing changes. */
  readonly requeueAfter?: number
  /**
   * Do not look again for so many milliseconds whatever changes: gathers a burst of events where one look, or what it
   * writes, is large.
   */
  readonly rest?: number
}

export const nothing: Decision = { steps: [] }

type Writable<T> = T | Frozen<T>

export const create = <T extends KubeObject>(
  type: ResourceType<T>,
  object: Writable<T>,
  more: Omit<CreateAction, 'verb' | 'type' | 'object'> = {},
): CreateAction => ({ verb: 'create', type, object: object as KubeObject, ...more })

export const update = <T extends KubeObject>(
  type: ResourceType<T>,
  object: Writable<T>,
  more: Omit<UpdateAction, 'verb' | 'type' | 'object'> = {},
): UpdateAction => ({ verb: 'update', type, object: object as KubeObject, ...more })

export const updateStatus = <T extends KubeObject>(
  type: ResourceType<T>,
  object: Writable<T>,
  more: Omit<UpdateAction, 'verb' | 'type' | 'object' | 'subresource'> = {},
): UpdateAction => update(type, object, { ...more, subresource: 'status' })

export const patch = (
  type: ResourceType,
  key: ObjectKey,
  kind: PatchType,
  body: object,
  more: Omit<PatchAction, 'verb' | 'type' | 'key' | 'patch' | 'body'> = {},
): PatchAction => ({ verb: 'patch', type, key, patch: kind, body, ...more })

export const remove = (
  type: ResourceType,
  object: { readonly metadata?: { readonly namespace?: string; readonly name?: string } },
  more: Omit<DeleteAction, 'verb' | 'type' | 'key'> = {},
): DeleteAction => ({ verb: 'delete', type, key: objectKey(object), ...more })

export const event = (about: ObjectReference, type: EventType, reason: string, message: string): EventAction => ({
  verb: 'event',
  about,
  type,
  reason,
  message,
})

export const objectKey = (object: {
  readonly metadata?: { readonly namespace?: string; readonly name?: string }
}): ObjectKey => ({ namespace: object.metadata?.namespace, name: object.metadata?.name ?? '' })
