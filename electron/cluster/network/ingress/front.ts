import { createServer as createHttp1Server, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer as createHttp2Server, type Http2Server, type ServerHttp2Session } from 'node:http2'
import { createServer as createTcpServer, type AddressInfo, type Server as NetServer, type Socket } from 'node:net'
import { createServer as createTlsServer, type SecureContext, type TLSSocket } from 'node:tls'
import type { Clock } from '../../base/clock.ts'
import { answerMalformed } from '../../base/http/malformed.ts'
import { oneAtATime } from '../../base/http/one-at-a-time.ts'
import { dropStalled } from '../../base/http/stalled.ts'
import type { Logger } from '../../base/logger.ts'
import type { Place } from '../api.ts'
import { bind, type Listener } from '../listeners/tcp-listener.ts'
import { Http1Exchange, Http2Exchange, type Exchange } from './exchange.ts'
import type { Origin } from './headers.ts'
import { plainAnswer } from './plain-answer.ts'

export interface FrontDeps {
  readonly clock: Clock
  readonly logger: Logger
  /** Shown to clients that name no host, PEM. */
  readonly certificate: { readonly certificate: string; readonly key: string }
  /** Undefined: the certificate above. */
  readonly secureContext: (serverName: string) => SecureContext | undefined
  readonly onExchange: (exchange: Exchange) => void
  readonly onUpgrade: (request: IncomingMessage, socket: Socket, head: Buffer, origin: Origin) => void
}

/** Of all headers of a request. */
const mostHeaderBytes = 64 * 1024
/** For requests under way when the front closes, in milliseconds: their pods end at the same time. */
const gracePeriod = 300

/** Takes connections and reads requests: HTTP/1, and HTTP/2 where TLS agrees on it. */
export class Front implements AsyncDisposable {
  readonly #deps: FrontDeps
  readonly #http1: Server
  readonly #http2: Http2Server
  readonly #sockets = new Set<Socket>()
  readonly #sessions = new Set<ServerHttp2Session>()
  readonly #origins = new WeakMap<object, Origin>()
  readonly #watching: Disposable
  #connecting: Socket | undefined
  #closing = false

  constructor(deps: FrontDeps) {
    this.#deps = deps
    this.#http1 = this.#createHttp1()
    this.#http2 = this.#createHttp2()
    this.#watching = dropStalled({ ...deps, sockets: this.#sockets, sessions: this.#sessions })
  }

  /** Rejects with the system's error when the port may not be bound. Disposal frees the port and lets connections drain. */
  async listen({ host, port }: Place, secure: boolean): Promise<Listener> {
    const server: NetServer = secure
      ? createTlsServer(
          {
            cert: this.#deps.certificate.certificate,
            key: this.#deps.certificate.key,
            SNICallback: (name, done) => done(null, this.#deps.secureContext(name.toLowerCase())),
            ALPNProtocols: ['h2', 'http/1.1'],
            minVersion: 'TLSv1.2',
            handshakeTimeout: 10_000,
            allowHalfOpen: true,
            noDelay: true,
          },
          (socket) => this.#take(socket),
        ).on('tlsClientError', () => {})
      : createTcpServer({ allowHalfOpen: true, noDelay: true }, (socket) => this.#take(socket))
    await bind(server, host, port)
    const bound = (server.address() as AddressInfo).port
    return {
      host,
      port: bound,
      async [Symbol.asyncDispose]() {
        // The callback of close comes when the last connection has drained; the port is free at once.
        server.close()
      },
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing = true
    this.#watching[Symbol.dispose]()
    const drained = Promise.all([...this.#sockets].map((socket) => new Promise((done) => socket.once('close', done))))
    this.#http1.close()
    this.#http1.closeIdleConnections()
    for (const session of this.#sessions) session.close()
    const cancel = this.#deps.clock.after(gracePeriod, () => {
      for (const socket of this.#sockets) socket.destroy()
    })
    await drained
    cancel()
  }

  #take(socket: Socket | TLSSocket): void {
    if (this.#closing) return void socket.destroy()
    this.#sockets.add(socket)
    socket.once('close', () => this.#sockets.delete(socket))
    socket.on('error', () => {})
    const secure = 'alpnProtocol' in socket
    this.#origins.set(socket, { address: socket.remoteAddress ?? '', port: socket.localPort ?? 0, secure })
    if (!secure || socket.alpnProtocol !== 'h2') return void this.#http1.emit('connection', socket)
    // The session is made, and announced, within this call; later it hides its socket.
    this.#connecting = socket
    this.#http2.emit('connection', socket)
    this.#connecting = undefined
  }

  #createHttp1(): Server {
    const { clock, logger, onExchange, onUpgrade } = this.#deps
    /** The answer to the latest request of a connection. Those before it are written first. */
    const latest = new WeakMap<Socket, ServerResponse>()
    const server = createHttp1Server({
      keepAliveTimeout: 75_000,
      headersTimeout: 32_000,
      // Bodies take as long as they arrive: whoever passes them on watches that.
      requestTimeout: 0,
      maxHeaderSize: mostHeaderBytes,
      // Other protocols are not spoken, and behind an answer that is still to come nothing leaves HTTP: such a request is
      // answered like any other. RFC 9110, 7.8.
      shouldUpgradeCallback: ({ headers, socket }) =>
        headers.upgrade?.toLowerCase() === 'websocket' && latest.get(socket)?.writableFinished !== false,
    })
    // Their size bounds them already.
    server.maxHeadersCount = 0
    // A client may end its side of the connection behind its request.
    ;(server as Server & { httpAllowHalfOpen: boolean }).httpAllowHalfOpen = true
    // It is handed its connections and never listens itself; only when it believes it does are slow headers timed.
    server.emit('listening')
    const originOf = ({ socket }: IncomingMessage) => this.#origins.get(socket)!
    const serve = oneAtATime((request: IncomingMessage, response: ServerResponse) => {
      if (this.#closing) response.shouldKeepAlive = false
      const exchange = new Http1Exchange(request, response, originOf(request), clock)
      const coding = request.headers['transfer-encoding']
      // What is coded twice would be passed on coded once.
      if (coding !== undefined && coding.toLowerCase() !== 'chunked')
        plainAnswer(exchange, 501, `the transfer coding ${JSON.stringify(coding)} is not known here`)
      else onExchange(exchange)
    })
    const take = (request: IncomingMessage, response: ServerResponse) => {
      latest.set(request.socket, response)
      serve(request, response)
    }
    server.on('request', take)
    // The backend says whether it wants the body.
    server.on('checkContinue', take)
    server.on('clientError', (error, socket) => answerMalformed(error, socket as Socket, { clock, logger }))
    server.on('upgrade', (request, socket, head) => onUpgrade(request, socket as Socket, head, originOf(request)))
    return server
  }

  #createHttp2(): Http2Server {
    const server = createHttp2Server({
      settings: { maxConcurrentStreams: 250, initialWindowSize: 1 << 20, maxHeaderListSize: mostHeaderBytes },
      maxHeaderListPairs: mostHeaderBytes / 32,
    })
    server.on('session', (session) => {
      this.#sessions.add(session)
      this.#origins.set(session, this.#origins.get(this.#connecting!)!)
      session.setLocalWindowSize(4 << 20)
      session.once('close', () => this.#sessions.delete(session))
      session.on('error', () => {})
    })
    server.on('stream', (stream, fields, _flags, headers: string[]) => {
      stream.on('error', () => {})
      this.#deps.onExchange(new Http2Exchange(stream, fields, headers, this.#origins.get(stream.session!)!))
    })
    return server
  }
}
