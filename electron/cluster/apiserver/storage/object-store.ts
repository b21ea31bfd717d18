import type { KubeObject } from '#shared/kube/object.ts'
import { requestEntityTooLarge } from '#shared/kube/status.ts'
import { freezeDeep } from '../../base/freeze.ts'
import type { Entry, Store, StoreEvent, Write } from '../../store/api.ts'
import { decodeStored, encodeStored, endOfMetadata, metadataIn } from './codec.ts'
import { Derived, derivedOf, RecentObjects } from './derived.ts'
import { translateStoreError } from './errors.ts'
import { FieldIndex } from './field-index.ts'
import { WatchHub } from './watch-hub.ts'

const largestObject = 3 * 1024 * 1024

export interface StoredType {
  /** Such as `/registry/pods/`. */
  readonly prefix: string
  readonly apiVersion: string
  readonly kind: string
  readonly namespaced: boolean
  /** Objects lie in the store in several versions, and each says in which: `apiVersion` is that of those that do not. */
  readonly marked?: boolean
  /** Fields by which lists are often narrowed. */
  readonly indexed: Readonly<Record<string, (object: KubeObject) => string>>
}

export interface ObjectStoreDeps {
  store: Store
  type: StoredType
  /** Freezes what readers share, so that a test notices who writes to it. */
  freeze: boolean
}

interface Written {
  revision: number
  value: Buffer
  derived: Derived
}

/** The stored objects of one type: entries with what is derived from them, and everybody who watches them. */
export class ObjectStore implements Disposable {
  readonly type: StoredType
  readonly hub: WatchHub
  /** Told of writes that were under way when the type came to be served by another store of objects. */
  onLateWrite: ((revision: number) => void) | undefined
  readonly #store: Store
  readonly #freeze: boolean
  readonly #indexes: ReadonlyMap<string, FieldIndex>
  /** What writers know of the entries they are writing, until these come back as events. */
  readonly #written = new Map<string, Written>()
  /** The objects that were written last are at hand until the next are: for watchers, and for what writers are answered. */
  #fresh: Derived[] = []
  readonly #recent = new RecentObjects()

  constructor({ store, type, freeze }: ObjectStoreDeps) {
    this.type = type
    this.#store = store
    this.#freeze = freeze
    this.#indexes = new Map(
      Object.entries(type.indexed).map(([field, read]) => [
        field,
        new FieldIndex((entry) => read(this.glimpse(entry))),
      ]),
    )
    this.hub = new WatchHub({ store, prefix: type.prefix, onEvents: (events) => this.#observe(events) })
  }

  get revision(): number {
    return this.#store.revision
  }

  get store(): Store {
    return this.#store
  }

  /** Undefined when what has been acknowledged anywhere can be read; else a promise of that, rejecting with StatusError. */
  fresh(): Promise<void> | undefined {
    return this.#store.fresh()?.catch((error: unknown) => {
      throw translateStoreError(error)
    })
  }

  keyOf(namespace: string | undefined, name: string): string {
    return this.type.namespaced ? `${this.type.prefix}${namespace ?? ''}/${name}` : this.type.prefix + name
  }

  /** The prefix of everything in a namespace, or of everything. */
  prefixOf(namespace: string | undefined): string {
    return this.type.namespaced && namespace ? `${this.type.prefix}${namespace}/` : this.type.prefix
  }

  get(key: string): Entry | undefined {
    return this.#store.get(key)
  }

  /** What the next writer is compared against: pending writes included. */
  latest(key: string): Entry | undefined {
    return this.#store.latest(key)
  }

  derived(entry: Entry): Derived {
    if (entry.derived === undefined) {
      const written = this.#written.get(entry.key)
      if (written && isOf(written, entry)) entry.derived = written.derived
    }
    return derivedOf(entry)
  }

  /** The object in its storage version, shared by all readers: not to be changed. */
  object(entry: Entry): KubeObject {
    return this.#recent.of(this.derived(entry), entry.value.length, () => this.#guard(this.copy(entry)))
  }

  /** The same for readers that pass over many: what nobody holds is decoded for them alone and let go at once. */
  glimpse(entry: Entry): KubeObject {
    return this.derived(entry).object ?? this.#guard(this.copy(entry))
  }

  /** The object in its storage version, the caller's own. */
  copy(entry: Entry): KubeObject {
    return decodeStored(entry.value, this.type.apiVersion, this.type.kind)
  }

  labels(entry: Entry): Readonly<Record<string, string>> | undefined {
    const derived = this.derived(entry)
    if (derived.labels === undefined) derived.labels = this.glimpse(entry).metadata?.labels ?? null
    return derived.labels ?? undefined
  }

  /** The bytes of its metadata, neither decoded nor copied. */
  metadata(entry: Entry): Buffer {
    const derived = this.derived(entry)
    return metadataIn(entry.value, (derived.metadataEnd ||= endOfMetadata(entry.value)))
  }

  /** Keys of the newest state whose field has the value, in order; undefined where the field has no index. */
  indexed(field: string, value: string): string[] | undefined {
    const index = this.#indexes.get(field)
    if (!index) return this.#store.keysWhere?.(field, value)
    if (!index.filled) index.fill(this.#store.range(this.type.prefix))
    return index.keys(value)
  }

  /** The write that stores the object, which from then on belongs to all readers. */
  putting(key: string, object: KubeObject, expect: number): Write {
    return {
      key,
      expect,
      value: (revision) => {
        const { value, metadataEnd } = encodeStored(object, revision, this.type.marked)
        // Else patches could make of it what no request could bring. etcd takes half of that.
        if (value.length > largestObject) throw requestEntityTooLarge('etcdserver: request is too large')
        const derived = new Derived()
        derived.metadataEnd = metadataEnd
        derived.object = this.#guard(object)
        derived.labels = object.metadata?.labels ?? null
        this.#written.set(key, { revision, value, derived })
        return value
      },
    }
  }

  /** The write that removes the entry; `last` is the state that watchers are shown, the caller's own. */
  removing(key: string, expect: number, last: KubeObject): Write {
    const tombstone = (revision: number) => encodeStored(last, revision, this.type.marked).value
    return { key, expect, value: undefined, tombstone }
  }

  /**
   * Resolves when it is durable. Rejects with ExpectationError when the key is not at the expected revision. `beside` is
   * written with it, or not at all.
   */
  async put(key: string, object: KubeObject, expect: number, beside: readonly Write[] = []): Promise<Entry> {
    return this.#one(this.putting(key, object, expect), beside)
  }

  async remove(key: string, expect: number, last: KubeObject): Promise<Entry> {
    return this.#one(this.removing(key, expect, last))
  }

  async #one(write: Write, beside: readonly Write[] = []): Promise<Entry> {
    try {
      const [entry] = await this.#store.write([write, ...beside])
      // Not yet so where the revision was another than foreseen.
      if (this.#store.latest(write.key)?.revision === entry!.revision) this.#written.delete(write.key)
      this.onLateWrite?.(entry!.revision)
      return entry!
    } catch (error) {
      const left = this.#written.get(write.key)
      if (left && this.#store.latest(write.key)?.revision !== left.revision) this.#written.delete(write.key)
      throw error
    }
  }

  #guard(object: KubeObject): KubeObject {
    return this.#freeze ? freezeDeep(object) : object
  }

  /** Runs before any watcher sees the events: they find on the entries what their writers knew. */
  #observe(events: readonly StoreEvent[]): void {
    for (const derived of this.#fresh) derived.object = undefined
    this.#fresh = []
    for (const { type, entry, previous } of events) {
      const written = this.#written.get(entry.key)
      if (written && written.revision <= entry.revision) {
        this.#written.delete(entry.key)
        if (isOf(written, entry)) {
          entry.derived = written.derived
          this.#fresh.push(written.derived)
        }
      }
      for (const index of this.#indexes.values()) index.observe(entry, type === 'put', previous)
    }
  }

  [Symbol.dispose](): void {
    this.hub[Symbol.dispose]()
  }
}

/** In a shared store another process may have written at the revision that was foreseen for this one. */
const isOf = (written: Written, { revision, value }: Entry): boolean =>
  written.revision === revision && written.value.equals(value)
