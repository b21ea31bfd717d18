import type { ObjectMeta } from '#shared/kube/object.ts'

export interface FakeObject {
  apiVersion: string
  kind: string
  metadata: ObjectMeta & { name: string; uid: string }
  [field: string]: unknown
}

type Listener = (touched: ReadonlySet<string>) => void

/** Objects by kind (`pods`, `deployments.apps`) and uid, with a revision and listeners. */
export class FakeCluster {
  readonly #kinds = new Map<string, Map<string, FakeObject>>()
  readonly #listeners = new Map<string, Set<Listener>>()
  #revision = 1000
  #uids = 0

  all(kind: string): Map<string, FakeObject> {
    let objects = this.#kinds.get(kind)
    if (!objects) this.#kinds.set(kind, (objects = new Map()))
    return objects
  }

  find(kind: string, namespace: string | undefined, name: string): FakeObject | undefined {
    for (const object of this.all(kind).values()) {
      if (object.metadata.name === name && (object.metadata.namespace ?? '') === (namespace ?? '')) return object
    }
    return undefined
  }

  /** Adds or replaces. Names, uid and times are filled in. */
  put(
    kind: string,
    object: { apiVersion: string; kind: string; metadata: ObjectMeta; [field: string]: unknown },
  ): FakeObject {
    const name = object.metadata.name ?? ''
    const before = this.find(kind, object.metadata.namespace, name)
    const stored = {
      ...object,
      metadata: {
        creationTimestamp: before?.metadata.creationTimestamp ?? new Date().toISOString(),
        generation: 1,
        ...object.metadata,
        name,
        uid: before?.metadata.uid ?? object.metadata.uid ?? `uid-${++this.#uids}`,
        resourceVersion: String(++this.#revision),
      },
    } as FakeObject
    this.all(kind).set(stored.metadata.uid, stored)
    this.#tell(kind, stored.metadata.uid)
    return stored
  }

  /** Many at once, told once: for seeding. */
  fill(kind: string, objects: Iterable<FakeObject>): void {
    const all = this.all(kind)
    for (const object of objects) all.set(object.metadata.uid, object)
  }

  change(kind: string, uid: string, change: (object: FakeObject) => FakeObject): void {
    const before = this.all(kind).get(uid)
    if (!before) return
    const after = change(structuredClone(before))
    this.all(kind).set(uid, { ...after, metadata: { ...after.metadata, resourceVersion: String(++this.#revision) } })
    this.#tell(kind, uid)
  }

  delete(kind: string, uid: string): void {
    if (this.all(kind).delete(uid)) this.#tell(kind, uid)
  }

  onChange(kind: string, listener: Listener): () => void {
    let listeners = this.#listeners.get(kind)
    if (!listeners) this.#listeners.set(kind, (listeners = new Set()))
    listeners.add(listener)
    return () => void listeners.delete(listener)
  }

  #tell(kind: string, uid: string): void {
    for (const listener of this.#listeners.get(kind) ?? []) listener(new Set([uid]))
  }
}
