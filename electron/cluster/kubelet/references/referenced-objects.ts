import type { KubeObject } from '#shared/kube/object.ts'
import { configMaps, secrets, type ResourceType } from '#shared/kube/resources.ts'
import { startInformer, type Informer, type InformerDeps } from '../../client/informer.ts'
import { uidOf, type ConfigMap, type Pod, type Secret } from '../types.ts'
import { referencesOf } from './collect.ts'

/** How long a first look at an object may take. */
const syncTimeout = 10_000

interface Watched {
  informer: Informer<KubeObject>
  /** Uids of the pods that read it. */
  readers: Set<string>
}

/**
 * The ConfigMaps and Secrets that this node's pods refer to, each watched by its name and for as long as a pod refers
 * to it: a node may read nothing else.
 */
export class ReferencedObjects implements AsyncDisposable {
  readonly #deps: InformerDeps
  readonly #onChange: (podUid: string) => void
  readonly #watched = new Map<string, Watched>()
  readonly #byPod = new Map<string, Set<string>>()
  readonly #stopping = new Set<Promise<void>>()

  /** `onChange` is called for every pod that reads an object that has changed. */
  constructor(deps: InformerDeps, onChange: (podUid: string) => void) {
    this.#deps = deps
    this.#onChange = onChange
  }

  /** Watches what the pod refers to. Called again when its spec has changed (ephemeral containers). */
  register(pod: Pod): void {
    const uid = uidOf(pod)
    const namespace = pod.metadata?.namespace ?? ''
    const references = referencesOf(pod)
    const keys = new Set<string>()
    const watch = (type: ResourceType, names: ReadonlySet<string>) => {
      for (const name of names) keys.add(this.#watch(type, namespace, name, uid))
    }
    watch(configMaps, references.configMaps)
    watch(secrets, references.secrets)
    const before = this.#byPod.get(uid)
    this.#byPod.set(uid, keys)
    for (const key of before ?? []) if (!keys.has(key)) this.#release(key, uid)
  }

  unregister(podUid: string): void {
    for (const key of this.#byPod.get(podUid) ?? []) this.#release(key, podUid)
    this.#byPod.delete(podUid)
  }

  /** Undefined when there is none. Rejects when the server cannot be asked in time. */
  configMap(namespace: string, name: string): Promise<ConfigMap | undefined> {
    return this.#get(configMaps, namespace, name) as Promise<ConfigMap | undefined>
  }

  secret(namespace: string, name: string): Promise<Secret | undefined> {
    return this.#get(secrets, namespace, name) as Promise<Secret | undefined>
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { informer } of this.#watched.values()) this.#stop(informer)
    this.#watched.clear()
    await Promise.all(this.#stopping)
  }

  async #get(type: ResourceType, namespace: string, name: string): Promise<unknown> {
    const watched = this.#watched.get(keyFor(type, namespace, name))
    if (!watched) throw new Error(`object ${JSON.stringify(namespace)}/${JSON.stringify(name)} not registered`)
    const { informer } = watched
    if (!informer.hasSynced) {
      const timeout = new AbortController()
      const cancel = this.#deps.clock.after(syncTimeout, () => timeout.abort())
      await informer.whenSynced(timeout.signal).catch(() => {
        throw new Error(`failed to sync ${type.kind.toLowerCase()} cache: timed out waiting for the condition`)
      })
      cancel()
    }
    return informer.lister.get(`${namespace}/${name}`)
  }

  #watch(type: ResourceType, namespace: string, name: string, reader: string): string {
    const key = keyFor(type, namespace, name)
    const existing = this.#watched.get(key)
    if (existing) {
      existing.readers.add(reader)
      return key
    }
    const informer = startInformer(this.#deps, type, { namespace, fieldSelector: `metadata.name=${name}` })
    const readers = new Set([reader])
    const changed = () => {
      for (const uid of readers) this.#onChange(uid)
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

const keyFor = (type: ResourceType, namespace: string, name: string): string => `${type.plural}/${namespace}/${name}`
