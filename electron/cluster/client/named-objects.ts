import type { KubeObject } from '#shared/kube/object.ts'
import type { ResourceType } from '#shared/kube/resources.ts'
import { startInformer, type Informer, type InformerDeps } from './informer.ts'

export interface NamedObject {
  readonly type: ResourceType
  readonly namespace: string
  readonly name: string
}

interface Watched {
  informer: Informer<KubeObject>
  readers: Set<string>
}

/**
 * Single objects, each watched by its name and for as long as somebody reads it: for those who may read nothing else.
 */
export class NamedObjects implements AsyncDisposable {
  readonly #deps: InformerDeps
  readonly #onChange: (reader: string) => void
  readonly #watched = new Map<string, Watched>()
  readonly #byReader = new Map<string, Set<string>>()
  readonly #stopping = new Set<Promise<void>>()

  /** `onChange` is called for every reader of an object that has changed. */
  constructor(deps: InformerDeps, onChange: (reader: string) => void) {
    this.#deps = deps
    this.#onChange = onChange
  }

  /** Watches these for the reader, and nothing else for it any more. */
  want(reader: string, objects: readonly NamedObject[]): void {
    const keys = new Set(objects.map((object) => this.#watch(object, reader)))
    const before = this.#byReader.get(reader)
    if (keys.size) this.#byReader.set(reader, keys)
    else this.#byReader.delete(reader)
    for (const key of before ?? []) if (!keys.has(key)) this.#release(key, reader)
  }

  /** Undefined when nobody wants the object. */
  informer(object: NamedObject): Informer<KubeObject> | undefined {
    return this.#watched.get(keyFor(object))?.informer
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { informer } of this.#watched.values()) this.#stop(informer)
    this.#watched.clear()
    await Promise.all(this.#stopping)
  }

  #watch(object: NamedObject, reader: string): string {
    const key = keyFor(object)
    const existing = this.#watched.get(key)
    if (existing) {
      existing.readers.add(reader)
      return key
    }
    const { type, namespace, name } = object
    const informer = startInformer(this.#deps, type, { namespace, fieldSelector: `metadata.name=${name}` })
    const readers = new Set([reader])
    const changed = () => {
      for (const each of readers) this.#onChange(each)
    }
    informer.handle({ add: (_, initial) => initial || changed(), update: changed, delete: changed })
    this.#watched.set(key, { informer, readers })
    return key
  }

  #release(key: string, reader: string): void {
    const watched = this.#watched.get(key)
    watched?.readers.delete(reader)
    if (!watched || watched.readers.size) return
    this.#watched.delete(key)
    this.#stop(watched.informer)
  }

  #stop(informer: Informer<KubeObject>): void {
    const stop = async () => {
      await informer[Symbol.asyncDispose]()
      this.#stopping.delete(stopped)
    }
    const stopped = stop()
    this.#stopping.add(stopped)
  }
}

const keyFor = ({ type, namespace, name }: NamedObject): string => `${type.plural}/${namespace}/${name}`
