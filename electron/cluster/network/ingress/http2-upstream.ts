import { connect as http2Connect, constants, type ClientHttp2Session } from 'node:http2'
import type { EndpointAddress } from '../api.ts'
import { asObject, endToEnd, sendTrailers, type HeaderList } from './headers.ts'
import type { Connect } from './http1-upstream.ts'
import type { Answer, Call, OpenOptions, Upstream, UpstreamRequest } from './upstream.ts'

/** HTTP/2 without TLS, as gRPC servers speak it: one connection to an endpoint carries all requests. */
export class Http2Upstream implements Upstream {
  readonly #connect: Connect
  readonly #sessions = new Map<string, Promise<ClientHttp2Session>>()
  #closed = false

  constructor(connect: Connect) {
    this.#connect = connect
  }

  async open(endpoint: EndpointAddress, request: UpstreamRequest, { signal }: OpenOptions): Promise<Call> {
    const before = this.#sessions.size
    const session = await this.#session(endpoint)
    signal.throwIfAborted()
    const { host: _host, ...headers } = asObject(request.headers)
    const hasTrailers = headers['trailer'] !== undefined && request.hasBody
    const stream = session.request(
      {
        ...headers,
        ':method': request.method,
        ':path': request.target,
        ':authority': request.authority,
        ':scheme': request.secure ? 'https' : 'http',
        ...(request.hasBody && request.length !== undefined ? { 'content-length': String(request.length) } : {}),
      },
      { endStream: !request.hasBody, waitForTrailers: hasTrailers },
    )
    let sent: HeaderList = []
    let received: HeaderList = []
    if (hasTrailers) stream.once('wantTrailers', () => sendTrailers(stream, sent))
    stream.once('trailers', (_trailers, _flags, raw?: string[]) => (received = endToEnd(raw ?? [])))
    const answer = Promise.withResolvers<Answer>()
    answer.promise.catch(() => {})
    stream.on('error', (error) => answer.reject(error))
    stream.once('close', () => answer.reject(new Error(`the stream was closed (${stream.rstCode})`)))
    stream.once('response', (fields, flags, raw?: string[]) =>
      answer.resolve({
        status: fields[':status'] ?? 502,
        message: undefined,
        headers: raw ?? [],
        body: stream,
        empty: (flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0,
        trailers: () => received,
      }),
    )
    return {
      body: stream,
      setTrailers: (trailers) => (sent = trailers),
      reused: this.#sessions.size === before,
      answer: answer.promise,
      get refused() {
        return stream.rstCode === constants.NGHTTP2_REFUSED_STREAM
      },
      onContinue: (callback) => void stream.once('continue', callback),
      destroy() {
        if (!stream.readableEnded || !stream.writableFinished) stream.close(constants.NGHTTP2_CANCEL)
      },
    }
  }

  [Symbol.dispose](): void {
    this.#closed = true
    for (const session of this.#sessions.values())
      session.then(
        (opened) => opened.destroy(),
        () => {},
      )
    this.#sessions.clear()
  }

  #session(endpoint: EndpointAddress): Promise<ClientHttp2Session> {
    const key = `${endpoint.ip}:${endpoint.port}`
    const known = this.#sessions.get(key)
    if (known) return known
    const opening = this.#open(endpoint, () => {
      if (this.#sessions.get(key) === opening) this.#sessions.delete(key)
    })
    this.#sessions.set(key, opening)
    return opening
  }

  /** `forget`: it takes no further requests. */
  async #open(endpoint: EndpointAddress, forget: () => void): Promise<ClientHttp2Session> {
    try {
      const socket = await this.#connect(endpoint, '')
      const session = http2Connect('http://backend', { createConnection: () => socket })
      session.on('error', () => {})
      session.once('goaway', forget)
      session.once('close', forget)
      session.once('connect', () => session.setLocalWindowSize(1 << 20))
      if (this.#closed) session.destroy()
      return session
    } catch (error) {
      forget()
      throw error
    }
  }
}
