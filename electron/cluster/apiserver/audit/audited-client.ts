import type { KubeList, KubeObject, WatchEvent } from '#shared/kube/object.ts'
import type { ResourceType } from '#shared/kube/resources.ts'
import { internal, StatusError } from '#shared/kube/status.ts'
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
} from '../../client/api.ts'
import type { Request } from '../../client/https-transport.ts'
import { requests } from '../../client/request.ts'
import { authenticated } from '../authn/user.ts'
import type { Authorizer } from '../authz/authorizer.ts'
import { gitVersion } from '../discovery/version.ts'
import { attributesOf } from '../filters/attributes.ts'
import { requestInfo } from '../filters/request-info.ts'
import { jsonAnswer, plainJson, statusAnswer, type Answer } from '../handlers/answer.ts'
import type { UserInfo } from '../registry/kind.ts'
import type { Audit, Audited, Trail } from './audit.ts'

export interface AuditedClientDeps {
  audit: Audit
  authorizer: Authorizer
  user: UserInfo
  /** The client itself; one that notes what admission says of a request for each that is written down. */
  client(annotate?: (key: string, value: string) => void): KubeClient
}

/** A client without a network whose requests are written down as those of everybody are. */
export class AuditedClient implements KubeClient {
  readonly #audit: Audit
  readonly #authorizer: Authorizer
  readonly #user: UserInfo
  readonly #client: AuditedClientDeps['client']
  readonly #plain: KubeClient

  constructor({ audit, authorizer, user, client }: AuditedClientDeps) {
    this.#audit = audit
    this.#authorizer = authorizer
    this.#user = authenticated(user)
    this.#client = client
    this.#plain = client()
  }

  get<T extends KubeObject>(type: ResourceType<T>, key: ObjectKey, options: GetOptions = {}): Promise<T> {
    return this.#recorded(requests.get(type, key, options), (client) => client.get(type, key, options))
  }

  list<T extends KubeObject>(type: ResourceType<T>, options: ListOptions = {}): Promise<KubeList<T>> {
    return this.#recorded(requests.list(type, options), (client) => client.list(type, options))
  }

  async *watch<T extends KubeObject>(type: ResourceType<T>, options: WatchOptions): AsyncGenerator<WatchEvent<T>> {
    const trail = this.#begin(requests.watch(type, options))
    try {
      trail?.started()
      yield* this.#plain.watch(type, options)
    } catch (error) {
      trail?.completed(failureOf(error))
      throw error
    } finally {
      trail?.completed(undefined)
    }
  }

  create<T extends KubeObject>(type: ResourceType<T>, object: T, options: CreateOptions = {}): Promise<T> {
    return this.#recorded(requests.create(type, object, options), (client) => client.create(type, object, options))
  }

  update<T extends KubeObject>(type: ResourceType<T>, object: T, options: WriteOptions = {}): Promise<T> {
    return this.#recorded(requests.update(type, object, options), (client) => client.update(type, object, options))
  }

  patch<T extends KubeObject>(
    type: ResourceType<T>,
    key: ObjectKey,
    patch: PatchType,
    body: unknown,
    options: WriteOptions = {},
  ): Promise<T> {
    const send = (client: KubeClient) => client.patch(type, key, patch, body, options)
    return this.#recorded(requests.patch(type, key, patch, body, options), send)
  }

  delete<T extends KubeObject>(type: ResourceType<T>, key: ObjectKey, options: DeleteOptions = {}): Promise<void> {
    return this.#recorded(requests.delete(type, key, options), (client) => client.delete(type, key, options))
  }

  post<A extends KubeObject = KubeObject>(
    type: ResourceType,
    key: ObjectKey,
    subresource: string,
    body: KubeObject,
  ): Promise<A> {
    const send = (client: KubeClient) => client.post<A>(type, key, subresource, body)
    return this.#recorded(requests.post(type, key, subresource, body), send)
  }

  async #recorded<T>(sent: Request, send: (client: KubeClient) => Promise<T>): Promise<T> {
    const trail = this.#begin(sent)
    if (!trail) return send(this.#plain)
    try {
      const result = await send(this.#client((key, value) => void (trail.annotations[key] = value)))
      trail.completed(answerOf(trail, sent.method === 'POST' ? 201 : 200, result))
      return result
    } catch (error) {
      trail.completed(failureOf(error))
      throw error
    }
  }

  /** Undefined: the policy wants nothing of it. */
  #begin({ method, path, body }: Request): Trail | undefined {
    const asked = attributesOf(requestInfo(method, path), this.#user)
    const trail = this.#audit.begin(new LocalExchange(path, body), asked)
    trail?.decided(this.#authorizer.authorize(asked))
    return trail
  }
}

class LocalExchange implements Audited {
  readonly target: string
  readonly answered = undefined
  readonly peer = { address: '127.0.0.1' }
  common: readonly string[] = []
  readonly #body: unknown

  constructor(target: string, body: unknown) {
    this.target = target
    this.#body = body
  }

  /** Written out for who asks only. */
  get received(): Buffer | undefined {
    return this.#body === undefined ? undefined : Buffer.from(JSON.stringify(this.#body))
  }

  header(name: string): string | undefined {
    return name === 'user-agent' ? `wheelhouse/${gitVersion}` : undefined
  }
}

function answerOf(trail: Trail, status: number, result: unknown): Answer {
  if (trail.takesBodies && result !== undefined) return jsonAnswer(status, result)
  return { ...plainEmpty, status }
}

const plainEmpty: Answer = { status: 200, contentType: 'application/json', body: Buffer.alloc(0) }

const failureOf = (error: unknown): Answer =>
  statusAnswer(error instanceof StatusError ? error.status : internal((error as Error).message).status, plainJson)
