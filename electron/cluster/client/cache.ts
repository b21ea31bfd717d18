import { keyOf, type Frozen, type KubeObject } from '#shared/kube/object.ts'

/** A group of cached objects by a value derived from each of them. */
export interface Index<T> {
  get(value: string): readonly Frozen<T>[]
  /** How many objects `get` would answer, without collecting them. */
  count(value: string): number
  values(): IterableIterator<string>
}

/** What an informer knows, for reading. Objects are those of the cache: deeply readonly. */
export interface Lister<T> {
  /** By `namespace/name`, or `name` for cluster-scoped kinds. */
  get(key: string): Frozen<T> | undefined
  /** All, or those of one namespace. */
  list(namespace?: string): readonly Frozen<T>[]
  readonly size: number
}

class CacheIndex<T> implements Index<T> {
  readonly #values: (object: Frozen<T>) => readonly string[]
  readonly #buckets = new Map<string, Map<string, Frozen<T>>>()

  constructor(values: (object: Frozen<T>) => readonly string[]) {
    this.#values = values
  }

  get(value: string): readonly Frozen<T>[] {
    const bucket = this.#buckets.get(value)
    return bucket ? [...bucket.values()] : []
  }

  count(value: string): number {
    return this.#buckets.get(value)?.size ?? 0
  }

  values(): IterableIterator<string> {
    return this.#buckets.keys()
  }

  put(key: string, object: Frozen<T>, old: Frozen<T> | undefined): void {
    const values = this.#values(object)
    if (old)
      for (const value of this.#values(old)) {
        if (!values.includes(value)) this.#drop(value, key)
      }
    for (const value of values) {
      const bucket = this.#buckets.get(value)
      if (bucket) bucket.set(key, object)
      else this.#buckets.set(value, new Map([[key, object]]))
    }
  }

  remove(key: string, old: Frozen<T>): void {
    for (const value of this.#values(old)) this.#drop(value, key)
  }

  #drop(value: string, key: string): void {
    const bucket = this.#buckets.get(value)
    bucket?.delete(key)
    if (bucket?.size === 0) this.#buckets.delete(value)
  }
}

/** Objects of one kind by key, with indexes kept up to date on every write. */
export class Cache<T extends KubeObject> implements Lister<T> {
  readonly #objects = new Map<string, Frozen<T>>()
  readonly #indexes = new Map<string, CacheIndex<T>>()
  readonly #byNamespace: Index<T>

  constructor() {
    this.#byNamespace = this.index('namespace', (object) => {
      const namespace = (object as KubeObject).metadata?.namespace
      return namespace ? [namespace] : []
    })
  }

  get size(): number {
    return this.#objects.size
  }

  get(key: string): Frozen<T> | undefined {
    return this.#objects.get(key)
  }

  keys(): IterableIterator<string> {
    return this.#objects.keys()
  }

  list(namespace?: string): readonly Frozen<T>[] {
    return namespace ? this.#byNamespace.get(namespace) : [...this.#objects.values()]
  }

  /** The index of this name; made and filled at the first call. `values` must depend on the object alone. */
  index(name: string, values: (object: Frozen<T>) => readonly string[]): Index<T> {
    const existing = this.#indexes.get(name)
    if (existing) return existing
    const index = new CacheIndex(values)
    for (const [key, object] of this.#objects) index.put(key, object, undefined)
    this.#indexes.set(name, index)
    return index
  }

  /** Returns what was there before. */
  put(object: Frozen<T>): Frozen<T> | undefined {
    const key = keyOf(object as KubeObject)
    const old = this.#objects.get(key)
    this.#objects.set(key, object)
    for (const index of this.#indexes.values()) index.put(key, object, old)
    return old
  }

  remove(key: string): Frozen<T> | undefined {
    const old = this.#objects.get(key)
    if (old === undefined) return undefined
    this.#objects.delete(key)
    for (const index of this.#indexes.values()) index.remove(key, old)
    return old
  }
}
