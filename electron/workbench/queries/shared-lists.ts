import type { ResourceRef } from '#shared/ipc/queries.ts'
import type { ApiConnection } from '../connections/api-connection.ts'
import { LiveList, type Pace } from './live-list.ts'
import { objectSource, tableSource, type RowSource } from './row-source.ts'
import { shapeOf } from './columns/index.ts'

interface Shared {
  list: LiveList
  source: RowSource
  users: number
  closing: NodeJS.Timeout | undefined
}

export interface ListsRequest {
  connection: ApiConnection
  resource: ResourceRef
  namespaces: readonly string[]
  fieldSelector?: string | undefined
  labelSelector?: string | undefined
}

export interface OpenedLists extends Disposable {
  readonly lists: readonly LiveList[]
  readonly source: RowSource
}

/** Lists are shared by the queries that need the same objects, and live a little longer than their last user. */
export class SharedLists implements Disposable {
  #shared = new Map<string, Shared>()
  #lingerMs: number
  #pace: Pace | undefined

  constructor({ lingerMs = 15_000, pace }: { lingerMs?: number; pace?: Pace } = {}) {
    this.#lingerMs = lingerMs
    this.#pace = pace
  }

  open(request: ListsRequest): OpenedLists {
    const scopes =
      request.resource.namespaced && request.namespaces.length ? [...new Set(request.namespaces)] : [undefined]
    const opened = scopes.map((namespace) => this.#acquire(request, namespace))
    let disposed = false
    return {
      lists: opened.map(({ shared }) => shared.list),
      source: opened[0]!.shared.source,
      [Symbol.dispose]: () => {
        if (!disposed) for (const { key, shared } of opened) this.#release(key, shared)
        disposed = true
      },
    }
  }

  [Symbol.dispose](): void {
    for (const { list, closing } of this.#shared.values()) {
      clearTimeout(closing)
      list[Symbol.dispose]()
    }
    this.#shared.clear()
  }

  #acquire(
    { connection, resource, fieldSelector, labelSelector }: ListsRequest,
    namespace: string | undefined,
  ): { key: string; shared: Shared } {
    // Another connection, even to the same server, is another user's view.
    const key = JSON.stringify([
      connection.id,
      resource.group,
      resource.version,
      resource.plural,
      namespace,
      fieldSelector,
      labelSelector,
    ])
    let shared = this.#shared.get(key)
    if (!shared) {
      const shape = shapeOf(resource)
      const source = shape ? objectSource(shape) : tableSource()
      const pace = this.#pace ? { pace: this.#pace } : {}
      shared = {
        list: new LiveList({ connection, resource, namespace, fieldSelector, labelSelector, source, ...pace }),
        source,
        users: 0,
        closing: undefined,
      }
      this.#shared.set(key, shared)
    }
    clearTimeout(shared.closing)
    shared.users++
    return { key, shared }
  }

  #release(key: string, shared: Shared): void {
    if (--shared.users > 0) return
    shared.closing = setTimeout(() => {
      shared.list[Symbol.dispose]()
      if (this.#shared.get(key) === shared) this.#shared.delete(key)
    }, this.#lingerMs)
  }
}
