import type { KubeList, KubeObject, WatchEvent } from '#shared/kube/object.ts'
import { resourcePath, type ResourceType } from '#shared/kube/resources.ts'
import { parseFieldSelector } from '#shared/kube/field-selectors.ts'
import { parseSelector } from '#shared/kube/selectors.ts'
import { notFound, StatusError, type Status } from '#shared/kube/status.ts'
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
} from '../client/api.ts'
import { query as queryOf, requests } from '../client/request.ts'
import { typeNamed } from '../schema/table.ts'
import { authenticated } from './authn/user.ts'
import { authorizeOrThrow, type Authorizer } from './authz/authorizer.ts'
import { noSuchResource } from './handlers/api-request.ts'
import { applyPatch } from './handlers/apply.ts'
import { createObject } from './handlers/create.ts'
import { deleteObject } from './handlers/delete.ts'
import { contextOf, type Core, type Operation, type Outcome } from './handlers/operation.ts'
import { patched } from './handlers/patch.ts'
import { parseResourceVersion } from './handlers/query-options.ts'
import { readEntry } from './handlers/read.ts'
import { objectOf, runAction, updateView } from './handlers/serve-subresource.ts'
import { updateObject } from './handlers/update.ts'
import { openWatch } from './handlers/watch.ts'
import type { ServedKind } from './kinds/served-kind.ts'
import type { Subresource, UserInfo } from './registry/kind.ts'
import { cloneObject } from './storage/codec.ts'
import { listEntries, type ListRequest } from './storage/list.ts'

export interface LocalClientDeps {
  core: Core
  authorizer: Authorizer
  user: UserInfo
  /** Ends its watches when the server stops. */
  stopped: AbortSignal
  /** Asks the API server that answers for this path in place of this one; undefined: none does. */
  readRemote?: ((user: UserInfo, path: string) => Promise<unknown> | undefined) | undefined
  /** Takes what admission notes for the audit log. */
  annotate?: Operation['annotate']
}

/**
 * The server's own handlers as a client: the same authorization, admission and rules as over HTTPS, with objects
 * instead of bytes. What it hands out are the objects that all readers share.
 */
export class LocalClient implements KubeClient {
  readonly #core: Core
  readonly #authorizer: Authorizer
  readonly #user: UserInfo
  readonly #manager: string
  readonly #stopped: AbortSignal
  readonly #readRemote: LocalClientDeps['readRemote']
  readonly #annotate: LocalClientDeps['annotate']

  constructor({ core, authorizer, user, stopped, readRemote, annotate }: LocalClientDeps) {
    this.#core = core
    this.#authorizer = authorizer
    this.#user = authenticated(user)
    this.#manager = user.name.slice(user.name.lastIndexOf(':') + 1)
    this.#stopped = stopped
    this.#readRemote = readRemote
    this.#annotate = annotate
  }

  async get<T extends KubeObject>(
    type: ResourceType<T>,
    key: ObjectKey,
    { resourceVersion, subresource, query = {} }: GetOptions = {},
  ): Promise<T> {
    const where = { ...key, subresource }
    this.#authorize(type, 'get', where)
    const remote = this.#readRemote?.(this.#user, resourcePath(type, where) + queryOf(query))
    if (remote) return (await remote) as T
    const kind = this.#served(type)
    const view = subresource === undefined ? undefined : kind.subresources.get(subresource)?.view
    if (subresource !== undefined && !view) throw noSuchResource()
    const { virtual } = kind.definition
    if (virtual?.get) return (await virtual.get(key.name, contextOf(this.#core, this.#operation(kind, key, {})))) as T
    const revision = resourceVersion ? parseResourceVersion(resourceVersion) : undefined
    const entry = await readEntry(this.#core, kind, { namespace: key.namespace, name: key.name }, revision)
    if (kind.visibleTo(this.#user)?.shows(kind.object(entry)) === false) throw notFound(kind.subject, key.name)
    return (view ? view.read(kind.object(entry)) : kind.object(entry)) as T
  }

  async list<T extends KubeObject>(type: ResourceType<T>, options: ListOptions = {}): Promise<KubeList<T>> {
    this.#authorize(type, 'list', { namespace: options.namespace })
    const remote = this.#readRemote?.(this.#user, requests.list(type, options).path)
    if (remote) return (await remote) as KubeList<T>
    const kind = this.#served(type)
    const { virtual } = kind.definition
    if (virtual?.list) {
      const objects = await virtual.list(
        contextOf(this.#core, this.#operation(kind, { namespace: options.namespace, name: '' }, {})),
      )
      const request = listRequest(kind, options)
      const items = objects.filter((object) => kind.selects(request, object)) as T[]
      return { apiVersion: kind.apiVersion, kind: kind.listKind, metadata: {}, items }
    }
    const request = { ...listRequest(kind, options), visible: kind.visibleTo(this.#user) }
    const page = await listEntries(kind, request, this.#core.clock)
    return {
      apiVersion: kind.apiVersion,
      kind: kind.listKind,
      metadata: {
        resourceVersion: String(page.revision),
        ...(page.continue ? { continue: page.continue } : {}),
        ...(page.remaining === undefined ? {} : { remainingItemCount: page.remaining }),
      },
      items: page.entries.map((entry) => kind.glimpse(entry) as T),
    }
  }

  async *watch<T extends KubeObject>(type: ResourceType<T>, options: WatchOptions): AsyncGenerator<WatchEvent<T>> {
    const kind = this.#kind(type, 'watch', { namespace: options.namespace })
    const queue = new EventQueue<WatchEvent<T>>()
    const stop = () => queue.end()
    const signals = [options.signal, this.#stopped]
    for (const signal of signals) {
      if (signal.aborted) return
      signal.addEventListener('abort', stop, { once: true })
    }
    const { labels, fields, revision } = listRequest(kind, options)
    const request = {
      namespace: options.namespace,
      labels,
      fields,
      visible: kind.visibleTo(this.#user),
      revision,
      sendInitialEvents: options.sendInitialEvents,
      allowBookmarks: options.allowBookmarks ?? false,
      timeoutSeconds: options.timeoutSeconds,
    }
    const output = {
      batch: ({
        changes,
      }: {
        changes: readonly { type: 'ADDED' | 'MODIFIED' | 'DELETED'; entry: Parameters<ServedKind['object']>[0] }[]
      }) => {
        for (const { type: change, entry } of changes) queue.push({ type: change, object: kind.object(entry) as T })
      },
      bookmark: (metadata: KubeObject['metadata']) =>
        queue.push({ type: 'BOOKMARK', object: { apiVersion: kind.apiVersion, kind: kind.kind, metadata } as T }),
      error: (status: Status) => queue.fail(new StatusError(status)),
      end: () => queue.end(),
    }
    const session = await openWatch(kind, request, () => output, this.#core.clock)
    try {
      yield* queue
    } finally {
      session[Symbol.dispose]()
      for (const signal of signals) signal.removeEventListener('abort', stop)
    }
  }

  async create<T extends KubeObject>(type: ResourceType<T>, object: T, options: CreateOptions = {}): Promise<T> {
    const namespace = object.metadata?.namespace ?? options.namespace
    const kind = this.#kind(type, 'create', { namespace })
    const input = this.#prepared(kind, object)
    const op = this.#operation(kind, { namespace, name: object.metadata?.name ?? '' }, options)
    return this.#result(kind, await createObject(this.#core, op, input))
  }

  async update<T extends KubeObject>(type: ResourceType<T>, object: T, options: WriteOptions = {}): Promise<T> {
    const { namespace, name = '' } = object.metadata ?? {}
    const kind = this.#kind(type, 'update', { namespace, name, subresource: options.subresource })
    const op = this.#operation(kind, { namespace, name }, options)
    if (op.subresource?.view)
      return op.subresource.view.read(objectOf(kind, await updateView(this.#core, op, () => object))) as T
    return this.#result(kind, await updateObject(this.#core, op, { produce: () => this.#prepared(kind, object) }))
  }

  async patch<T extends KubeObject>(
    type: ResourceType<T>,
    key: ObjectKey,
    patch: PatchType,
    body: unknown,
    options: WriteOptions = {},
  ): Promise<T> {
    const kind = this.#kind(type, 'patch', { ...key, subresource: options.subresource })
    const op = this.#operation(kind, key, options)
    const bytes = Buffer.from(JSON.stringify(body))
    if (patch === 'apply') {
      const { force = false, fieldManager = this.#manager, dryRun = false } = options
      return this.#result(
        kind,
        await applyPatch(this.#core, op, bytes, {
          kind: 'PatchOptions',
          force,
          fieldManager,
          dryRun,
          fieldValidation: 'Strict',
        }),
      )
    }
    const { subresource } = op
    const request = { format: patch, body: bytes, validation: 'Ignore' as const }
    if (subresource?.view) {
      const view = subresource.view
      const asked = (old: KubeObject) =>
        patched(op, view.read(old), { ...request, type: typeNamed(subresource.type ?? kind.definition.type) })
      return view.read(objectOf(kind, await updateView(this.#core, op, asked))) as T
    }
    const produce = (old: KubeObject | undefined) => {
      if (!old) return undefined
      const object = patched(op, old, request)
      kind.strategy.setDefaults(object)
      return object
    }
    return this.#result(kind, await updateObject(this.#core, op, { produce }))
  }

  async delete<T extends KubeObject>(
    type: ResourceType<T>,
    key: ObjectKey,
    options: DeleteOptions = {},
  ): Promise<void> {
    const kind = this.#kind(type, 'delete', key)
    await deleteObject(this.#core, this.#operation(kind, key, { cause: options.cause }), options)
  }

  async post<A extends KubeObject = KubeObject>(
    type: ResourceType,
    key: ObjectKey,
    subresource: string,
    body: KubeObject,
  ): Promise<A> {
    const kind = this.#kind(type, 'create', { ...key, subresource })
    const op = this.#operation(kind, key, { subresource })
    if (!op.subresource?.action) throw noSuchResource()
    return (await runAction(this.#core, op, cloneObject(body))) as A
  }

  /** The kind, once it is known that the user may. */
  #kind(type: ResourceType, verb: string, where: Where): ServedKind {
    this.#authorize(type, verb, where)
    return this.#served(type)
  }

  #served({ group, version, plural }: ResourceType): ServedKind {
    const kind = this.#core.kinds.find(group, version, plural)
    if (!kind) throw noSuchResource()
    return kind
  }

  #authorize({ group, version, plural }: ResourceType, verb: string, where: Where): void {
    authorizeOrThrow(this.#authorizer, {
      user: this.#user,
      verb,
      isResource: true,
      group,
      version,
      resource: plural,
      subresource: where.subresource ?? '',
      namespace: where.namespace ?? '',
      name: where.name ?? '',
      path: '',
    })
  }

  #operation(kind: ServedKind, key: ObjectKey, options: WriteOptions): Operation {
    let subresource: Subresource | undefined
    if (options.subresource) {
      subresource = kind.subresources.get(options.subresource)
      if (!subresource) throw noSuchResource()
    }
    return {
      kind,
      subresource,
      namespace: kind.namespaced ? key.namespace : undefined,
      name: key.name,
      user: this.#user,
      dryRun: options.dryRun ?? false,
      manager: options.fieldManager ?? this.#manager,
      cause: options.cause,
      warn: () => {},
      ...(this.#annotate && { annotate: this.#annotate }),
    }
  }

  /** A copy that the handlers may change, as decoding would have made it. */
  #prepared(kind: ServedKind, object: KubeObject): KubeObject {
    const copy = kind.decode(object).object as KubeObject
    copy.apiVersion = kind.apiVersion
    copy.kind = kind.kind
    kind.strategy.setDefaults(copy)
    return copy
  }

  #result<T extends KubeObject>(kind: ServedKind, outcome: Outcome): T {
    return objectOf(kind, outcome) as T
  }
}

interface Where {
  namespace?: string | undefined
  name?: string
  subresource?: string | undefined
}

function listRequest(kind: ServedKind, options: ListOptions): ListRequest {
  const fields = parseFieldSelector(options.fieldSelector)
  kind.checkFields(fields)
  return {
    namespace: options.namespace,
    labels: parseSelector(options.labelSelector),
    fields,
    limit: options.limit ?? 0,
    continue: options.continue ?? '',
    revision: parseResourceVersion(options.resourceVersion ?? ''),
    exact: options.resourceVersionMatch === 'Exact',
  }
}

/** Hands over what was pushed, in order; whoever reads slowly keeps it all. */
class EventQueue<E> implements AsyncIterable<E> {
  #waiting: E[] = []
  #wake: (() => void) | undefined
  #failure: Error | undefined
  #ended = false

  push(event: E): void {
    if (this.#ended) return
    this.#waiting.push(event)
    this.#wake?.()
  }

  fail(error: Error): void {
    this.#failure = error
    this.end()
  }

  end(): void {
    this.#ended = true
    this.#wake?.()
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<E> {
    for (;;) {
      const events = this.#waiting
      this.#waiting = []
      yield* events
      if (this.#waiting.length) continue
      if (this.#failure) throw this.#failure
      if (this.#ended) return
      await new Promise<void>((resolve) => (this.#wake = resolve))
      this.#wake = undefined
    }
  }
}
