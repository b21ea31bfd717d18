import { nodeMetrics, podMetrics } from '#shared/kube/metrics.ts'
import type { DeleteOptions as DeleteBody, KubeList, KubeObject, WatchEvent } from '#shared/kube/object.ts'
import { keyOf } from '#shared/kube/object.ts'
import * as resources from '#shared/kube/resources.ts'
import { apiVersionOf, type ResourceType } from '#shared/kube/resources.ts'
import { alreadyExists, conflict } from '#shared/kube/status.ts'
import { timestamp, type Clock } from '../../base/clock.ts'
import { nameSuffix, seededRandom, type Random } from '../../base/random.ts'
import type {
  CreateOptions,
  DeleteOptions,
  GetOptions,
  KubeClient,
  ListOptions,
  ObjectKey,
  PatchType,
  WatchOptions,
  WriteOptions,
} from '../api.ts'
import { FakeStore, matcherOf, type Meta, type Stored } from './fake-store.ts'
import { applyPatch } from './patches.ts'
import { mayWrite, viewOf, withStatus } from './subresources.ts'

export type Verb = 'get' | 'list' | 'watch' | 'create' | 'update' | 'patch' | 'delete' | 'post'

export interface Action {
  readonly verb: Verb
  /** Plural resource name. */
  readonly resource: string
  readonly namespace: string | undefined
  /** '' for a create by generateName, lists and watches. */
  readonly name: string
  readonly subresource: string
  /** The object or patch that was sent. */
  readonly body: unknown
  readonly options: unknown
}

/** Throws to fail the call, answers an object to replace the server's answer, undefined to go on. */
export type Reactor = (action: Action) => unknown

const withGeneration = new Set(
  'pods deployments replicasets statefulsets daemonsets replicationcontrollers jobs cronjobs ingresses networkpolicies endpointslices poddisruptionbudgets'.split(
    ' ',
  ),
)

/**
 * The API server in memory, for unit tests of anything that is a client. Keeps what controllers rely on: optimistic
 * concurrency, uids, graceful deletion of pods, finalizers, status split, generation, watches that replay. It neither
 * validates nor defaults. Answers are deeply frozen, so that a test fails where a cached object is changed.
 */
export class FakeClient implements KubeClient {
  /** Every call, in order. */
  readonly actions: Action[] = []
  readonly #clock: Clock
  readonly #random: Random
  readonly #store = new FakeStore()
  readonly #types = new Map<string, ResourceType>()
  readonly #reactors: { verb: Verb | '*'; resource: string; reactor: Reactor }[] = []

  constructor(deps: { clock: Clock; random?: Random; objects?: readonly KubeObject[] }) {
    this.#clock = deps.clock
    this.#random = deps.random ?? seededRandom(1)
    for (const value of [...Object.values(resources), podMetrics, nodeMetrics])
      if (typeof value === 'object') this.register(value)
    for (const object of deps.objects ?? []) this.seed(object)
  }

  /** Makes a kind known to `seed`, `stored` and owner-less helpers; calls through a ResourceType need no registration. */
  register(type: ResourceType): void {
    this.#types.set(`${apiVersionOf(type)}/${type.kind}`, type)
  }

  /** Puts an object there as it is, status, uid and creation time included; watchers see it. */
  seed<T extends KubeObject>(object: T): T {
    const type = this.#types.get(`${object.apiVersion}/${object.kind}`)
    if (!type) throw new Error(`FakeClient knows no ${object.apiVersion} ${object.kind}: register its ResourceType`)
    const copy = structuredClone(object) as unknown as Stored
    copy.metadata = { ...this.#newMeta(), ...copy.metadata }
    if (type.namespaced) copy.metadata.namespace ??= 'default'
    const existing = this.#store.table(type).get(keyOf(copy))
    return this.#store.write(type, copy, existing) as unknown as T
  }

  /** What is there now, without a recorded action. */
  stored<T extends KubeObject>(type: ResourceType<T>, namespace?: string): T[] {
    const all = [...this.#store.table(type).values()]
    return all.filter((o) => namespace === undefined || o.metadata.namespace === namespace) as unknown as T[]
  }

  find<T extends KubeObject>(type: ResourceType<T>, key: ObjectKey): T | undefined {
    return this.#store.table(type).get(keyOf({ metadata: nameOf(key) as Meta })) as unknown as T | undefined
  }

  /** Changes an object as somebody else would, without a recorded action or reactors. */
  change<T extends KubeObject>(type: ResourceType<T>, key: ObjectKey, change: (object: T) => void): T {
    const old = this.#store.existing(type, key)
    const copy = structuredClone(old)
    change(copy as unknown as T)
    return this.#writeOrRemove(type, copy, old) as unknown as T
  }

  /** Removes an object whatever its finalizers. */
  remove(type: ResourceType, key: ObjectKey): void {
    const old = this.#store.existing(type, key)
    this.#store.remove(type, structuredClone(old), old)
  }

  /** Calls `reactor` before the server acts; newest first. Returns its removal. */
  react(verb: Verb | '*', resource: string, reactor: Reactor): () => void {
    const entry = { verb, resource, reactor }
    this.#reactors.unshift(entry)
    return () => void this.#reactors.splice(this.#reactors.indexOf(entry), 1)
  }

  /** Recorded actions that change something, or those of the given verbs. */
  writes(...verbs: Verb[]): Action[] {
    const wanted: Verb[] = verbs.length ? verbs : ['create', 'update', 'patch', 'delete', 'post']
    return this.actions.filter((action) => wanted.includes(action.verb))
  }

  /** Sends a bookmark at the newest revision to all watchers of a kind. */
  bookmark(type: ResourceType): void {
    this.#store.bookmark(type)
  }

  /** Ends all watches (of a kind), as a server that closes connections; with an error, by an ERROR event. */
  closeWatches(type?: ResourceType, error?: unknown): void {
    this.#store.closeWatches(type, error)
  }

  /** Forgets all history: watching from an older revision is answered by 410 Expired. */
  compact(): void {
    this.#store.compact()
  }

  get watchers(): number {
    return this.#store.watchers
  }

  async get<T extends KubeObject>(type: ResourceType<T>, key: ObjectKey, options: GetOptions = {}): Promise<T> {
    const { subresource = '' } = options
    const answer = await this.#record({
      verb: 'get',
      resource: type.plural,
      ...nameOf(key),
      subresource,
      body: undefined,
      options,
    })
    return (answer ?? viewOf(this.#store.existing(type, key), subresource)) as T
  }

  async list<T extends KubeObject>(type: ResourceType<T>, options: ListOptions = {}): Promise<KubeList<T>> {
    const answer = await this.#record({
      verb: 'list',
      resource: type.plural,
      namespace: options.namespace,
      name: '',
      subresource: '',
      body: undefined,
      options,
    })
    if (answer) return answer as KubeList<T>
    const matches = matcherOf(options)
    const sorted = [...this.#store.table(type)].sort(([a], [b]) => (a < b ? -1 : 1))
    const [at, after] = options.continue
      ? (JSON.parse(options.continue) as [string, string])
      : [String(this.#store.revision), '']
    const all = sorted.filter(([key, object]) => key > after && matches(object))
    const page = options.limit ? all.slice(0, options.limit) : all
    const rest = all.length - page.length
    const metadata = {
      resourceVersion: at,
      ...(rest ? { continue: JSON.stringify([at, page.at(-1)![0]]), remainingItemCount: rest } : {}),
    }
    return {
      apiVersion: apiVersionOf(type),
      kind: `${type.kind}List`,
      metadata,
      items: page.map(([, object]) => withoutKind(object) as unknown as T),
    }
  }

  async *watch<T extends KubeObject>(
    type: ResourceType<T>,
    options: WatchOptions,
  ): AsyncGenerator<WatchEvent<T>, void> {
    const answer = await this.#record({
      verb: 'watch',
      resource: type.plural,
      namespace: options.namespace,
      name: '',
      subresource: '',
      body: undefined,
      options,
    })
    if (answer) return
    const from = options.resourceVersion ? Number(options.resourceVersion) : this.#store.revision
    const watcher = this.#store.subscribe(type, from, options)
    const stop = () => watcher.queue.end()
    options.signal.addEventListener('abort', stop, { once: true })
    if (options.signal.aborted) stop()
    try {
      yield* watcher.queue as unknown as AsyncIterable<WatchEvent<T>>
    } finally {
      options.signal.removeEventListener('abort', stop)
      watcher.stop()
    }
  }

  async create<T extends KubeObject>(type: ResourceType<T>, object: T, options: CreateOptions = {}): Promise<T> {
    const namespace = type.namespaced ? (object.metadata?.namespace ?? options.namespace ?? 'default') : undefined
    const answer = await this.#record({
      verb: 'create',
      resource: type.plural,
      namespace,
      name: object.metadata?.name ?? '',
      subresource: '',
      body: object,
      options,
    })
    if (answer) return answer as T
    const copy = structuredClone(object) as unknown as Stored
    const meta = copy.metadata ?? {}
    const name = meta.name ?? `${meta.generateName ?? ''}${nameSuffix(this.#random)}`
    copy.metadata = { ...meta, ...this.#newMeta(), name, ...(namespace ? { namespace } : {}) }
    if (withGeneration.has(type.plural)) copy.metadata.generation = 1
    if (withStatus.has(type.plural)) delete copy.status
    if (type.plural === 'namespaces')
      Object.assign(copy, { spec: { finalizers: ['kubernetes'], ...copy.spec }, status: { phase: 'Active' } })
    if (type.plural === 'pods') copy.status = { phase: 'Pending' }
    if (this.#store.table(type).has(keyOf(copy))) throw alreadyExists(type, name)
    if (options.dryRun) return copy as unknown as T
    return this.#store.write(type, copy, undefined) as unknown as T
  }

  async update<T extends KubeObject>(type: ResourceType<T>, object: T, options: WriteOptions = {}): Promise<T> {
    const key = { namespace: object.metadata?.namespace, name: object.metadata?.name ?? '' }
    const answer = await this.#record({
      verb: 'update',
      resource: type.plural,
      ...nameOf(key),
      subresource: options.subresource ?? '',
      body: object,
      options,
    })
    if (answer) return answer as T
    return this.#replace(
      type,
      this.#store.existing(type, key),
      structuredClone(object) as unknown as Stored,
      options,
    ) as unknown as T
  }

  async patch<T extends KubeObject>(
    type: ResourceType<T>,
    key: ObjectKey,
    patch: PatchType,
    body: unknown,
    options: WriteOptions = {},
  ): Promise<T> {
    const answer = await this.#record({
      verb: 'patch',
      resource: type.plural,
      ...nameOf(key),
      subresource: options.subresource ?? '',
      body,
      options: { ...options, patch },
    })
    if (answer) return answer as T
    if (patch === 'apply' && !this.find(type, key)) {
      const namespace = key.namespace
      return this.create(
        type,
        { ...(body as T), metadata: { ...(body as T).metadata, ...(namespace ? { namespace } : {}), name: key.name } },
        options,
      )
    }
    const old = this.#store.existing(type, key)
    const patched = applyPatch(old, patch, body) as unknown as Stored
    return this.#replace(type, old, patched, options) as unknown as T
  }

  async delete<T extends KubeObject>(
    type: ResourceType<T>,
    key: ObjectKey,
    options: DeleteOptions = {},
  ): Promise<void> {
    const answer = await this.#record({
      verb: 'delete',
      resource: type.plural,
      ...nameOf(key),
      subresource: '',
      body: undefined,
      options,
    })
    if (answer) return
    const old = this.#store.existing(type, key)
    const { uid, resourceVersion } = options.preconditions ?? {}
    if (uid !== undefined && uid !== old.metadata.uid)
      throw conflict(
        type,
        key.name,
        `the UID in the precondition (${uid}) does not match the UID in record (${old.metadata.uid}). The object might have been deleted and then recreated`,
      )
    if (resourceVersion !== undefined && resourceVersion !== old.metadata.resourceVersion)
      throw conflict(
        type,
        key.name,
        `the ResourceVersion in the precondition (${resourceVersion}) does not match the ResourceVersion in record (${old.metadata.resourceVersion}). The object might have been modified`,
      )
    this.#delete(type, old, options)
  }

  async post<A extends KubeObject = KubeObject>(
    type: ResourceType,
    key: ObjectKey,
    subresource: string,
    body: KubeObject,
  ): Promise<A> {
    const answer = await this.#record({
      verb: 'post',
      resource: type.plural,
      ...nameOf(key),
      subresource,
      body,
      options: undefined,
    })
    if (answer) return answer as A
    const old = this.#store.existing(type, key)
    if (subresource === 'binding') this.#bind(type, old, (body as { target?: { name?: string } }).target?.name)
    else if (subresource === 'eviction')
      this.#delete(type, old, ((body as { deleteOptions?: DeleteBody }).deleteOptions ?? {}) as DeleteOptions)
    return { apiVersion: 'v1', kind: 'Status', metadata: {}, status: 'Success' } as unknown as A
  }

  #bind(type: ResourceType, old: Stored, nodeName: string | undefined): void {
    if (old.spec?.['nodeName'])
      throw conflict(
        type,
        old.metadata.name!,
        `pod ${old.metadata.name} is already assigned to node ${JSON.stringify(old.spec['nodeName'])}`,
      )
    const copy = structuredClone(old)
    copy.spec = { ...copy.spec, nodeName }
    const conditions = (copy.status?.['conditions'] ?? []) as unknown[]
    const scheduled = { type: 'PodScheduled', status: 'True', lastTransitionTime: timestamp(this.#clock.now()) }
    copy.status = { ...copy.status, conditions: [...conditions, scheduled] }
    this.#store.write(type, copy, old)
  }

  #delete(type: ResourceType, old: Stored, options: DeleteOptions): void {
    const copy = structuredClone(old)
    const meta = copy.metadata
    const policy = options.propagationPolicy
    const collector = policy === 'Orphan' ? 'orphan' : policy === 'Foreground' ? 'foregroundDeletion' : undefined
    if (policy) meta.finalizers = (meta.finalizers ?? []).filter((f) => f !== 'orphan' && f !== 'foregroundDeletion')
    if (collector) meta.finalizers = [...(meta.finalizers ?? []), collector]
    const grace = type.plural === 'pods' ? this.#grace(old, options.gracePeriodSeconds) : 0
    const held =
      Boolean(meta.finalizers?.length) ||
      (type.plural === 'namespaces' && Boolean((copy.spec?.['finalizers'] as string[] | undefined)?.length))
    if (!held && grace === 0) return this.#store.remove(type, copy, old)
    if (!meta.deletionTimestamp || grace < (meta.deletionGracePeriodSeconds ?? 0)) {
      meta.deletionTimestamp = timestamp(this.#clock.now() + grace * 1000)
      meta.deletionGracePeriodSeconds = grace
      if (type.plural === 'namespaces') copy.status = { ...copy.status, phase: 'Terminating' }
    }
    if (!meta.finalizers?.length) delete meta.finalizers
    if (JSON.stringify(copy) !== JSON.stringify(old)) this.#store.write(type, copy, old)
  }

  /** Pods that never reached a node or have ended go at once. */
  #grace(pod: Stored, requested: number | undefined): number {
    const phase = pod.status?.['phase']
    if (!pod.spec?.['nodeName'] || phase === 'Succeeded' || phase === 'Failed') return 0
    return (
      requested ??
      pod.metadata.deletionGracePeriodSeconds ??
      (pod.spec['terminationGracePeriodSeconds'] as number | undefined) ??
      30
    )
  }

  #replace(type: ResourceType, old: Stored, next: Stored, options: WriteOptions): Stored {
    const { name, uid, resourceVersion } = next.metadata
    if (resourceVersion && resourceVersion !== old.metadata.resourceVersion)
      throw conflict(
        type,
        name!,
        'the object has been modified; please apply your changes to the latest version and try again',
      )
    if (uid && uid !== old.metadata.uid)
      throw conflict(
        type,
        name!,
        `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${old.metadata.uid}`,
      )
    const merged = structuredClone(mayWrite(type, old, next, options.subresource ?? ''))
    const { creationTimestamp, deletionTimestamp, deletionGracePeriodSeconds } = old.metadata
    Object.assign(merged.metadata, {
      uid: old.metadata.uid,
      creationTimestamp,
      ...(deletionTimestamp ? { deletionTimestamp, deletionGracePeriodSeconds } : {}),
    })
    if (old.metadata.generation !== undefined) {
      const changed = JSON.stringify(merged.spec) !== JSON.stringify(old.spec)
      merged.metadata.generation = old.metadata.generation + (changed ? 1 : 0)
    }
    if (!merged.metadata.finalizers?.length) delete merged.metadata.finalizers
    const before = { ...old, metadata: { ...old.metadata } }
    merged.metadata.resourceVersion = old.metadata.resourceVersion!
    if (sameJson(before, merged) || options.dryRun) return options.dryRun ? merged : old
    return this.#writeOrRemove(type, merged, old)
  }

  /** Stores, or removes what is being deleted once its last finalizer is gone. */
  #writeOrRemove(type: ResourceType, next: Stored, old: Stored): Stored {
    const { deletionTimestamp, deletionGracePeriodSeconds, finalizers } = next.metadata
    const specFinalizers =
      type.plural === 'namespaces' ? (next.spec?.['finalizers'] as string[] | undefined) : undefined
    const finished = deletionTimestamp && !deletionGracePeriodSeconds && !finalizers?.length && !specFinalizers?.length
    return finished ? (this.#store.remove(type, next, old), next) : this.#store.write(type, next, old)
  }

  #newMeta(): Meta {
    return { uid: this.#random.uuid(), creationTimestamp: timestamp(this.#clock.now()) }
  }

  async #record(action: Action): Promise<unknown> {
    this.actions.push(action)
    for (const { verb, resource, reactor } of this.#reactors) {
      if ((verb !== '*' && verb !== action.verb) || (resource !== '*' && resource !== action.resource)) continue
      const answer = await reactor(action)
      if (answer !== undefined) return answer
    }
    return undefined
  }
}

const nameOf = (key: ObjectKey) => ({ namespace: key.namespace || undefined, name: key.name })

/** Items of a typed list carry neither kind nor apiVersion. */
function withoutKind({ apiVersion: _a, kind: _k, ...rest }: Stored): Stored {
  return Object.freeze(rest)
}

/** Equality of JSON whatever the order of keys. */
function sameJson(a: unknown, b: unknown): boolean {
  if (a === b) return true
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false
  const left = Object.entries(a).filter(([, value]) => value !== undefined)
  const right = Object.entries(b).filter(([, value]) => value !== undefined)
  return (
    left.length === right.length && left.every(([key, value]) => sameJson(value, (b as Record<string, unknown>)[key]))
  )
}
