import { keyOf, type Frozen, type KubeObject, type WatchEvent } from '#shared/kube/object.ts'
import type { ResourceType } from '#shared/kube/resources.ts'
import { isGone, StatusError } from '#shared/kube/status.ts'
import { backoffDelay } from '../base/backoff.ts'
import type { Clock } from '../base/clock.ts'
import type { Logger } from '../base/logger.ts'
import type { Random } from '../base/random.ts'
import { nextTurn } from '../base/turn.ts'
import type { KubeClient, ListOptions } from './api.ts'
import { Cache, type Index, type Lister } from './cache.ts'
import { Slimmer } from './slim.ts'

/** Called synchronously, in the order of events, after the cache has changed. Must not throw. Objects are slim: `slim.ts`. */
export interface Handler<T> {
  /** `initial` while the first list is being shown. */
  add?(object: Frozen<T>, initial: boolean): void
  update?(object: Frozen<T>, old: Frozen<T>): void
  /** The last state known; after a lost watch that may be older than the deletion. */
  delete?(object: Frozen<T>): void
}

export interface Informer<T extends KubeObject> extends AsyncDisposable {
  readonly type: ResourceType<T>
  readonly lister: Lister<T>
  /** The first list is in the cache and every handler has been told. */
  readonly hasSynced: boolean
  whenSynced(signal?: AbortSignal): Promise<void>
  /** Everything up to this resourceVersion is in the cache. */
  readonly revision: string | undefined
  /** Tells the handler of everything cached, then of every change. Returns its removal. */
  handle(handler: Handler<T>): () => void
  /** The index of this name, shared by all who ask for it. */
  index(name: string, values: (object: Frozen<T>) => readonly string[]): Index<T>
}

export interface InformerDeps {
  readonly client: KubeClient
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
}

export type InformerScope = Pick<ListOptions, 'namespace' | 'labelSelector' | 'fieldSelector' | 'metadataOnly'>

const pageSize = 500
/** client-go's reflector: 800 ms to 30 s, doubled, with full jitter. */
const retry = { initial: 800, max: 30_000, jitter: 1 }
/** A watch that lived so long resets the back-off, in milliseconds. */
const healthy = 5_000

/**
 * Lists, then watches from there for ever; resumes after a lost watch and lists again when the server has forgotten
 * the revision (410). Starts at once.
 */
export function startInformer<T extends KubeObject>(
  deps: InformerDeps,
  type: ResourceType<T>,
  scope: InformerScope = {},
): Informer<T> {
  return new RunningInformer(deps, type, scope)
}

class RunningInformer<T extends KubeObject> implements Informer<T> {
  readonly type: ResourceType<T>
  readonly #deps: InformerDeps
  readonly #scope: InformerScope
  readonly #cache = new Cache<T>()
  readonly #slimmer: Slimmer<T>
  readonly #handlers = new Set<Handler<T>>()
  readonly #stop = new AbortController()
  readonly #synced = Promise.withResolvers<void>()
  readonly #running: Promise<void>
  #hasSynced = false
  /** Where to resume; undefined lists anew. */
  #revision: string | undefined
  #failures = 0

  constructor(deps: InformerDeps, type: ResourceType<T>, scope: InformerScope) {
    this.type = type
    this.#deps = deps
    this.#scope = scope
    this.#slimmer = new Slimmer(scope)
    this.#synced.promise.catch(() => {})
    this.#running = this.#run()
  }

  get lister(): Lister<T> {
    return this.#cache
  }

  get hasSynced(): boolean {
    return this.#hasSynced
  }

  get revision(): string | undefined {
    return this.#revision
  }

  async whenSynced(signal?: AbortSignal): Promise<void> {
    if (this.#hasSynced) return
    if (!signal) return this.#synced.promise
    signal.throwIfAborted()
    const aborted = Promise.withResolvers<never>()
    const abort = () => aborted.reject(signal.reason as Error)
    signal.addEventListener('abort', abort, { once: true })
    try {
      await Promise.race([this.#synced.promise, aborted.promise])
    } finally {
      signal.removeEventListener('abort', abort)
    }
  }

  handle(handler: Handler<T>): () => void {
    this.#handlers.add(handler)
    if (handler.add) for (const object of this.#cache.list()) handler.add(object, true)
    return () => void this.#handlers.delete(handler)
  }

  index(name: string, values: (object: Frozen<T>) => readonly string[]): Index<T> {
    return this.#cache.index(name, values)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new Error(`the informer of ${this.type.plural} has been stopped`))
    await this.#running
    this.#synced.reject(this.#stop.signal.reason)
    this.#handlers.clear()
  }

  async #run(): Promise<void> {
    const { clock, random, logger } = this.#deps
    const { signal } = this.#stop
    while (!signal.aborted) {
      const started = clock.monotonic()
      try {
        if (this.#revision === undefined) await this.#list(signal)
        await this.#watch(signal)
        // A server that ends its watches in an orderly way is asked again at once.
        if (clock.monotonic() - started >= healthy) this.#failures = 0
        else await clock.sleep(backoffDelay(this.#failures++, { ...retry, initial: 1 }, random), signal)
      } catch (error) {
        if (signal.aborted) return
        if (clock.monotonic() - started >= healthy) this.#failures = 0
        if (isGone(error)) this.#revision = undefined
        const fields = { resource: this.type.plural, error: String(error), failures: this.#failures }
        logger.warn('watch failed; will try again', fields)
        await clock.sleep(backoffDelay(this.#failures++, retry, random), signal).catch(() => {})
      }
    }
  }

  async #list(signal: AbortSignal): Promise<void> {
    const { items, revision } = await this.#pages()
    if (signal.aborted) return
    const keys = new Set(items.map((item) => keyOf(item as T)))
    for (const key of this.#cache.keys()) if (!keys.has(key)) this.#remove(key)
    for (const [index, item] of items.entries()) {
      this.#put(item)
      // Whoever else lives in this process goes on meanwhile.
      if (index % pageSize === pageSize - 1) await nextTurn()
      if (signal.aborted) return
    }
    this.#revision = revision
    if (this.#hasSynced) return
    this.#hasSynced = true
    this.#synced.resolve()
  }

  /** Slim from page to page: the whole of what was sent is never in memory. */
  async #pages(): Promise<{ items: Frozen<T>[]; revision: string | undefined }> {
    const { client } = this.#deps
    const first = await client.list(this.type, { ...this.#scope, limit: pageSize })
    const items = first.items.map((item) => this.#slim(item))
    try {
      for (let token = first.metadata.continue; token;) {
        const page = await client.list(this.type, { ...this.#scope, limit: pageSize, continue: token })
        for (const item of page.items) items.push(this.#slim(item))
        token = page.metadata.continue
      }
    } catch (error) {
      if (!isGone(error)) throw error
      // The history ended between two pages: one unpaged list is always consistent.
      const whole = await client.list(this.type, this.#scope)
      return { items: whole.items.map((item) => this.#slim(item)), revision: whole.metadata.resourceVersion }
    }
    return { items, revision: first.metadata.resourceVersion }
  }

  async #watch(signal: AbortSignal): Promise<void> {
    const { client, random } = this.#deps
    const timeoutSeconds = Math.round(300 * (1 + random.next()))
    const options = {
      ...this.#scope,
      resourceVersion: this.#revision,
      allowBookmarks: true,
      timeoutSeconds,
      signal,
    }
    for await (const event of client.watch(this.type, options)) {
      if (signal.aborted) return
      this.#apply(event)
    }
  }

  #apply({ type, object }: WatchEvent<T>): void {
    if (type === 'ERROR') throw new StatusError(object as unknown as StatusError['status'])
    this.#revision = object.metadata?.resourceVersion
    if (type === 'DELETED') this.#remove(keyOf(object), object)
    else if (type !== 'BOOKMARK') this.#put(this.#slim(object))
  }

  #slim(item: T): Frozen<T> {
    return this.#slimmer.slim(item, this.#cache.get(keyOf(item)) as T | undefined) as Frozen<T>
  }

  #put(object: Frozen<T>): void {
    const old = this.#cache.put(object)
    if (old === undefined) this.#tell((handler) => handler.add?.(object, !this.#hasSynced))
    else if (revisionOf(old) !== revisionOf(object)) this.#tell((handler) => handler.update?.(object, old))
  }

  #remove(key: string, last?: T): void {
    const old = this.#cache.remove(key)
    if (old !== undefined) this.#tell((handler) => handler.delete?.((last as Frozen<T>) ?? old))
  }

  #tell(call: (handler: Handler<T>) => void): void {
    for (const handler of this.#handlers) {
      try {
        call(handler)
      } catch (error) {
        this.#deps.logger.error('a handler threw', {
          resource: this.type.plural,
          error: String((error as Error).stack),
        })
      }
    }
  }
}

const revisionOf = (object: unknown): string | undefined => (object as KubeObject).metadata?.resourceVersion
