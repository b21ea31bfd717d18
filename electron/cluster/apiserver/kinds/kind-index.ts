import type { KubeObject } from '#shared/kube/object.ts'
import type { Store } from '../../store/api.ts'
import type { KindDefinition } from '../registry/kind.ts'
import { ObjectStore } from '../storage/object-store.ts'
import { RecentMessages } from '../storage/recent-messages.ts'
import { ServedKind } from './served-kind.ts'

export interface KindIndexDeps {
  store: Store
  kinds: readonly KindDefinition[]
  freeze: boolean
}

/** Every kind that is served, found by group, version and plural. Versions of one object share one ObjectStore. */
export class KindIndex implements Disposable {
  readonly #byPath = new Map<string, ServedKind>()
  readonly #objects = new Map<string, ObjectStore>()
  readonly #messages = new RecentMessages()
  readonly #deps: KindIndexDeps
  #changes = 0

  constructor(deps: KindIndexDeps) {
    this.#deps = deps
    for (const kind of deps.kinds) this.add(kind, deps.kinds)
  }

  add(definition: KindDefinition, among: readonly KindDefinition[]): ServedKind {
    const served = new ServedKind(
      definition,
      definition.virtual || isNeverStored(definition) ? undefined : this.#storeOf(definition, among),
      this.#messages,
    )
    this.#byPath.set(pathOf(definition.group, definition.version, definition.plural), served)
    return served
  }

  /**
   * Serves a resource in these versions from now on, in place of those that it had; with none it is served no longer.
   * Whoever watches it is let go, and what was derived from its objects is forgotten.
   */
  replace(group: string, plural: string, definitions: readonly KindDefinition[]): void {
    for (const [path, { definition }] of this.#byPath) {
      if (definition.group !== group || definition.plural !== plural) continue
      this.#byPath.delete(path)
      this.#forget(`/registry/${definition.storagePrefix ?? definition.plural}/`, definitions)
    }
    for (const definition of definitions) this.add(definition, definitions)
    this.#changes++
  }

  /** A kind of which objects are stored though none are served any longer. */
  unserved(definition: KindDefinition): ServedKind {
    return new ServedKind(definition, this.#storeOf(definition, [definition]), this.#messages)
  }

  /** How often the set of kinds has changed. */
  get changes(): number {
    return this.#changes
  }

  #forget(prefix: string, followers: readonly KindDefinition[]): void {
    const objects = this.#objects.get(prefix)
    if (objects) {
      objects[Symbol.dispose]()
      // Writers that began before do so by the rules of before: what they write is brought up to date like the rest.
      objects.onLateWrite = (revision) => {
        for (const { custom } of followers) if (custom && custom.since < revision) custom.since = revision
      }
    }
    this.#objects.delete(prefix)
    for (const entry of this.#deps.store.range(prefix)) entry.derived = undefined
  }

  get all(): IterableIterator<ServedKind> {
    return this.#byPath.values()
  }

  get stores(): IterableIterator<ObjectStore> {
    return this.#objects.values()
  }

  find(group: string, version: string, plural: string): ServedKind | undefined {
    return this.#byPath.get(pathOf(group, version, plural))
  }

  /** The version of a resource that the server stores, or the first that it serves. */
  resource(group: string, plural: string): ServedKind | undefined {
    let first: ServedKind | undefined
    for (const served of this.#byPath.values()) {
      const { definition } = served
      if (definition.group !== group || definition.plural !== plural) continue
      if (!definition.convert) return served
      first ??= served
    }
    return first
  }

  /** The kind of that name in a group and version. */
  ofKind(group: string, version: string, kind: string): ServedKind | undefined {
    for (const served of this.#byPath.values()) {
      const { definition } = served
      if (definition.kind === kind && definition.group === group && definition.version === version) return served
    }
    return undefined
  }

  /** Whether anything of the group, or of that version of it, is served. */
  serves(group: string, version?: string): boolean {
    for (const { definition } of this.#byPath.values()) {
      if (definition.group === group && (version === undefined || definition.version === version)) return true
    }
    return false
  }

  #storeOf(definition: KindDefinition, among: readonly KindDefinition[]): ObjectStore {
    const prefix = `/registry/${definition.storagePrefix ?? definition.plural}/`
    const known = this.#objects.get(prefix)
    if (known) return known
    const storage = definition.convert?.storage ?? definition
    const owner =
      among.find(
        ({ group, version, plural, kind }) =>
          group === storage.group &&
          version === storage.version &&
          plural === definition.plural &&
          kind === definition.kind,
      ) ?? definition
    const read = (field: string) => (object: KubeObject) => owner.selectableFields?.[field]?.(object) ?? ''
    const made = new ObjectStore({
      store: definition.keptIn ?? this.#deps.store,
      freeze: this.#deps.freeze,
      type: {
        prefix,
        apiVersion:
          definition.convertLater?.unmarked ??
          (storage.group ? `${storage.group}/${storage.version}` : storage.version),
        kind: definition.kind,
        namespaced: definition.namespaced,
        ...(definition.convertLater ? { marked: true } : {}),
        indexed: Object.fromEntries((owner.indexedFields ?? []).map((field) => [field, read(field)])),
      },
    })
    this.#objects.set(prefix, made)
    return made
  }

  [Symbol.dispose](): void {
    for (const objects of this.#objects.values()) objects[Symbol.dispose]()
  }
}

/** Kinds that can neither be read nor listed have nothing stored: bindings, evictions. */
const isNeverStored = ({ verbs }: KindDefinition): boolean =>
  verbs !== undefined && !verbs.includes('get') && !verbs.includes('list')

const pathOf = (group: string, version: string, plural: string): string => `${group}/${version}/${plural}`
