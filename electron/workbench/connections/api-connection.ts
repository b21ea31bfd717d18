import type { IncomingMessage } from 'node:http'
import type { RequestOptions } from 'node:https'
import { WebSocket } from 'ws'
import type { KubeObject, WatchEvent } from '#shared/kube/object.ts'
import { StatusError, unauthorized, type Status } from '#shared/kube/status.ts'
import { cancelled, Failure, unreachable } from '../failure.ts'
import { addHeaders, Authorization } from './authorization.ts'
import { refusal, Silence, textOf, bodyOf, warningsOf } from './body.ts'
import { exchange, shakeHands, type Patience } from './exchange.ts'
import { jsonLines } from './json-lines.ts'
import type { Access } from './kubeconfigs.ts'
import { changes } from './protection.ts'

export interface Call {
  method?: string
  /** A string goes as it is, anything else as JSON. */
  body?: unknown
  contentType?: string
  accept?: string
  signal?: AbortSignal
  /** Milliseconds without a byte after which the server counts as gone. */
  patience?: number
}

export interface Answer<T> {
  value: T
  /** Texts of Warning headers. */
  warnings: string[]
}

/** Whether the server answered, whatever it said; `recovered`: the first time after it did not. */
export type Contact = { reached: true; recovered: boolean } | { reached: false; error: unknown }

const usualPatience: Patience = { connectMs: 10_000, answerMs: 65_000, watchMs: 90_000 }
let count = 0

/**
 * One authenticated connection to an API server. Lists and watches are read as raw JSON: the typed client would
 * deserialize every object into a class. Rejects with StatusError (the server said no) or Failure (it said nothing).
 */
export class ApiConnection {
  /** Unique in this process. */
  readonly id = ++count
  readonly server: string
  #authorization: Authorization
  #patience: Patience
  #lost = false
  #listeners = new Set<(contact: Contact) => void>()
  #assertOpen: () => void

  /** `assertOpen` throws while no changes may be sent. */
  constructor(access: Access, patience: Partial<Patience> = {}, assertOpen: () => void = () => {}) {
    this.#assertOpen = assertOpen
    this.#authorization = new Authorization(access)
    this.#patience = { ...usualPatience, ...patience }
    this.server = (access.cluster?.server ?? '').replace(/\/$/, '')
  }

  /** A person asks: a login that failed is tried again, which nothing else does for a while. */
  retryLogin(): void {
    this.#authorization.retry()
  }

  /** Told after every request. */
  onContact(callback: (contact: Contact) => void): Disposable {
    this.#listeners.add(callback)
    return { [Symbol.dispose]: () => void this.#listeners.delete(callback) }
  }

  async json<T>(path: string, call: Call = {}): Promise<Answer<T>> {
    const response = await this.open(path, call)
    try {
      const text = await textOf(response, call.patience ?? this.#patience.answerMs, this.server)
      return { value: (text === '' ? undefined : JSON.parse(text)) as T, warnings: warningsOf(response) }
    } catch (error) {
      if (error instanceof SyntaxError)
        throw new Failure(
          'BadAnswer',
          `${this.server} does not answer as a Kubernetes API server does.`,
          'Check the server address, and that no login page of the network is in between.',
        )
      throw this.#explained(error, call.signal)
    }
  }

  /** An answer whose body is the caller's to read (with {@link body}). Ends when the signal aborts. */
  async open(path: string, call: Call = {}): Promise<IncomingMessage> {
    if (changes(call.method ?? 'GET', path)) this.#assertOpen()
    const response = await this.#withLogin(call.signal, (options) => this.#exchange(path, call, options))
    const code = response.statusCode ?? 0
    if (code >= 200 && code < 300) return response
    throw await this.#refused(response)
  }

  /** The bytes of an opened answer. */
  async *body(
    response: IncomingMessage,
    { patience = Infinity, signal }: Pick<Call, 'patience' | 'signal'> = {},
  ): AsyncGenerator<Buffer> {
    try {
      yield* bodyOf(response, patience, this.server)
    } catch (error) {
      throw this.#explained(error, signal)
    }
  }

  /**
   * Opens a watch; its events come until the server or the signal ends it, or it falls silent (half-open connections
   * after sleep, or behind a VPN): the caller goes on from the last version. An ERROR event throws its StatusError.
   */
  async watch<T extends KubeObject>(
    path: string,
    signal: AbortSignal,
    accept?: string,
  ): Promise<AsyncGenerator<WatchEvent<T>>> {
    const response = await this.open(path, { signal, ...(accept ? { accept } : {}) })
    return this.#events(response, signal)
  }

  async *#events<T extends KubeObject>(response: IncomingMessage, signal: AbortSignal): AsyncGenerator<WatchEvent<T>> {
    try {
      for await (const event of jsonLines<WatchEvent<T>>(bodyOf(response, this.#patience.watchMs, this.server))) {
        if (event.type === 'ERROR') throw new StatusError(event.object as unknown as Status)
        yield event
      }
    } catch (error) {
      if (error instanceof Silence) return
      throw this.#explained(error, signal)
    }
  }

  /**
   * A WebSocket in one of the given subprotocols, paused: a server may speak at once, and whoever listens resumes it.
   * Rejects with what the server said when it refuses.
   */
  async upgrade(path: string, protocols: readonly string[], signal: AbortSignal): Promise<WebSocket> {
    if (changes('GET', path)) this.#assertOpen()
    const opened = await this.#withLogin(signal, (options) =>
      shakeHands(this.server.replace(/^http/, 'ws') + path, protocols, options, this.#patience, signal),
    )
    if (opened instanceof WebSocket) return opened
    throw await this.#refused(opened)
  }

  async #exchange(path: string, call: Call, options: RequestOptions): Promise<IncomingMessage> {
    const { method = 'GET', body, contentType = 'application/json', accept = 'application/json', signal } = call
    const payload = body === undefined || typeof body === 'string' ? body : JSON.stringify(body)
    Object.assign(options, { method, ...(signal ? { signal } : {}) })
    addHeaders(options, {
      accept,
      'accept-encoding': 'gzip',
      'user-agent': 'wheelhouse',
      ...(payload === undefined ? {} : { 'content-type': contentType, 'content-length': Buffer.byteLength(payload) }),
    })
    const patience = { ...this.#patience, ...(call.patience ? { answerMs: call.patience } : {}) }
    return await exchange(new URL(this.server + path), options, payload, patience)
  }

  /** A login that the server no longer takes is made anew, once. */
  async #withLogin<T extends IncomingMessage | WebSocket>(
    signal: AbortSignal | undefined,
    send: (options: RequestOptions) => Promise<T>,
  ): Promise<T> {
    try {
      for (let attempt = 0; ; attempt++) {
        const { options, credential } = await this.#authorization.options()
        const answer = await send(options)
        const refused = !(answer instanceof WebSocket) && answer.statusCode === 401
        if (!refused || attempt > 0 || !this.#authorization.forget(credential)) {
          this.#tell(refused ? unauthorized() : undefined)
          return answer
        }
        answer.resume()
      }
    } catch (error) {
      const explained = this.#explained(error, signal)
      if (explained instanceof Failure && explained.reason !== 'Cancelled') {
        this.#tell(explained)
        // Certificates may have been replaced.
        this.#authorization.renew()
      }
      throw explained
    }
  }

  async #refused(response: IncomingMessage): Promise<StatusError> {
    const text = await textOf(response, this.#patience.answerMs, this.server).catch(() => '')
    return refusal(response.statusCode ?? 0, text)
  }

  #explained(error: unknown, signal: AbortSignal | undefined): unknown {
    if (signal?.aborted) return cancelled()
    return unreachable(error, this.server) ?? error
  }

  #tell(error: unknown): void {
    const contact: Contact = error === undefined ? { reached: true, recovered: this.#lost } : { reached: false, error }
    this.#lost = error !== undefined
    for (const callback of this.#listeners) callback(contact)
  }
}
