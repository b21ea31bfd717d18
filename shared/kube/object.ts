import type { ObjectMeta } from 'kubernetes-types/meta/v1'

export type {
  ObjectMeta,
  OwnerReference,
  LabelSelector,
  ManagedFieldsEntry,
  DeleteOptions,
} from 'kubernetes-types/meta/v1'

/** Any object of the API as it travels in JSON. Times are RFC 3339 strings, quantities are strings. */
export interface KubeObject {
  apiVersion?: string
  kind?: string
  metadata?: ObjectMeta
}

export interface KubeList<T> {
  apiVersion?: string
  kind?: string
  metadata: { resourceVersion?: string; continue?: string; remainingItemCount?: number }
  items: T[]
}

export type WatchEventType = 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR'

export interface WatchEvent<T> {
  type: WatchEventType
  object: T
}

/** Deeply readonly: the type of everything that comes out of a cache. */
export type Frozen<T> = T extends (infer U)[]
  ? readonly Frozen<U>[]
  : T extends object
    ? { readonly [K in keyof T]: Frozen<T[K]> }
    : T

/** `namespace/name`, or `name` for cluster-scoped objects. */
export function keyOf(object: { metadata?: { namespace?: string; name?: string } }): string {
  const { namespace, name } = object.metadata ?? {}
  return namespace ? `${namespace}/${name ?? ''}` : (name ?? '')
}

/** The inverse of {@link keyOf}. */
export function splitKey(key: string): { namespace?: string; name: string } {
  const slash = key.indexOf('/')
  return slash < 0 ? { name: key } : { namespace: key.slice(0, slash), name: key.slice(slash + 1) }
}
