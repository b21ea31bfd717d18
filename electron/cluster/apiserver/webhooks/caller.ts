import { Agent, request as send, type RequestOptions } from 'node:https'
import type { IncomingMessage } from 'node:http'
import { StatusError } from '#shared/kube/status.ts'
import type { Clock } from '../../base/clock.ts'
import { parseExactly } from '../../schema/json/exact.ts'
import { dialError } from '../connect/dial-error.ts'
import { reachService, type ReachDeps } from '../connect/reach.ts'
import { answerFailure, resolveFailure, WebhookCallError } from './call-error.ts'

/** Where a webhook is: one of url and service. As in the objects that configure one. */
export interface WebhookClientConfig {
  readonly url?: string | undefined
  readonly service?:
    | {
        readonly namespace?: string | undefined
        readonly name?: string | undefined
        readonly path?: string | undefined
        readonly port?: number | undefined
      }
    | undefined
  /** Base64 of PEM. Absent: the system's authorities. */
  readonly caBundle?: string | undefined
}

export interface WebhookCallerDeps extends ReachDeps {
  readonly clock: Pick<Clock, 'after'>
}

interface Target {
  /** As errors show it, with the timeout that the webhook is told. */
  readonly url: string
  readonly options: RequestOptions
}

const largestAnswer = 8 * 1024 * 1024
/** Configurations beyond this many share nothing: the one unused longest loses its connections. */
const mostAgents = 64
const idleMs = 90_000

/** Posts reviews. Connections are kept open, per authority and name. */
export class WebhookCaller implements Disposable {
  readonly #deps: WebhookCallerDeps
  readonly #agents = new Map<string, Agent>()

  constructor(deps: WebhookCallerDeps) {
    this.#deps = deps
  }

  /** The answer's JSON. Rejects with {@link WebhookCallError}, also when the time is over. */
  async post(config: WebhookClientConfig, review: unknown, timeoutMs: number): Promise<unknown> {
    const body = Buffer.from(JSON.stringify(review))
    const seconds = Math.ceil(timeoutMs / 1000)
    const { url, options } = await this.#target(config, `?timeout=${seconds}s`)
    const failed = (why: string) => new WebhookCallError(`Post ${JSON.stringify(url)}: ${why}`)
    const { status, text } = await this.#exchange(options, body, timeoutMs).catch((error: Error) => {
      throw failed(error instanceof WebhookCallError ? error.message : dialError(error))
    })
    if (status < 200 || status > 206) throw new WebhookCallError(answerFailure(status, text))
    try {
      return parseExactly(text)
    } catch (error) {
      throw new WebhookCallError(`couldn't get version/kind; json parse error: ${(error as Error).message}`)
    }
  }

  async #target({ url, service, caBundle = '' }: WebhookClientConfig, query: string): Promise<Target> {
    if (url !== undefined) {
      const { hostname, port, pathname } = new URL(url)
      const host = hostname.replace(/^\[(.*)\]$/, '$1')
      return {
        url: `${url}${query}`,
        options: { host, port: port || 443, path: `${pathname}${query}`, agent: this.#agent(caBundle, host) },
      }
    }
    const { namespace = '', name = '', path = '/', port = 443 } = service ?? {}
    const serverName = `${name}.${namespace}.svc`
    const where = `${path.startsWith('/') ? path : `/${path}`}${query}`
    const shown = `https://${serverName}:${port}${where}`
    try {
      const { host, port: number } = await reachService(this.#deps, { namespace, name, port })
      return {
        url: shown,
        options: {
          host,
          port: number,
          path: where,
          agent: this.#agent(caBundle, serverName),
          servername: serverName,
          headers: { host: `${serverName}:${port}` },
        },
      }
    } catch (error) {
      if (!(error instanceof StatusError)) throw error
      throw new WebhookCallError(`Post ${JSON.stringify(shown)}: ${resolveFailure(error, name)}`)
    }
  }

  #agent(caBundle: string, name: string): Agent {
    const key = `${name} ${caBundle}`
    const known = this.#agents.get(key)
    if (known) {
      this.#agents.delete(key)
      this.#agents.set(key, known)
      return known
    }
    const authority = caBundle ? { ca: Buffer.from(caBundle, 'base64') } : {}
    const made = new Agent({ ...authority, keepAlive: true, timeout: idleMs, maxFreeSockets: 16, scheduling: 'lifo' })
    this.#agents.set(key, made)
    if (this.#agents.size > mostAgents) {
      const [oldest, agent] = this.#agents.entries().next().value!
      this.#agents.delete(oldest)
      agent.destroy()
    }
    return made
  }

  #exchange(options: RequestOptions, body: Buffer, timeoutMs: number): Promise<{ status: number; text: string }> {
    const { promise, resolve, reject } = Promise.withResolvers<{ status: number; text: string }>()
    const headers = {
      ...(options.headers as Record<string, string> | undefined),
      accept: 'application/json, */*',
      'content-type': 'application/json',
      'content-length': body.length,
      'user-agent': 'kube-apiserver-admission',
    }
    let current: ReturnType<typeof send> | undefined
    const cancel = this.#deps.clock.after(timeoutMs, () =>
      current?.destroy(new WebhookCallError('context deadline exceeded')),
    )
    const attempt = (isRetry: boolean) => {
      const asking = send({ ...options, method: 'POST', headers })
      current = asking
      asking.once('response', (answer) => void read(answer).then(resolve, reject))
      asking.on('error', (error: NodeJS.ErrnoException) => {
        // The other side may close a kept connection just when it is used again: nobody has read the request then.
        const isStale = asking.reusedSocket && (error.code === 'ECONNRESET' || error.code === 'EPIPE')
        if (isStale && !isRetry) attempt(true)
        else reject(error)
      })
      asking.end(body)
    }
    attempt(false)
    return promise.finally(cancel)
  }

  [Symbol.dispose](): void {
    for (const agent of this.#agents.values()) agent.destroy()
    this.#agents.clear()
  }
}

async function read(answer: IncomingMessage): Promise<{ status: number; text: string }> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > largestAnswer) {
      answer.destroy()
      throw new WebhookCallError(`the answer is longer than ${largestAnswer} bytes`)
    }
    chunks.push(chunk)
  }
  return { status: answer.statusCode ?? 0, text: Buffer.concat(chunks).toString() }
}
