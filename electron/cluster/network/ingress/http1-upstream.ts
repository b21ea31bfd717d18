import { Agent, request as httpRequest, type AgentOptions, type ClientRequest, type IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import type { HeaderList } from './headers.ts'
import { hostName } from './host-map.ts'
import type { Answer, Call, OpenOptions, Upstream, UpstreamRequest } from './upstream.ts'
import type { EndpointAddress } from '../api.ts'

/** Opens a connection to an endpoint. */
export type Connect = (endpoint: EndpointAddress, serverName: string) => Promise<Duplex>

/** Unused for so long a connection is closed, in milliseconds: most servers keep theirs for 5 s and longer. */
const idleMs = 4000
const mostIdle = 64
const mostHeaderBytes = 64 * 1024

/** HTTP/1.1, over connections that are used again. */
export class Http1Upstream implements Upstream {
  readonly #kept: Agent
  readonly #once: Agent

  constructor(connect: Connect) {
    this.#kept = new DialingAgent(connect, { keepAlive: true, timeout: idleMs, maxFreeSockets: mostIdle })
    this.#once = new DialingAgent(connect, { keepAlive: false })
  }

  open(endpoint: EndpointAddress, request: UpstreamRequest, { signal, fresh }: OpenOptions): Promise<Call> {
    const framing = !request.hasBody
      ? []
      : request.length === undefined
        ? ['Transfer-Encoding', 'chunked']
        : ['Content-Length', String(request.length)]
    const outgoing = send(endpoint, request, [...request.headers, ...framing], fresh ? this.#once : this.#kept)
    if (request.hasBody) outgoing.flushHeaders()
    else outgoing.end()
    return new Promise((resolve, reject) => {
      const answer = Promise.withResolvers<Answer>()
      // Who gives up on it does not listen.
      answer.promise.catch(() => {})
      const give = () => outgoing.destroy(signal.reason as Error)
      signal.addEventListener('abort', give, { once: true })
      outgoing.on('error', (error) => {
        reject(error)
        answer.reject(error)
      })
      outgoing.once('socket', () => {
        signal.removeEventListener('abort', give)
        resolve({
          body: outgoing,
          setTrailers(trailers) {
            try {
              if (trailers.length) outgoing.addTrailers(pairs(trailers))
            } catch (error) {
              outgoing.destroy(error as Error)
            }
          },
          reused: outgoing.reusedSocket,
          answer: answer.promise,
          refused: false,
          onContinue: (callback) => void outgoing.once('continue', callback),
          destroy: () => void outgoing.destroy(),
        })
      })
      outgoing.once('response', (response) => answer.resolve(answerOf(response, request.method)))
    })
  }

  /** Asks to leave HTTP. Resolves with the backend's connection, or with its answer when it stays. */
  upgrade(
    endpoint: EndpointAddress,
    request: UpstreamRequest,
    protocol: string,
    signal: AbortSignal,
  ): { connected: Promise<void>; outcome: Promise<{ response: IncomingMessage; socket?: Duplex; head?: Buffer }> } {
    const headers = [...request.headers, 'Connection', 'Upgrade', 'Upgrade', protocol]
    const outgoing = send(endpoint, request, headers, this.#once)
    const connected = Promise.withResolvers<void>()
    const outcome = Promise.withResolvers<{ response: IncomingMessage; socket?: Duplex; head?: Buffer }>()
    outcome.promise.catch(() => {})
    signal.addEventListener('abort', () => outgoing.destroy(signal.reason as Error), { once: true })
    outgoing.on('error', (error) => {
      connected.reject(error)
      outcome.reject(error)
    })
    outgoing.once('socket', () => connected.resolve())
    outgoing.once('upgrade', (response, socket, head) => outcome.resolve({ response, socket, head }))
    outgoing.once('response', (response) => outcome.resolve({ response }))
    outgoing.end()
    return { connected: connected.promise, outcome: outcome.promise }
  }

  [Symbol.dispose](): void {
    this.#kept.destroy()
    this.#once.destroy()
  }
}

const send = (
  { ip, port }: EndpointAddress,
  { method, target, authority }: UpstreamRequest,
  headers: readonly string[],
  agent: Agent,
): ClientRequest => {
  // The agent hands it on to whoever opens the connection.
  const options = { agent, host: ip, port, servername: hostName(authority), method, path: target, headers }
  return httpRequest({ ...options, maxHeaderSize: mostHeaderBytes })
}

export function answerOf(response: IncomingMessage, method: string): Answer {
  const { statusCode: status = 502, statusMessage: message, rawHeaders: headers } = response
  const empty = method === 'HEAD' || status === 204 || status === 205 || status === 304
  return { status, message, headers, body: response, empty, trailers: () => response.rawTrailers }
}

function pairs(list: HeaderList): [string, string][] {
  const made: [string, string][] = []
  for (let i = 0; i < list.length; i += 2) made.push([list[i]!, list[i + 1]!])
  return made
}

/** Keeps connections as Node's does, and has them opened by somebody else. */
class DialingAgent extends Agent {
  readonly #connect: Connect

  constructor(connect: Connect, options: AgentOptions) {
    super(options)
    this.#connect = connect
  }

  override createConnection(
    options: { host?: string; port?: number | string; servername?: string },
    callback: (error: Error | null, socket: Duplex) => void,
  ): undefined {
    const { host = '', port, servername = '' } = options
    this.#connect({ ip: host, port: Number(port) }, servername).then(
      (socket) => callback(null, socket),
      (error: Error) => callback(error, undefined as never),
    )
  }
}
