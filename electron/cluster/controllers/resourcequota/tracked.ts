import type { Frozen, KubeObject } from '#shared/kube/object.ts'
import { idOf, isCounted, releasedAt } from '#shared/kube/quota/usage.ts'
import type { Pod } from '#shared/kube/quota/types.ts'
import type { ResourceType } from '#shared/kube/resources.ts'
import type { TraceRef } from '../../base/trace.ts'
import type { Discovery } from '../../client/api.ts'
import { referenceTo } from '../../client/event-recorder.ts'
import type { InformerFactory } from '../../client/informer-factory.ts'
import type { Informer } from '../../client/informer.ts'
import { equal } from '../framework/support/equality.ts'
import { isPodTerminal, type PodView } from '../framework/support/pods.ts'

export type Kind = Pick<ResourceType, 'group' | 'plural'>

export interface Listener {
  /** Whether anybody wants to know what a namespace uses of a kind. */
  cares(kind: Kind, namespace: string): boolean
  /** Something happened that may change it. */
  changed(kind: Kind, namespace: string, cause: TraceRef): void
}

/** The caches of the kinds that quotas limit, each from the first time that it is asked for. */
export class TrackedKinds {
  readonly #deps: { informers: InformerFactory; discovery: Discovery }
  readonly #listener: Listener
  readonly #handled = new Map<string, { informer: Informer<KubeObject>; end: () => void }>()
  #served = new Map<string, ResourceType>()

  constructor(deps: { informers: InformerFactory; discovery: Discovery }, listener: Listener) {
    this.#deps = deps
    this.#listener = listener
  }

  /** Undefined when the kind is not served. Resolves when all that there is of it is in the cache. */
  async of(kind: Kind, signal: AbortSignal): Promise<Informer<KubeObject> | undefined> {
    const type = await this.#type(kind)
    if (!type) return undefined
    const informer: Informer<KubeObject> = this.#deps.informers.for(type, isCounted(kind) ? { metadataOnly: true } : {})
    await informer.whenSynced(signal)
    const known = this.#handled.get(idOf(kind))
    if (known?.informer === informer || signal.aborted) return informer
    known?.end()
    const tell = (object: Frozen<KubeObject>, old?: Frozen<KubeObject>) => {
      const namespace = object.metadata?.namespace ?? ''
      if (!this.#listener.cares(kind, namespace) || (old && !matters(kind, object, old))) return
      this.#listener.changed(kind, namespace, referenceTo(type, object) as TraceRef)
    }
    const end = informer.handle({
      add: (object, initial) => void (initial || tell(object)),
      update: tell,
      delete: (object) => tell(object),
    })
    this.#handled.set(idOf(kind), { informer, end })
    return informer
  }

  /** Kinds have come or gone. */
  forgetServed(): void {
    this.#served = new Map()
  }

  stop(): void {
    for (const { end } of this.#handled.values()) end()
    this.#handled.clear()
  }

  async #type(kind: Kind): Promise<ResourceType | undefined> {
    const id = idOf(kind)
    if (!this.#served.has(id)) {
      const { resources } = await this.#deps.discovery.resources()
      const countable = resources.filter(
        ({ namespaced, verbs }) =>
          namespaced && ['create', 'list', 'watch', 'delete'].every((verb) => verbs.includes(verb)),
      )
      this.#served = new Map(countable.map((type) => [idOf(type), type]))
    }
    return this.#served.get(id)
  }
}

/** Whether a change of an object may change what it uses. */
function matters(kind: Kind, object: Frozen<KubeObject>, old: Frozen<KubeObject>): boolean {
  if (isCounted(kind)) return false
  if (kind.plural === 'pods')
    return (
      isPodTerminal(object as PodView) !== isPodTerminal(old as PodView) ||
      releasedAt(object as Pod) !== releasedAt(old as Pod) ||
      !equal((object as PodView).spec, (old as PodView).spec)
    )
  const parts = ({
    spec,
    status,
    metadata,
  }: {
    spec?: unknown
    status?: unknown
    metadata?: { annotations?: object }
  }) => [spec, kind.plural === 'persistentvolumeclaims' ? [status, metadata?.annotations] : undefined]
  return !equal(parts(object as object), parts(old as object))
}
