import { deleteCollection } from '../handlers/collection.ts'
import { ownOperation, type Core } from '../handlers/operation.ts'
import { cleanupFinalizer, setCondition } from '../registry/apiextensions/conditions.ts'
import type { Crd } from '../registry/apiextensions/types.ts'
import type { KindDefinition } from '../registry/kind.ts'
import { ownStatus } from './status.ts'

export interface CleanupDeps {
  core: Core
  /** Looks at a definition again. */
  later(name: string): void
}

const everything = { namespace: undefined, labels: [], fields: [] }
const wholeList = { ...everything, limit: 0, continue: '', revision: undefined, exact: false }

/** Deletes all instances of a definition that is being deleted, and lets it go when the last one is gone. */
export class Cleanup implements Disposable {
  readonly #deps: CleanupDeps
  /** Definitions whose instances are waited for: finalizers hold them. */
  readonly #waiting = new Map<string, Disposable>()

  constructor(deps: CleanupDeps) {
    this.#deps = deps
  }

  /** `kind` is absent where nothing was ever served. */
  async run(
    name: string,
    kind: KindDefinition | undefined,
    update: (change: (crd: Crd) => Crd) => Promise<void>,
  ): Promise<void> {
    const left = kind ? await this.#deleteInstances(name, kind, update) : 0
    if (left) return
    this.forget(name)
    await update((crd) => this.#finished(crd))
  }

  async #deleteInstances(
    name: string,
    definition: KindDefinition,
    update: (change: (crd: Crd) => Crd) => Promise<void>,
  ): Promise<number> {
    const { core } = this.#deps
    await update((crd) =>
      this.#terminating(crd, 'True', 'InstanceDeletionInProgress', 'CustomResource deletion is in progress'),
    )
    const kind = core.kinds.resource(definition.group, definition.plural) ?? core.kinds.unserved(definition)
    const { objects } = kind
    const count = (): number => objects.store.range(objects.type.prefix).length
    if (!this.#waiting.has(name)) {
      const onBatch = () => {
        if (!count()) this.#deps.later(name)
      }
      this.#waiting.set(
        name,
        objects.hub.open(kind.watchFilter(everything), objects.revision, {
          onBatch,
          onEnd: () => this.#waiting.delete(name),
        }),
      )
    }
    await deleteCollection(core, ownOperation(kind, ''), wholeList, {})
    return count()
  }

  #finished(crd: Crd): Crd {
    const next = this.#terminating(crd, 'False', 'InstanceDeletionCompleted', 'removed all instances')
    const { finalizers, ...metadata } = next.metadata!
    const left = finalizers?.filter((finalizer) => finalizer !== cleanupFinalizer) ?? []
    return { ...next, metadata: { ...metadata, ...(left.length ? { finalizers: left } : {}) } }
  }

  #terminating(crd: Crd, status: string, reason: string, message: string): Crd {
    const next = ownStatus(crd)
    setCondition(next, { type: 'Terminating', status, reason, message }, this.#deps.core.clock.now())
    return next
  }

  forget(name: string): void {
    const watch = this.#waiting.get(name)
    this.#waiting.delete(name)
    watch?.[Symbol.dispose]()
  }

  [Symbol.dispose](): void {
    for (const name of this.#waiting.keys()) this.forget(name)
  }
}
