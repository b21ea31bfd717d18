import { isIP } from 'node:net'
import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { connect as tlsConnect } from 'node:tls'
import type { Clock } from '../../base/clock.ts'
import type { Logger } from '../../base/logger.ts'
import type { Random } from '../../base/random.ts'
import type { PodNetwork } from '../api.ts'
import type { EndpointAddress } from '../api.ts'
import { relay } from '../listeners/tcp-listener.ts'
import type { Backend, Backends } from './backend.ts'
import { findRoute, type BackendProtocol, type Route, type RoutingTable } from './decide.ts'
import { Http1Exchange, responseOn, type Exchange } from './exchange.ts'
import { endToEnd, requestHeaders, requestTrailers, type Origin } from './headers.ts'
import { hostName, isAuthority } from './host-map.ts'
import { answerOf, Http1Upstream } from './http1-upstream.ts'
import { Http2Upstream } from './http2-upstream.ts'
import { routedPath } from './path-map.ts'
import { plainAnswer } from './plain-answer.ts'
import { watchProgress } from './progress.ts'
import type { Answer, Call, Upstream, UpstreamRequest } from './upstream.ts'

export interface ProxyDeps {
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly backends: Backends
  readonly dial: PodNetwork['dial']
  /** Where HTTPS is served; undefined: nowhere. */
  readonly securePort: () => number | undefined
}

const connectTimeoutMs = 5000
/** Endpoints that are tried for a request until a connection stands. */
const mostAttempts = 4
/** As long as this nothing may happen: no byte of the request's body, and then no answer. */
const patienceMs = 60_000
/** Asked again they do no more than asked once. RFC 9110, 9.2.2. */
const idempotent = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE'])

/** Passes requests on to the backends that a table of routes leads to. */
export class Proxy implements Disposable {
  table: RoutingTable
  readonly #deps: ProxyDeps
  readonly #upstreams: { http: Http1Upstream; https: Http1Upstream; h2c: Http2Upstream }

  constructor(table: RoutingTable, deps: ProxyDeps) {
    this.table = table
    this.#deps = deps
    const connect = (endpoint: EndpointAddress) => this.#connect(endpoint)
    this.#upstreams = {
      http: new Http1Upstream(connect),
      https: new Http1Upstream((endpoint, serverName) => this.#connectSecurely(endpoint, serverName)),
      h2c: new Http2Upstream(connect),
    }
  }

  /** Answers a request. Never rejects. */
  async serve(exchange: Exchange): Promise<void> {
    try {
      const found = this.#route(exchange)
      if (found) await this.#forward(exchange, found.route, found.backend)
    } catch (error) {
      this.#deps.logger.warn('a request failed', { target: exchange.target, error: String((error as Error).stack) })
      if (!exchange.begun && !exchange.closed) plainAnswer(exchange, 500, 'this is a mistake of the ingress controller')
      else exchange.abort()
    }
  }

  /** A request to leave HTTP for WebSocket. Never rejects. */
  async upgrade(request: IncomingMessage, socket: Socket, head: Buffer, origin: Origin): Promise<void> {
    try {
      const response = responseOn(request, socket, this.#deps.clock)
      const exchange = new Http1Exchange(request, response, origin, this.#deps.clock)
      const found = this.#route(exchange)
      if (found) await this.#forwardUpgrade(exchange, request, { socket, head }, found.route, found.backend)
    } catch (error) {
      this.#deps.logger.warn('an upgrade failed', { target: request.url, error: String((error as Error).stack) })
      socket.destroy()
    }
  }

  [Symbol.dispose](): void {
    for (const upstream of Object.values(this.#upstreams)) upstream[Symbol.dispose]()
  }

  /** Where the request goes; undefined when it has been answered. */
  #route(exchange: Exchange): { route: Route; backend: Backend } | undefined {
    const { method, target, authority, origin } = exchange
    if (authority === undefined) return plainAnswer(exchange, 400, 'the request names several hosts')
    if (!isAuthority(authority)) return plainAnswer(exchange, 400, 'the request names no host that could be one')
    if (!target.startsWith('/') || method === 'CONNECT')
      return plainAnswer(exchange, 400, `${method} ${target} is nothing that an Ingress could serve`)
    const host = hostName(authority)
    const path = routedPath(target)
    const route = findRoute(this.table, host, path)
    if (!route) return plainAnswer(exchange, 404, `no Ingress has a rule for host ${host || '(none)'} and path ${path}`)
    const port = this.#deps.securePort()
    if (!origin.secure && port !== undefined && route.settings.sslRedirect && this.table.tls.get(host)) {
      const location = `https://${host}${port === 443 ? '' : `:${port}`}${target}`
      return plainAnswer(exchange, 308, `this host is served at ${location}`, ['Location', location])
    }
    const { length = 0 } = exchange
    if (length > route.settings.mostBodyBytes) return tooLarge(exchange, route)
    if (!route.backend)
      return plainAnswer(exchange, 503, `the backend that Ingress ${route.ingress} names is no Service`)
    return { route, backend: this.#deps.backends.get(route.backend) }
  }

  async #forward(exchange: Exchange, route: Route, backend: Backend): Promise<void> {
    const upstream: Upstream = this.#upstreams[protocolOf(route, backend)]
    const request = this.#requestTo(exchange)
    const gone = new AbortController()
    exchange.onClose(() => gone.abort(new Error('the client has gone')))
    // What may not be asked twice gets a connection that no backend is about to close.
    let fresh = request.hasBody || !idempotent.has(exchange.method)
    for (let again = false; ; again = true) {
      const connected = await this.#reach(exchange, backend, (endpoint) =>
        upstream.open(endpoint, request, { signal: gone.signal, fresh }),
      )
      if (!connected) return
      const { opened: call, release } = connected
      try {
        const failure = await this.#converse(exchange, route, call, gone.signal)
        if (!failure) return
        const whole = exchange.body === undefined && !exchange.begun && !exchange.closed
        if (again || !whole || !((call.reused && !fresh) || call.refused)) return broken(exchange, route, failure)
        fresh = true
      } finally {
        release()
        call.destroy()
      }
    }
  }

  /** The request's body to the backend and the answer to the client. Resolves at its end, with what broke before the answer began. */
  async #converse(exchange: Exchange, route: Route, call: Call, gone: AbortSignal): Promise<Error | undefined> {
    const { body } = exchange
    const progress = watchProgress(this.#deps.clock, patienceMs)
    try {
      if (body) {
        call.onContinue(() => exchange.closed || exchange.begun || exchange.continue())
        let received = 0
        body.on('data', (chunk: Buffer) => {
          progress.made()
          received += chunk.length
          if (received > route.settings.mostBodyBytes) progress.stop()
        })
        body.once('end', () => {
          progress.made()
          call.setTrailers(requestTrailers(exchange.trailers()))
        })
        body.on('error', () => {})
        call.body.on('error', () => {})
        body.pipe(call.body)
      }
      const answer = await Promise.race([call.answer, progress.ended, untilAborted(gone)])
      if (answer instanceof Error) return undefined
      if (answer === 'stopped') return tooLarge(exchange, route)
      if (answer === 'silent')
        return body && !body.readableEnded && !body.isPaused()
          ? plainAnswer(exchange, 408, 'the body of the request does not arrive')
          : plainAnswer(exchange, 504, `Service ${route.backend!.service} does not answer`)
      progress.cancel()
      await this.#pass(exchange, answer, route, AbortSignal.any([gone, progress.stopped]))
      return undefined
    } catch (error) {
      if (gone.aborted) return undefined
      return error as Error
    } finally {
      progress.cancel()
      // What is still to come of it nobody wants.
      if (body && !body.readableEnded) {
        body.unpipe()
        body.resume()
      }
    }
  }

  /** The answer of the backend to the client. Resolves when it is complete, or broken off. */
  async #pass(exchange: Exchange, answer: Answer, route: Route, stopped: AbortSignal): Promise<void> {
    const { body, status, message, empty } = answer
    if (status < 200) throw new Error(`it answered with status ${status}`)
    const outcome = new Promise<'ended' | Error>((resolve) => {
      body.once('end', () => resolve('ended'))
      body.on('error', resolve)
      body.once('close', () => resolve(new Error('the connection was closed')))
    })
    exchange.begin(status, message, endToEnd(answer.headers), empty ? 'none' : body.readableLength ? 'here' : 'coming')
    if (empty) {
      body.resume()
      await outcome
      return
    }
    body.pipe(exchange.out, { end: false })
    const how = await Promise.race([outcome, untilAborted(stopped)])
    if (how === 'ended') return exchange.finish(endToEnd(answer.trailers()))
    if (!stopped.aborted) this.#deps.logger.debug('an answer broke off', { ingress: route.ingress, error: how.message })
    exchange.abort()
  }

  async #forwardUpgrade(
    exchange: Http1Exchange,
    request: IncomingMessage,
    { socket, head }: { socket: Socket; head: Buffer },
    route: Route,
    backend: Backend,
  ): Promise<void> {
    const protocol = protocolOf(route, backend)
    const upstream = this.#upstreams[protocol === 'https' ? 'https' : 'http']
    const gone = new AbortController()
    socket.once('close', () => gone.abort(new Error('the client has gone')))
    const connected = await this.#reach(exchange, backend, async (endpoint) => {
      const call = upstream.upgrade(endpoint, this.#requestTo(exchange), request.headers.upgrade!, gone.signal)
      await call.connected
      return call
    })
    if (!connected) return
    const { opened, release } = connected
    socket.once('close', release)
    const cancel = this.#deps.clock.after(patienceMs, () => gone.abort(new Error('no answer')))
    try {
      const { response, socket: other, head: first } = await opened.outcome
      cancel()
      if (!other) {
        await this.#pass(exchange, answerOf(response, exchange.method), route, gone.signal)
        return release()
      }
      exchange.out.detachSocket(socket)
      socket.write(headOf(response))
      // Written, not put back: a client may have ended its side already.
      if (first?.length) socket.write(first)
      if (head.length) other.write(head)
      relay(socket, other)
    } catch (error) {
      cancel()
      release()
      if (!socket.destroyed) broken(exchange, route, error as Error)
    }
  }

  /** Opens something at an endpoint of the backend, at the next one where that fails; undefined when the request has been answered. */
  async #reach<T>(
    exchange: Exchange,
    backend: Backend,
    open: (endpoint: EndpointAddress) => Promise<T>,
  ): Promise<{ opened: T; release: () => void } | undefined> {
    const { balancer } = backend
    const tried: EndpointAddress[] = []
    let failure: Error | undefined
    while (tried.length < mostAttempts && !exchange.closed) {
      const endpoint = balancer.pick(exchange.origin.address, tried)
      if (!endpoint) break
      tried.push(endpoint)
      const release = once(balancer.use(endpoint))
      try {
        return { opened: await open(endpoint), release }
      } catch (error) {
        release()
        failure = error as Error
      }
    }
    if (exchange.closed) return undefined
    if (failure) plainAnswer(exchange, 502, `no endpoint could be reached: ${failure.message}`)
    else plainAnswer(exchange, 503, backend.problem ?? 'no endpoint is ready')
    return undefined
  }

  #requestTo(exchange: Exchange): UpstreamRequest {
    const { method, target, authority = '', headers, origin, body, length } = exchange
    return {
      method,
      target,
      authority,
      secure: origin.secure,
      headers: requestHeaders(headers, authority, origin, this.#deps.random.uuid()),
      hasBody: body !== undefined,
      length,
    }
  }

  async #connect({ ip, port }: EndpointAddress): Promise<Duplex> {
    const stop = new AbortController()
    const cancel = this.#deps.clock.after(connectTimeoutMs, () =>
      stop.abort(new Error(`${ip}:${port} does not answer`)),
    )
    try {
      return await this.#deps.dial(ip, port, stop.signal)
    } finally {
      cancel()
    }
  }

  /** Whoever answers is believed, as by other ingress controllers: pods rarely have certificates that anybody knows. */
  async #connectSecurely(endpoint: EndpointAddress, serverName: string): Promise<Duplex> {
    const name = isIP(endpoint.ip) ? serverName : endpoint.ip
    const plain = await this.#connect(endpoint)
    return new Promise((resolve, reject) => {
      const servername = isIP(name.replace(/^\[|\]$/g, '')) ? '' : name
      const socket = tlsConnect({ socket: plain, servername, rejectUnauthorized: false, ALPNProtocols: ['http/1.1'] })
      const cancel = this.#deps.clock.after(connectTimeoutMs, () => socket.destroy(new Error('no TLS handshake')))
      socket.once('secureConnect', () => {
        cancel()
        socket.off('error', reject)
        resolve(socket)
      })
      socket.once('error', reject)
      socket.once('close', cancel)
    })
  }
}

const protocolOf = ({ settings }: Route, backend: Backend): BackendProtocol =>
  backend.protocol ?? settings.protocol ?? 'http'

const tooLarge = (exchange: Exchange, { settings }: Route): undefined =>
  plainAnswer(exchange, 413, `the body of a request may have ${settings.mostBodyBytes} bytes here`)

/** The connection to the backend broke before the answer began. */
function broken(exchange: Exchange, { backend }: Route, { message }: Error): void {
  if (exchange.begun) exchange.abort()
  else if (!exchange.closed)
    plainAnswer(exchange, 502, `the connection to an endpoint of Service ${backend!.service} broke: ${message}`)
}

const untilAborted = (signal: AbortSignal): Promise<Error> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve(signal.reason as Error)
    else signal.addEventListener('abort', () => resolve(signal.reason as Error), { once: true })
  })

function once(callback: () => void): () => void {
  let done = false
  return () => {
    if (!done) callback()
    done = true
  }
}

/** The head of an answer with which a connection leaves HTTP. */
function headOf({ statusCode, statusMessage, rawHeaders }: IncomingMessage): string {
  let head = `HTTP/1.1 ${statusCode} ${statusMessage || 'Switching Protocols'}\r\n`
  for (let i = 0; i < rawHeaders.length; i += 2) head += `${rawHeaders[i]}: ${rawHeaders[i + 1]}\r\n`
  return `${head}\r\n`
}
