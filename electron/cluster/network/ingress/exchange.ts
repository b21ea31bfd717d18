import { ServerResponse, STATUS_CODES, type IncomingMessage } from 'node:http'
import { constants, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2'
import type { Socket } from 'node:net'
import type { Readable, Writable } from 'node:stream'
import type { Clock } from '../../base/clock.ts'
import { closeBehindAnswer } from '../../base/http/linger.ts'
import { asObject, sendTrailers, type HeaderList, type Origin } from './headers.ts'

/** Whether an answer has a body: none, one that is being written right now, or one that may take its time. */
export type BodyState = 'none' | 'here' | 'coming'

/** A request of a client and its answer, over HTTP/1 or a stream of HTTP/2. */
export interface Exchange {
  readonly method: string
  /** Path and query as they were sent. */
  readonly target: string
  /** Host and port as the client names them; undefined when it names none, or several. */
  readonly authority: string | undefined
  readonly headers: HeaderList
  readonly origin: Origin
  /** Undefined when the request has none. */
  readonly body: Readable | undefined
  /** Bytes of the body where the client told them beforehand. */
  readonly length: number | undefined
  /** What followed the body, once that has ended. */
  trailers(): HeaderList
  /** Where the body of the answer goes. */
  readonly out: Writable
  /** The head of the answer has been sent. */
  readonly begun: boolean
  /** Sends the head of the answer, with `none` all of it. Throws on headers that cannot be sent. */
  begin(status: number, message: string | undefined, headers: HeaderList, body: BodyState): void
  /** Completes an answer that is not empty. */
  finish(trailers: HeaderList): void
  /** A whole answer. What was not read of the request is not waited for. */
  answer(status: number, headers: HeaderList, body: string): void
  /** Tells the client to send the body that it holds back. */
  continue(): void
  /** Ends it so that the client sees that the answer is not complete. */
  abort(): void
  /** Called once, when the answer is complete or the client has gone. */
  onClose(callback: () => void): void
  readonly closed: boolean
}

const isEmpty = (method: string, status: number): boolean =>
  method === 'HEAD' || status === 204 || status === 205 || status === 304

export class Http1Exchange implements Exchange {
  readonly method: string
  readonly target: string
  readonly authority: string | undefined
  readonly origin: Origin
  readonly #request: IncomingMessage
  readonly #response: ServerResponse
  readonly #clock: Pick<Clock, 'after'>

  constructor(request: IncomingMessage, response: ServerResponse, origin: Origin, clock: Pick<Clock, 'after'>) {
    this.#request = request
    this.#response = response
    this.#clock = clock
    this.method = request.method!
    this.origin = origin
    const hosts = request.headersDistinct['host'] ?? []
    // A proxy's form of target names the host, whatever the header says. RFC 9112, 3.2.2.
    const absolute = /^https?:\/\/([^/?#]*)(.*)$/i.exec(request.url!)
    this.authority = hosts.length > 1 ? undefined : (absolute?.[1] ?? hosts[0] ?? '')
    this.target = !absolute ? request.url! : absolute[2]!.startsWith('/') ? absolute[2]! : `/${absolute[2]!}`
  }

  get headers(): HeaderList {
    return this.#request.rawHeaders
  }

  get body(): IncomingMessage | undefined {
    const { headers } = this.#request
    return headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0'
      ? this.#request
      : undefined
  }

  get length(): number | undefined {
    const length = this.#request.headers['content-length']
    return length === undefined ? undefined : Number(length)
  }

  get out(): ServerResponse {
    return this.#response
  }

  get begun(): boolean {
    return this.#response.headersSent
  }

  trailers(): HeaderList {
    return this.#request.rawTrailers
  }

  begin(status: number, message: string | undefined, headers: HeaderList, body: BodyState): void {
    this.#response.writeHead(status, message || STATUS_CODES[status] || 'Unknown', [...headers])
    if (body === 'none') this.#response.end()
    // A body that is here goes out with the head.
    else if (body === 'coming') this.#response.flushHeaders()
  }

  finish(trailers: HeaderList): void {
    if (trailers.length) {
      const pairs: [string, string][] = []
      for (let i = 0; i < trailers.length; i += 2) pairs.push([trailers[i]!, trailers[i + 1]!])
      this.#response.addTrailers(pairs)
    }
    this.#response.end()
  }

  answer(status: number, headers: HeaderList, body: string): void {
    const all = [...headers, 'Content-Length', String(Buffer.byteLength(body))]
    // What was not read of a body would be taken for the next request.
    if (!this.#request.complete && this.body) {
      all.push('Connection', 'close')
      const { socket } = this.#request
      socket.destroySoon = () => closeBehindAnswer(socket, this.#clock)
    }
    this.#response.writeHead(status, all)
    this.#response.end(isEmpty(this.method, status) ? undefined : body)
  }

  continue(): void {
    this.#response.writeContinue()
  }

  abort(): void {
    this.#response.destroy()
  }

  onClose(callback: () => void): void {
    this.#response.once('close', callback)
  }

  get closed(): boolean {
    return this.#response.destroyed || this.#request.socket.destroyed
  }
}

export class Http2Exchange implements Exchange {
  readonly method: string
  readonly target: string
  readonly authority: string | undefined
  readonly headers: HeaderList
  readonly origin: Origin
  readonly body: Readable | undefined
  readonly length: number | undefined
  readonly #stream: ServerHttp2Stream
  #trailers: HeaderList = []
  #received: HeaderList = []

  /** `fields` and `headers`: the same twice, as Node hands them over. */
  constructor(stream: ServerHttp2Stream, fields: IncomingHttpHeaders, headers: HeaderList, origin: Origin) {
    this.#stream = stream
    this.headers = headers
    this.origin = origin
    this.method = fields[':method'] ?? ''
    this.target = fields[':path'] ?? ''
    this.authority = fields[':authority'] ?? fields.host ?? ''
    this.body = stream.endAfterHeaders ? undefined : stream
    const length = fields['content-length']
    this.length = length === undefined ? undefined : Number(length)
    stream.once('trailers', (_trailers, _flags, raw?: string[]) => (this.#received = raw ?? []))
    stream.once('wantTrailers', () => sendTrailers(stream, this.#trailers))
  }

  get out(): ServerHttp2Stream {
    return this.#stream
  }

  get begun(): boolean {
    return this.#stream.headersSent
  }

  trailers(): HeaderList {
    return this.#received
  }

  begin(status: number, _message: string | undefined, headers: HeaderList, body: BodyState): void {
    const head = { ':status': status, ...asObject(headers) }
    this.#stream.respond(head, body === 'none' ? { endStream: true } : { waitForTrailers: true })
  }

  finish(trailers: HeaderList): void {
    this.#trailers = trailers
    this.#stream.end()
  }

  answer(status: number, headers: HeaderList, body: string): void {
    const head = { ':status': status, ...asObject(headers), 'content-length': Buffer.byteLength(body) }
    const empty = isEmpty(this.method, status) || body === ''
    this.#stream.respond(head, { endStream: empty })
    if (!empty) this.#stream.end(body)
    // A body that nobody will read keeps the stream open.
    this.#stream.resume()
  }

  continue(): void {
    this.#stream.additionalHeaders({ ':status': 100 })
  }

  abort(): void {
    this.#stream.close(constants.NGHTTP2_INTERNAL_ERROR)
  }

  onClose(callback: () => void): void {
    this.#stream.once('close', callback)
  }

  get closed(): boolean {
    return this.#stream.destroyed || this.#stream.closed
  }
}

/** A response that is written to a connection which has left HTTP, for when the backend stays. */
export function responseOn(request: IncomingMessage, socket: Socket, clock: Pick<Clock, 'after'>): ServerResponse {
  const response = new ServerResponse(request)
  response.assignSocket(socket)
  response.shouldKeepAlive = false
  // What the client still sends nobody reads any more, and so its end would not be seen.
  response.once('finish', () => closeBehindAnswer(socket, clock))
  return response
}
