import type { KubeList, KubeObject, WatchEvent } from '#shared/kube/object.ts'
import { resourcePath, type ResourceType } from '#shared/kube/resources.ts'
import { serviceUnavailable, StatusError } from '#shared/kube/status.ts'
import type {
  DeleteOptions,
  Discovery,
  GetOptions,
  KubeClient,
  ListOptions,
  ObjectKey,
  PatchType,
  WatchOptions,
  WriteOptions,
} from './api.ts'
import { discover } from './discovery.ts'
import { HttpsTransport, type HttpsOptions } from './https-transport.ts'
import { listQuery, query, withKind, writeQuery } from './request.ts'
import { lines } from './watch-stream.ts'

const patchTypes: Readonly<Record<PatchType, string>> = {
  json: 'application/json-patch+json',
  merge: 'application/merge-patch+json',
  strategic: 'application/strategic-merge-patch+json',
  apply: 'application/apply-patch+yaml',
}
const metadataList = 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1'
const metadataWatch = 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1'

/** KubeClient over HTTPS with a client certificate or a token. Objects are plain decoded JSON. */
export class HttpsClient implements KubeClient, Discovery, AsyncDisposable {
  readonly #transport: HttpsTransport

  constructor(options: HttpsOptions) {
    this.#transport = new HttpsTransport(options)
  }

  get<T extends KubeObject>(
    type: ResourceType<T>,
    key: ObjectKey,
    { resourceVersion, subresource, query: more }: GetOptions = {},
  ): Promise<T> {
    const path = resourcePath(type, { ...key, subresource }) + query({ resourceVersion, ...more })
    return this.#transport.json<T>({ method: 'GET', path })
  }

  list<T extends KubeObject>(type: ResourceType<T>, options: ListOptions = {}): Promise<KubeList<T>> {
    const path = resourcePath(type, { namespace: options.namespace }) + listQuery(options)
    return this.#transport.json<KubeList<T>>({
      method: 'GET',
      path,
      ...(options.metadataOnly ? { accept: metadataList } : {}),
    })
  }

  async *watch<T extends KubeObject>(
    type: ResourceType<T>,
    options: WatchOptions,
  ): AsyncGenerator<WatchEvent<T>, void> {
    const { signal } = options
    const accept = options.metadataOnly ? { accept: metadataWatch } : {}
    const path = resourcePath(type, { namespace: options.namespace }) + listQuery(options, true)
    if (signal.aborted) return
    try {
      const response = await this.#transport.stream({ method: 'GET', path, signal, ...accept })
      try {
        for await (const line of lines(response)) {
          const event = JSON.parse(line) as WatchEvent<T>
          if (event.type === 'ERROR') throw new StatusError(event.object as unknown as StatusError['status'])
          yield event
        }
      } finally {
        response.destroy()
      }
    } catch (error) {
      if (signal.aborted) return
      throw error instanceof StatusError ? error : serviceUnavailable(`GET ${path}: ${(error as Error).message}`)
    }
  }

  create<T extends KubeObject>(
    type: ResourceType<T>,
    object: T,
    options: WriteOptions & { namespace?: string | undefined } = {},
  ): Promise<T> {
    const namespace = object.metadata?.namespace ?? options.namespace
    const path = resourcePath(type, { namespace }) + writeQuery(options)
    return this.#transport.json<T>({ method: 'POST', path, body: withKind(type, object) })
  }

  update<T extends KubeObject>(type: ResourceType<T>, object: T, options: WriteOptions = {}): Promise<T> {
    const { namespace, name } = object.metadata ?? {}
    const path = resourcePath(type, { namespace, name: name ?? '', subresource: options.subresource })
    return this.#transport.json<T>({ method: 'PUT', path: path + writeQuery(options), body: withKind(type, object) })
  }

  patch<T extends KubeObject>(
    type: ResourceType<T>,
    key: ObjectKey,
    patch: PatchType,
    body: unknown,
    options: WriteOptions = {},
  ): Promise<T> {
    const path = resourcePath(type, { ...key, subresource: options.subresource }) + writeQuery(options)
    return this.#transport.json<T>({ method: 'PATCH', path, body, contentType: patchTypes[patch] })
  }

  async delete<T extends KubeObject>(
    type: ResourceType<T>,
    key: ObjectKey,
    { cause: _cause, ...options }: DeleteOptions = {},
  ): Promise<void> {
    const body = { kind: 'DeleteOptions', apiVersion: 'v1', ...options }
    await this.#transport.json({ method: 'DELETE', path: resourcePath(type, key), body })
  }

  post<A extends KubeObject = KubeObject>(
    type: ResourceType,
    key: ObjectKey,
    subresource: string,
    body: KubeObject,
  ): Promise<A> {
    return this.#transport.json<A>({ method: 'POST', path: resourcePath(type, { ...key, subresource }), body })
  }

  resources(): ReturnType<Discovery['resources']> {
    return discover((path, accept) => this.#transport.json({ method: 'GET', path, accept }))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#transport[Symbol.asyncDispose]()
  }
}
