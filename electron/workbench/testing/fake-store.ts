import jsonPatch from 'fast-json-patch'
import type { KubeObject } from '#shared/kube/object.ts'
import { matches, parseSelector } from '#shared/kube/selectors.ts'

export interface Collection {
  group: string
  version: string
  plural: string
  namespace?: string
}

export interface StoredEvent {
  revision: number
  collection: string
  type: 'ADDED' | 'MODIFIED' | 'DELETED'
  object: KubeObject
}

type Json = Record<string, unknown>

const collectionKey = ({ group, plural }: Pick<Collection, 'group' | 'plural'>): string => `${group}/${plural}`

/** Objects by collection, with one revision over all of them and the events since the last compaction. */
export class FakeStore {
  revision = 100
  /** Events up to here are forgotten. */
  compacted = 0
  #objects = new Map<string, Map<string, KubeObject>>()
  #events: StoredEvent[] = []
  #watchers = new Set<(event: StoredEvent) => void>()
  #uids = 0

  put<T extends KubeObject>(collection: Collection, object: T): T {
    const { namespace = object.metadata?.namespace } = collection
    const name = object.metadata?.name ?? ''
    const all = this.#of(collection)
    const before = all.get(`${namespace ?? ''}/${name}`)
    const stored = {
      ...object,
      apiVersion: collection.group ? `${collection.group}/${collection.version}` : collection.version,
      metadata: {
        creationTimestamp: '2026-01-01T00:00:00Z',
        ...object.metadata,
        name,
        ...(namespace ? { namespace } : {}),
        uid: before?.metadata?.uid ?? object.metadata?.uid ?? `uid-${++this.#uids}`,
        resourceVersion: String(++this.revision),
      },
    }
    all.set(`${namespace ?? ''}/${name}`, stored)
    this.#tell({
      revision: this.revision,
      collection: collectionKey(collection),
      type: before ? 'MODIFIED' : 'ADDED',
      object: stored,
    })
    return stored
  }

  remove(collection: Collection, name: string): KubeObject | undefined {
    const all = this.#of(collection)
    const key = `${collection.namespace ?? ''}/${name}`
    const object = all.get(key)
    if (!object) return undefined
    all.delete(key)
    const last = { ...object, metadata: { ...object.metadata, resourceVersion: String(++this.revision) } }
    this.#tell({ revision: this.revision, collection: collectionKey(collection), type: 'DELETED', object: last })
    return last
  }

  get(collection: Collection, name: string): KubeObject | undefined {
    return this.#of(collection).get(`${collection.namespace ?? ''}/${name}`)
  }

  list(collection: Collection, query: URLSearchParams): KubeObject[] {
    return [...this.#of(collection).values()].filter((object) => selects(collection, query, object))
  }

  eventsSince(revision: number): StoredEvent[] {
    return this.#events.filter((event) => event.revision > revision)
  }

  onEvent(callback: (event: StoredEvent) => void): () => void {
    this.#watchers.add(callback)
    return () => this.#watchers.delete(callback)
  }

  compact(): void {
    this.compacted = this.revision
    this.#events = []
  }

  #of(collection: Collection): Map<string, KubeObject> {
    const key = collectionKey(collection)
    if (!this.#objects.has(key)) this.#objects.set(key, new Map())
    return this.#objects.get(key)!
  }

  #tell(event: StoredEvent): void {
    this.#events.push(event)
    for (const watcher of this.#watchers) watcher(event)
  }
}

export function selects({ namespace }: Collection, query: URLSearchParams, object: KubeObject): boolean {
  const { metadata } = object
  if (namespace !== undefined && metadata?.namespace !== namespace) return false
  if (!matches(parseSelector(query.get('labelSelector') ?? ''), metadata?.labels ?? {})) return false
  const name = /metadata\.name=([^,]+)/.exec(query.get('fieldSelector') ?? '')?.[1]
  return name === undefined || metadata?.name === name
}

export const isOf = (collection: Collection, event: StoredEvent): boolean =>
  event.collection === collectionKey(collection)

/** Each kind of patch, as far as tests need it: lists of named items are merged by name under `strategic`. */
export function patched(object: KubeObject, type: string, patch: unknown): KubeObject {
  if (type === 'application/json-patch+json')
    return jsonPatch.applyPatch(structuredClone(object), patch as never).newDocument
  return merged(object, patch, type !== 'application/merge-patch+json') as KubeObject
}

function merged(target: unknown, patch: unknown, byName: boolean): unknown {
  if (
    Array.isArray(patch) &&
    Array.isArray(target) &&
    byName &&
    patch.every((item: Json) => typeof item['name'] === 'string')
  ) {
    const added = patch.filter((item: Json) => !target.some((known: Json) => known['name'] === item['name']))
    return [
      ...target.map((known: Json) =>
        merged(known, patch.find((item: Json) => item['name'] === known['name']) ?? {}, byName),
      ),
      ...(added as Json[]),
    ]
  }
  if (typeof patch !== 'object' || patch === null || Array.isArray(patch)) return patch
  const { $patch: directive, ...fields } = patch as Json
  const result: Json =
    directive === 'replace' || typeof target !== 'object' || target === null || Array.isArray(target)
      ? {}
      : { ...(target as Json) }
  for (const [key, value] of Object.entries(fields)) {
    if (value === null) delete result[key]
    else result[key] = merged(result[key], value, byName)
  }
  return result
}
