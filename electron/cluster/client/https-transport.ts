import { Agent, request as httpsRequest } from 'node:https'
import type { IncomingMessage } from 'node:http'
import { isAbsolute } from 'node:path'
import { serviceUnavailable, statusFailure, StatusError, type Status } from '#shared/kube/status.ts'
import type { Clock } from '../base/clock.ts'

export interface HttpsOptions {
  /** Such as `https://127.0.0.1:6443`. */
  readonly server: string
  /** PEM. */
  readonly ca: string | Buffer
  /** Client certificate and key, PEM. */
  readonly cert?: string | Buffer
  readonly key?: string | Buffer
  /** Bearer token, or where to read the current one before each request. */
  readonly token?: string | (() => string)
  readonly userAgent: string
  readonly clock: Clock
  /** Connections for everything but watches. */
  readonly maxConnections?: number
}

export interface Request {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** With the query. */
  readonly path: string
  readonly body?: unknown
  readonly contentType?: string
  readonly accept?: string
  readonly signal?: AbortSignal
  /** Nobody reads what a success is answered with. */
  readonly unread?: boolean | undefined
}

/** How often a request that the server turned away with Retry-After is made again (client-go: 10). */
const maxRetries = 10
/** A request without an answer for so long has failed, in milliseconds. Watches have a limit of their own. */
const requestTimeout = 60_000
/** Bookmarks come about once a minute: a watch silent for so long is dead, in milliseconds. */
const watchTimeout = 150_000

/** Requests over kept connections; failures become StatusErrors. */
export class HttpsTransport implements AsyncDisposable {
  readonly #options: HttpsOptions
  readonly #url: URL
  readonly #requests: Agent
  readonly #watches: Agent

  constructor(options: HttpsOptions) {
    this.#options = options
    this.#url = new URL(options.server)
    const tls = {
      ca: options.ca,
      keepAlive: true,
      ...(options.cert ? { cert: options.cert } : {}),
      ...(options.key ? { key: options.key } : {}),
    }
    this.#requests = new Agent({ ...tls, maxSockets: options.maxConnections ?? 32, scheduling: 'lifo' })
    this.#watches = new Agent(tls)
  }

  /** The decoded JSON of a successful answer; nothing where that is not read. */
  async json<T>(request: Request): Promise<T> {
    for (let attempt = 0; ; attempt++) {
      const response = await this.#sendAgain(request)
      const status = response.statusCode ?? 0
      if (request.unread && status < 300) return drained(response, request) as Promise<T>
      const text = await readText(response, request)
      const wait = Number(response.headers['retry-after'])
      if (status < 300) return JSON.parse(text) as T
      if (!(wait > 0) || (status !== 429 && status < 500) || attempt >= maxRetries) throw statusOf(status, text)
      await this.#options.clock.sleep(wait * 1000, request.signal)
    }
  }

  /** The body of a successful answer as it arrives. */
  async stream(request: Request): Promise<IncomingMessage> {
    const response = await this.#send(request, this.#watches, watchTimeout)
    const status = response.statusCode ?? 0
    if (status < 300) return response
    throw statusOf(status, await readText(response, request))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#requests.destroy()
    this.#watches.destroy()
  }

  /** Reads may be repeated when a kept connection turns out to have been closed by the server. */
  async #sendAgain(request: Request): Promise<IncomingMessage> {
    try {
      return await this.#send(request, this.#requests, requestTimeout)
    } catch (error) {
      if (request.method !== 'GET' || !(error as { onKeptConnection?: boolean }).onKeptConnection) throw error
      return this.#send(request, this.#requests, requestTimeout)
    }
  }

  #send(request: Request, agent: Agent, timeout: number): Promise<IncomingMessage> {
    const { token, userAgent } = this.#options
    const body = request.body === undefined ? undefined : Buffer.from(JSON.stringify(request.body))
    const bearer = typeof token === 'function' ? token() : token
    const headers = {
      accept: request.accept ?? 'application/json',
      'user-agent': userAgent,
      ...(bearer ? { authorization: `Bearer ${bearer}` } : {}),
      ...(body ? { 'content-type': request.contentType ?? 'application/json', 'content-length': body.length } : {}),
    }
    const { method, path, signal } = request
    const { hostname, port } = this.#url
    return new Promise((resolve, reject) => {
      const host = hostname.replace(/^\[|\]$/g, '')
      const servername = isAddress(host) ? '' : host
      const options = {
        host,
        port: port || 443,
        servername,
        path,
        method,
        headers,
        agent,
        timeout,
        ...(signal ? { signal } : {}),
      }
      const sent = httpsRequest(options, resolve)
      sent.on('timeout', () => sent.destroy(new Error(`no answer within ${timeout / 1000} s`)))
      sent.on('error', (error) => {
        const failure = unreachable(request, error)
        reject(Object.assign(failure, { onKeptConnection: sent.reusedSocket }))
      })
      sent.end(body)
    })
  }
}

async function readText(response: IncomingMessage, request: Request): Promise<string> {
  try {
    const chunks: Buffer[] = []
    for await (const chunk of response) chunks.push(chunk as Buffer)
    return Buffer.concat(chunks).toString('utf8')
  } catch (error) {
    throw unreachable(request, error as Error)
  }
}

/** Resolves when all of the answer has come: its connection is free for the next request. */
function drained(response: IncomingMessage, request: Request): Promise<unknown> {
  return new Promise((resolve, reject) => {
    response.on('end', () => resolve({}))
    response.on('error', (error) => reject(unreachable(request, error)))
    response.on('close', () => reject(unreachable(request, new Error('the answer broke off'))))
    response.resume()
  })
}

const unreachable = ({ method, path }: Request, error: Error): StatusError =>
  serviceUnavailable(`${method} ${path}: ${error.message}`)

/** The Status that the server answered, or one made from whatever else it said. */
function statusOf(code: number, text: string): StatusError {
  try {
    const status = JSON.parse(text) as Status
    if (status.kind === 'Status') return new StatusError(status)
  } catch {
    // Not JSON: a proxy or the server's last words.
  }
  return statusFailure(code, 'Unknown', text.slice(0, 512) || `the server answered ${code}`)
}

const isAddress = (host: string): boolean => host.includes(':') || /^[\d.]+$/.test(host) || isAbsolute(host)
