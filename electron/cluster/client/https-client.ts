import type { KubeList, KubeObject, WatchEvent } from '#shared/kube/object.ts'
import type { ResourceType } from '#shared/kube/resources.ts'
import { serviceUnavailable, StatusError } from '#shared/kube/status.ts'
import type {
  CreateOptions,
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
import { requests } from './request.ts'
import { lines } from './watch-stream.ts'

const metadataList = 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1'
const metadataWatch = 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1'

/** KubeClient over HTTPS with a client certificate or a token. Objects are plain decoded JSON. */
export class HttpsClient implements KubeClient, Discovery, AsyncDisposable {
  readonly #transport: HttpsTransport

  constructor(options: HttpsOptions) {
    this.#transport = new HttpsTransport(options)
  }

  get<T extends KubeObject>(type: ResourceType<T>, key: ObjectKey, options: GetOptions = {}): Promise<T> {
    return this.#transport.json<T>(requests.get(type, key, options))
  }

  async list<T extends KubeObject>(type: ResourceType<T>, options: ListOptions = {}): Promise<KubeList<T>> {
    const accept = options.metadataOnly ? { accept: metadataList } : {}
    const list = await this.#transport.json<KubeList<T>>({ ...requests.list(type, options), ...accept })
    // A server writes an empty list of metadata alone as null.
    return { ...list, items: list.items ?? [] }
  }

  async *watch<T extends KubeObject>(
    type: ResourceType<T>,
    options: WatchOptions,
  ): AsyncGenerator<WatchEvent<T>, void> {
    const { signal } = options
    const accept = options.metadataOnly ? { accept: metadataWatch } : {}
    const request = requests.watch(type, options)
    if (signal.aborted) return
    try {
      const response = await this.#transport.stream({ ...request, signal, ...accept })
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
      throw error instanceof StatusError
        ? error
        : serviceUnavailable(`GET ${request.path}: ${(error as Error).message}`)
    }
  }

  create<T extends KubeObject>(type: ResourceType<T>, object: T, options: CreateOptions = {}): Promise<T> {
    return this.#transport.json<T>(requests.create(type, object, options))
  }

  update<T extends KubeObject>(type: ResourceType<T>, object: T, options: WriteOptions = {}): Promise<T> {
    return this.#transport.json<T>(requests.update(type, object, options))
  }

  patch<T extends KubeObject>(
    type: ResourceType<T>,
    key: ObjectKey,
    patch: PatchType,
    body: unknown,
    options: WriteOptions = {},
  ): Promise<T> {
    return this.#transport.json<T>(requests.patch(type, key, patch, body, options))
  }

  async delete<T extends KubeObject>(
    type: ResourceType<T>,
    key: ObjectKey,
    options: DeleteOptions = {},
  ): Promise<void> {
    await this.#transport.json(requests.delete(type, key, options))
  }

  post<A extends KubeObject = KubeObject>(
    type: ResourceType,
    key: ObjectKey,
    subresource: string,
    body: KubeObject,
  ): Promise<A> {
    return this.#transport.json<A>(requests.post(type, key, subresource, body))
  }

  resources(): ReturnType<Discovery['resources']> {
    return discover((path, accept) => this.#transport.json({ method: 'GET', path, accept }))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#transport[Symbol.asyncDispose]()
  }
}
