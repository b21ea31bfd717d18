import type { KubeObject } from '#shared/kube/object.ts'
import { apiVersionOf, type ResourceType } from '#shared/kube/resources.ts'
import { startInformer, type Informer, type InformerDeps, type InformerScope } from './informer.ts'

/** One informer per kind and scope, shared by all who ask, stopped together. */
export class InformerFactory implements AsyncDisposable {
  readonly #deps: InformerDeps
  readonly #informers = new Map<string, Informer<KubeObject>>()

  constructor(deps: InformerDeps) {
    this.#deps = deps
  }

  /** Starts the informer at the first call. One that reads metadata only is served by a whole one where there is one. */
  for<T extends KubeObject>(type: ResourceType<T>, scope: InformerScope = {}): Informer<T> {
    const key = scopeKey(type, scope)
    const whole = scope.metadataOnly
      ? this.#informers.get(scopeKey(type, { ...scope, metadataOnly: false }))
      : undefined
    const existing = this.#informers.get(key) ?? whole
    if (existing) return existing as unknown as Informer<T>
    const informer = startInformer(this.#deps, type, scope)
    this.#informers.set(key, informer as unknown as Informer<KubeObject>)
    return informer
  }

  /** Stops the informer of a kind that is served no more. */
  async forget(type: ResourceType, scope: InformerScope = {}): Promise<void> {
    const key = scopeKey(type, scope)
    const informer = this.#informers.get(key)
    this.#informers.delete(key)
    await informer?.[Symbol.asyncDispose]()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const informers = [...this.#informers.values()]
    this.#informers.clear()
    await Promise.all(informers.map((informer) => informer[Symbol.asyncDispose]()))
  }
}

const scopeKey = (
  type: ResourceType,
  { namespace, labelSelector, fieldSelector, metadataOnly }: InformerScope,
): string =>
  [apiVersionOf(type), type.plural, namespace, labelSelector, fieldSelector, metadataOnly ? 'metadata' : ''].join('|')
