import { configMaps, secrets, type ResourceType } from '#shared/kube/resources.ts'
import type { InformerDeps } from '../../client/informer.ts'
import { NamedObjects } from '../../client/named-objects.ts'
import { uidOf, type ConfigMap, type Pod, type Secret } from '../types.ts'
import { referencesOf } from './collect.ts'

/** How long a first look at an object may take. */
const syncTimeout = 10_000

/**
 * The ConfigMaps and Secrets that this node's pods refer to, each watched for as long as a pod refers to it: a node may
 * read nothing else.
 */
export class ReferencedObjects implements AsyncDisposable {
  readonly #deps: InformerDeps
  readonly #objects: NamedObjects

  /** `onChange` is called for every pod that reads an object that has changed. */
  constructor(deps: InformerDeps, onChange: (podUid: string) => void) {
    this.#deps = deps
    this.#objects = new NamedObjects(deps, onChange)
  }

  /** Watches what the pod refers to. Called again when its spec has changed (ephemeral containers). */
  register(pod: Pod): void {
    const namespace = pod.metadata?.namespace ?? ''
    const references = referencesOf(pod)
    const named = (type: ResourceType, names: ReadonlySet<string>) =>
      [...names].map((name) => ({ type, namespace, name }))
    this.#objects.want(uidOf(pod), [...named(configMaps, references.configMaps), ...named(secrets, references.secrets)])
  }

  unregister(podUid: string): void {
    this.#objects.want(podUid, [])
  }

  /** Undefined when there is none. Rejects when the server cannot be asked in time. */
  configMap(namespace: string, name: string): Promise<ConfigMap | undefined> {
    return this.#get(configMaps, namespace, name) as Promise<ConfigMap | undefined>
  }

  secret(namespace: string, name: string): Promise<Secret | undefined> {
    return this.#get(secrets, namespace, name) as Promise<Secret | undefined>
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#objects[Symbol.asyncDispose]()
  }

  async #get(type: ResourceType, namespace: string, name: string): Promise<unknown> {
    const informer = this.#objects.informer({ type, namespace, name })
    if (!informer) throw new Error(`object ${JSON.stringify(namespace)}/${JSON.stringify(name)} not registered`)
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
}
