import type { Frozen, KubeObject, OwnerReference } from '#shared/kube/object.ts'
import { keyOf } from '#shared/kube/object.ts'
import type { ServedResource } from '../../client/api.ts'
import type { Informer } from '../../client/informer.ts'

/** One kind whose objects may own or be owned, with the cache of their metadata. */
export interface Monitor {
  readonly type: ServedResource
  readonly informer: Informer<KubeObject>
}

/** An object as the graph names it. */
export interface Item {
  readonly monitor: Monitor
  /** `namespace/name`, or `name`. */
  readonly key: string
  readonly uid: string
}

export type ObjectView = Frozen<KubeObject>
export type Reference = Frozen<OwnerReference>

export const orphanFinalizer = 'orphan'
export const foregroundFinalizer = 'foregroundDeletion'

/** It waits for its dependents to be deleted, or to be let go. */
export const waitsFor = (object: ObjectView, finalizer: string): boolean =>
  object.metadata?.deletionTimestamp !== undefined && (object.metadata.finalizers ?? []).includes(finalizer)

export const referencesOf = (object: ObjectView): readonly Reference[] => object.metadata?.ownerReferences ?? []

/**
 * Who depends on whom, by uid, kept from the watches of all kinds. Holds edges only: objects themselves stay in the
 * caches, so that a cluster full of objects without owners costs nothing here.
 */
export class Graph {
  readonly #dependents = new Map<string, Map<string, Item>>()

  link(item: Item, references: readonly Reference[]): void {
    for (const { uid } of references) {
      const known = this.#dependents.get(uid)
      if (known) known.set(item.uid, item)
      else this.#dependents.set(uid, new Map([[item.uid, item]]))
    }
  }

  unlink(item: Item, references: readonly Reference[]): void {
    for (const { uid } of references) {
      const known = this.#dependents.get(uid)
      known?.delete(item.uid)
      if (known?.size === 0) this.#dependents.delete(uid)
    }
  }

  dependents(uid: string): readonly Item[] {
    return [...(this.#dependents.get(uid)?.values() ?? [])]
  }

  /** Uids that somebody names as owner. */
  get size(): number {
    return this.#dependents.size
  }
}

/** The object as the cache has it; undefined when it is gone or another of the same name. */
export function currentOf({ monitor, key, uid }: Item): ObjectView | undefined {
  const object = monitor.informer.lister.get(key) as ObjectView | undefined
  return object?.metadata?.uid === uid ? object : undefined
}

export const itemOf = (monitor: Monitor, object: ObjectView): Item => ({
  monitor,
  key: keyOf(object as KubeObject),
  uid: object.metadata?.uid ?? '',
})
