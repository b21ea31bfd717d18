import type { Capacity } from '#shared/ipc/capacity.ts'
import { nodes, pods, type ResourceType } from '#shared/kube/resources.ts'
import { follow } from '../channel/follow.ts'
import type { StreamHandlers } from '../channel/server.ts'
import type { ApiConnection } from '../connections/api-connection.ts'
import type { Contexts } from '../connections/contexts.ts'
import { toChannelError } from '../failure.ts'
import { worst } from '../queries/query.ts'
import type { OpenedLists, SharedLists } from '../queries/shared-lists.ts'
import { capacityOf, type Records } from './capacity.ts'

/** The lists that tables of pods and nodes use as well: nothing is asked twice. */
export const capacityStreams = (
  contexts: Contexts,
  lists: SharedLists,
  every = 1000,
): Pick<StreamHandlers, 'capacity.watch'> => ({
  'capacity.watch': async ({ context }, outlet) => {
    let changed = () => {}
    using watch = new CapacityWatch(contexts, lists, context, () => changed())
    await follow(
      outlet,
      () => watch.read(),
      (callback) => {
        changed = callback
        return contexts.onChange(() => watch.reconnect() && callback())
      },
      { every },
    )
  },
})

class CapacityWatch implements Disposable {
  #contexts: Contexts
  #lists: SharedLists
  #context: string
  #changed: () => void
  #connection: ApiConnection | undefined
  #opened: OpenedLists[] = []
  #subscriptions: Disposable[] = []
  /** Why there is no connection. */
  #away = ''

  constructor(contexts: Contexts, lists: SharedLists, context: string, changed: () => void) {
    this.#contexts = contexts
    this.#lists = lists
    this.#context = context
    this.#changed = changed
    this.reconnect()
  }

  /** Whether anything is other than before: the context may have come, gone, or become another connection. */
  reconnect(): boolean {
    let connection: ApiConnection
    try {
      connection = this.#contexts.connection(this.#context)
    } catch (error) {
      // What is known stays in view.
      const { message } = toChannelError(error)
      const news = message !== this.#away
      this.#away = message
      return news
    }
    this.#away = ''
    if (connection === this.#connection) return false
    const before = this.#opened
    this.#release()
    this.#connection = connection
    const open = (resource: ResourceType) => this.#lists.open({ connection, resource: { ...resource }, namespaces: [] })
    this.#opened = [open(nodes), open(pods)]
    for (const opened of before) opened[Symbol.dispose]()
    const all = this.#opened.flatMap(({ lists }) => lists)
    this.#subscriptions = [...all.map((list) => list.onChange(this.#changed)), this.#opened[0]!.lists[0]!.watchUsage()]
    return true
  }

  read(): Capacity {
    const [ofNodes, ofPods] = this.#opened.map(({ source, lists }): Records => ({
      columns: source.shape.columns,
      records: lists[0]!.records.values(),
    }))
    const none: Records = { columns: [], records: [] }
    const states = this.#opened.flatMap(({ lists }) => lists.map(({ freshness }) => freshness))
    return {
      ...capacityOf(ofNodes ?? none, ofPods ?? none),
      freshness: this.#away && !states.length ? { state: 'failed', message: this.#away } : worst(states),
    }
  }

  [Symbol.dispose](): void {
    this.#release()
    for (const opened of this.#opened) opened[Symbol.dispose]()
  }

  #release(): void {
    for (const subscription of this.#subscriptions) subscription[Symbol.dispose]()
    this.#subscriptions = []
  }
}
