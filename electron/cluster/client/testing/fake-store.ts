import type { KubeObject, ObjectMeta } from '#shared/kube/object.ts'
import { keyOf } from '#shared/kube/object.ts'
import { matchesFields, parseFieldSelector } from '#shared/kube/field-selectors.ts'
import { apiVersionOf, type ResourceType } from '#shared/kube/resources.ts'
import { matches, parseSelector } from '#shared/kube/selectors.ts'
import { expired, notFound } from '#shared/kube/status.ts'
import type { ListOptions, ObjectKey } from '../api.ts'
import { EventQueue } from './events.ts'

export type Meta = { -readonly [K in keyof ObjectMeta]: ObjectMeta[K] }

/** What the fake keeps, of whatever kind. */
export interface Stored extends KubeObject {
  metadata: Meta
  spec?: Record<string, unknown>
  status?: Record<string, unknown>
}

interface Change {
  revision: number
  resource: string
  type: 'ADDED' | 'MODIFIED' | 'DELETED'
  object: Stored
  old: Stored | undefined
}

interface Watcher {
  resource: string
  queue: EventQueue<Stored>
  matches(object: Stored): boolean
}

/** Objects, revisions, history and watchers of the fake API server. Knows no rules of any kind. */
export class FakeStore {
  readonly #objects = new Map<string, Map<string, Stored>>()
  readonly #watchers = new Set<Watcher>()
  #history: Change[] = []
  #compacted = 0
  #revision = 0

  get revision(): number {
    return this.#revision
  }

  get watchers(): number {
    return this.#watchers.size
  }

  /** Objects of one kind by key. */
  table(type: ResourceType): Map<string, Stored> {
    const resource = resourceOf(type)
    const table = this.#objects.get(resource) ?? new Map<string, Stored>()
    this.#objects.set(resource, table)
    return table
  }

  existing(type: ResourceType, { namespace, name }: ObjectKey): Stored {
    const object = this.table(type).get(keyOf({ metadata: { name, ...(namespace ? { namespace } : {}) } }))
    if (!object) throw notFound(type, name)
    return object
  }

  write(type: ResourceType, object: Stored, old: Stored | undefined): Stored {
    object.apiVersion = apiVersionOf(type)
    object.kind = type.kind
    object.metadata.resourceVersion = String(++this.#revision)
    this.table(type).set(keyOf(object), deepFreeze(object))
    this.#announce(type, old ? 'MODIFIED' : 'ADDED', object, old)
    return object
  }

  remove(type: ResourceType, object: Stored, old: Stored): void {
    object.metadata.resourceVersion = String(++this.#revision)
    this.table(type).delete(keyOf(old))
    this.#announce(type, 'DELETED', deepFreeze(object), old)
  }

  /** Throws 410 when the history since `from` is gone. */
  subscribe(type: ResourceType, from: number, options: ListOptions): { queue: EventQueue<Stored>; stop(): void } {
    if (from < this.#compacted) throw expired(`too old resource version: ${from} (${this.#compacted})`)
    const watcher: Watcher = { resource: resourceOf(type), queue: new EventQueue(), matches: matcherOf(options) }
    for (const change of this.#history) if (change.revision > from) deliver(watcher, change)
    this.#watchers.add(watcher)
    return { queue: watcher.queue, stop: () => void this.#watchers.delete(watcher) }
  }

  bookmark(type: ResourceType): void {
    const metadata = { resourceVersion: String(this.#revision) }
    const object = { apiVersion: apiVersionOf(type), kind: type.kind, metadata }
    for (const watcher of this.#watchers)
      if (watcher.resource === resourceOf(type)) watcher.queue.push({ type: 'BOOKMARK', object })
  }

  closeWatches(type?: ResourceType, error?: unknown): void {
    for (const watcher of this.#watchers) {
      if (type && watcher.resource !== resourceOf(type)) continue
      this.#watchers.delete(watcher)
      watcher.queue.end(error)
    }
  }

  compact(): void {
    this.#history = []
    this.#compacted = this.#revision
  }

  #announce(type: ResourceType, event: Change['type'], object: Stored, old: Stored | undefined): void {
    const change = { revision: this.#revision, resource: resourceOf(type), type: event, object, old }
    this.#history.push(change)
    for (const watcher of this.#watchers) deliver(watcher, change)
  }
}

const resourceOf = (type: Pick<ResourceType, 'group' | 'plural'>): string =>
  type.group ? `${type.plural}.${type.group}` : type.plural

export function matcherOf({ namespace, labelSelector, fieldSelector }: ListOptions): (object: Stored) => boolean {
  const labels = parseSelector(labelSelector)
  const fields = parseFieldSelector(fieldSelector)
  return (object) =>
    (!namespace || object.metadata.namespace === namespace) &&
    matches(labels, object.metadata.labels) &&
    matchesFields(fields, (field) => fieldAt(object, field))
}

/** Every path is selectable here; an absent field is the empty string. */
function fieldAt(object: Stored, path: string): string {
  let value: unknown = object
  for (const step of path.split('.')) value = (value as Record<string, unknown> | undefined)?.[step]
  return value === undefined || value === null ? '' : String(value as string | number | boolean)
}

/** An object that starts or stops matching a watch's selectors is added to it or deleted from it. */
function deliver(watcher: Watcher, { resource, type, object, old }: Change): void {
  if (resource !== watcher.resource) return
  const before = old !== undefined && watcher.matches(old)
  const after = type !== 'DELETED' && watcher.matches(object)
  if (before && after) watcher.queue.push({ type: 'MODIFIED', object })
  else if (after) watcher.queue.push({ type: 'ADDED', object })
  else if (before) watcher.queue.push({ type: 'DELETED', object })
}

function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value
  for (const part of Object.values(value)) deepFreeze(part)
  return Object.freeze(value)
}
