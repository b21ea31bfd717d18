import { keyOf, type KubeObject } from '#shared/kube/object.ts'
import type { ResourceType } from '#shared/kube/resources.ts'
import type { WriteAction } from './action.ts'

/** The part of an informer that is asked here. */
export interface WrittenCache {
  readonly type: Pick<ResourceType, 'group' | 'plural'>
  readonly revision: string | undefined
  readonly lister: { get(key: string): object | undefined }
}

interface Pending {
  readonly cache: WrittenCache
  /** The revision that must have been seen; for deletions the object that must be gone or going. */
  readonly revision?: number
  readonly deleted?: { readonly key: string; readonly uid: string | undefined }
}

/**
 * What was written for a key and may not be in the caches yet. Deciding from a cache that lacks one's own last
 * decision leads to conflicts at best and to doubled objects at worst.
 */
export class OwnWrites {
  readonly #caches: ReadonlyMap<string, WrittenCache>
  readonly #pending = new Map<string, Pending[]>()

  constructor(caches: readonly WrittenCache[]) {
    this.#caches = new Map(caches.map((cache) => [nameOf(cache.type), cache]))
  }

  record(key: string, action: WriteAction, answer: KubeObject): void {
    const cache = this.#caches.get(nameOf(action.type))
    if (!cache) return
    const pending = action.verb === 'delete' ? deletion(cache, answer) : revision(cache, answer)
    if (isVisible(pending)) return
    const all = this.#pending.get(key)
    if (all) all.push(pending)
    else this.#pending.set(key, [pending])
  }

  visible(key: string): boolean {
    const all = this.#pending.get(key)
    if (!all) return true
    const left = all.filter((pending) => !isVisible(pending))
    if (left.length) this.#pending.set(key, left)
    else this.#pending.delete(key)
    return left.length === 0
  }
}

const nameOf = (type: { group: string; plural: string }): string => `${type.plural}.${type.group}`

const revision = (cache: WrittenCache, answer: KubeObject): Pending => ({
  cache,
  revision: Number(answer.metadata?.resourceVersion),
})

function deletion(cache: WrittenCache, answer: KubeObject): Pending {
  const key = keyOf(answer)
  return { cache, deleted: { key, uid: cached(cache, key)?.uid } }
}

function isVisible({ cache, revision: wanted, deleted }: Pending): boolean {
  if (deleted) {
    const now = cached(cache, deleted.key)
    return !now || now.uid !== deleted.uid || now.deletionTimestamp !== undefined
  }
  // A cache that has lost its place shows an old state until it has been listed anew.
  if (cache.revision === undefined) return false
  // Revisions are numbers of one sequence (KEP-5504); one that is not is not waited for.
  return !(Number(cache.revision) < (wanted ?? 0))
}

const cached = (cache: WrittenCache, key: string) => (cache.lister.get(key) as KubeObject | undefined)?.metadata
