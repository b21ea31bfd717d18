import { keyOf, type Frozen, type KubeObject } from '#shared/kube/object.ts'
import type { ResourceType } from '#shared/kube/resources.ts'
import { matches, type Selector } from '#shared/kube/selectors.ts'
import type { TraceRef } from '../../base/trace.ts'
import type { Index } from '../../client/cache.ts'
import { referenceTo } from '../../client/event-recorder.ts'
import type { Informer } from '../../client/informer.ts'
import { controllerOf } from './support/owner-references.ts'
import type { Watch } from './controller.ts'
import type { Expectations } from './expectations.ts'

/** Children by the uid of their controller; those without one by namespace. No event costs a scan of all objects. */
export interface ChildIndexes<C> {
  readonly byController: Index<C>
  readonly orphans: Index<C>
}

export const childIndexes = <C extends KubeObject>(children: Informer<C>): ChildIndexes<C> => ({
  byController: children.index('controller', (child) => {
    const owner = controllerOf(child as KubeObject)
    return owner ? [owner.uid] : []
  }),
  orphans: children.index('orphans', (child) => {
    const object = child as KubeObject
    return controllerOf(object) ? [] : [object.metadata?.namespace ?? '']
  }),
})

export interface OwnedOptions<C, O> {
  readonly children: Informer<C & KubeObject>
  readonly owners: Informer<O & KubeObject>
  readonly ownerType: ResourceType
  /** Which children the owner would adopt. */
  readonly selector: (owner: Frozen<O>) => Selector
  readonly expectations?: Expectations
  /** Children that are no news to their controller when they appear. */
  readonly ignores?: (child: Frozen<C>) => boolean
  /** False for changes that cannot matter. Changes of owner, labels and deletionTimestamp always do. */
  readonly relevant?: (child: Frozen<C>, old: Frozen<C>) => boolean
}

/**
 * Maps events of children to the keys of their controllers, and of orphans to the keys of those that may adopt them;
 * lowers expectations as creations and deletions are seen.
 */
export function owned<C extends KubeObject, O extends KubeObject>(options: OwnedOptions<C, O>): Watch {
  const { owners, children, ownerType, selector, expectations } = options

  const ownerKey = (child: KubeObject): string | undefined => {
    const reference = controllerOf(child)
    if (!reference || reference.kind !== ownerType.kind) return undefined
    const key = keyOf({ metadata: { namespace: child.metadata?.namespace ?? '', name: reference.name } })
    const owner = owners.lister.get(key) as KubeObject | undefined
    // An owner of the same name but another uid is another object.
    return owner?.metadata?.uid === reference.uid ? key : undefined
  }
  const adopters = (orphan: KubeObject): string[] =>
    owners.lister
      .list(orphan.metadata?.namespace)
      .filter((owner) => matches(selector(owner as Frozen<O>), orphan.metadata?.labels))
      .map((owner) => keyOf(owner as KubeObject))

  const created = (child: KubeObject): string[] => {
    if (child.metadata?.deletionTimestamp) return deleted(child)
    if (!controllerOf(child)) return adopters(child)
    const key = ownerKey(child)
    if (key === undefined) return []
    expectations?.created(key)
    return options.ignores?.(child as Frozen<C>) ? [] : [key]
  }
  const changed = (child: KubeObject, old: KubeObject): string[] => {
    const keys = new Set<string>()
    const moved = controllerOf(old)?.uid !== controllerOf(child)?.uid
    const relabelled = !sameLabels(old, child)
    const before = moved ? ownerKey(old) : undefined
    if (before) keys.add(before)
    const deleting = child.metadata?.deletionTimestamp !== old.metadata?.deletionTimestamp
    if (deleting) for (const key of deleted(child)) keys.add(key)
    if (!controllerOf(child)) {
      if (moved || relabelled) for (const key of adopters(child)) keys.add(key)
      return [...keys]
    }
    if (moved || relabelled || (options.relevant?.(child as Frozen<C>, old as Frozen<C>) ?? true)) {
      const key = ownerKey(child)
      if (key) keys.add(key)
    }
    return [...keys]
  }
  const deleted = (child: KubeObject): string[] => {
    const key = ownerKey(child)
    if (key === undefined) return []
    expectations?.deleted(key, keyOf(child))
    return [key]
  }

  return {
    synced: async () => {
      await Promise.all([children.whenSynced(), owners.whenSynced()])
    },
    start(enqueue) {
      const tell = (keys: readonly string[], child: KubeObject) => {
        if (!keys.length) return
        const cause = referenceTo(children.type, child as Frozen<C & KubeObject>) as TraceRef
        for (const key of keys) enqueue(key, cause)
      }
      return children.handle({
        add: (child) => tell(created(child as KubeObject), child as KubeObject),
        update: (child, old) => tell(changed(child as KubeObject, old as KubeObject), child as KubeObject),
        delete: (child) => tell(deleted(child as KubeObject), child as KubeObject),
      })
    },
  }
}

function sameLabels(a: KubeObject, b: KubeObject): boolean {
  const left = a.metadata?.labels ?? {}
  const right = b.metadata?.labels ?? {}
  // Caches share what is equal.
  if (left === right) return true
  const keys = Object.keys(left)
  return keys.length === Object.keys(right).length && keys.every((key) => left[key] === right[key])
}
