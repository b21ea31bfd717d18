import type { KubeObject } from '#shared/kube/object.ts'
import { isNotFound } from '#shared/kube/status.ts'
import { createObject } from '../handlers/create.ts'
import { deleteObject } from '../handlers/delete.ts'
import { ownOperation, type Core } from '../handlers/operation.ts'
import { nameIn, type ServedKind } from '../kinds/served-kind.ts'

const label = 'kube-aggregator.kubernetes.io/automanaged'

/**
 * The APIServices of groups that definitions brought: made when they are served, gone when they are not. Those that
 * somebody made are left alone. Source: kube-apiserver's crdregistration and autoregister controllers.
 */
export class ApiServices {
  readonly #core: Core

  constructor(core: Core) {
    this.#core = core
  }

  /** `served` is by the name of the APIService, such as `v1.stable.example.com`. */
  async settle(served: ReadonlyMap<string, { group: string; version: string }>): Promise<void> {
    const kind = this.#core.kinds.resource('apiregistration.k8s.io', 'apiservices')
    if (!kind) return
    const { objects } = kind
    const entries = objects.store.range(objects.type.prefix)
    const present = new Set(entries.map(({ key }) => nameIn(key)))
    for (const [name, version] of served) if (!present.has(name)) await this.#create(kind, name, version)
    for (const entry of entries)
      if (objects.labels(entry)?.[label] === 'true' && !served.has(nameIn(entry.key)))
        await deleteObject(this.#core, ownOperation(kind, nameIn(entry.key)), {}).catch(ignoreMissing)
  }

  async #create(kind: ServedKind, name: string, { group, version }: { group: string; version: string }): Promise<void> {
    const object = {
      apiVersion: kind.apiVersion,
      kind: kind.kind,
      metadata: { name, labels: { [label]: 'true' } },
      spec: { group, groupPriorityMinimum: 1000, version, versionPriority: 100 },
    } as KubeObject
    kind.strategy.setDefaults(object)
    await createObject(this.#core, ownOperation(kind, name), object)
  }
}

function ignoreMissing(error: unknown): void {
  if (!isNotFound(error)) throw error
}
