import { createServer as createHttp1Server, ServerResponse, type IncomingMessage } from 'node:http'
import { createServer as createHttp2Server, type ServerHttp2Session } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { createServer as createTlsServer, type TLSSocket } from 'node:tls'
import type { Clock } from '../../base/clock.ts'
import type { Logger } from '../../base/logger.ts'
import { answerMalformed } from '../../base/http/malformed.ts'
import type { Exchange, Peer, Upgrade } from './exchange.ts'
import { PiecePool } from './piece-pool.ts'
import { oneAtATime } from '../../base/http/one-at-a-time.ts'
import { dropStalled } from '../../base/http/stalled.ts'
import { Http1Exchange } from './http1-exchange.ts'
import { Http2Exchange } from './http2-exchange.ts'

export interface ListenerDeps {
  /** PEM: what the server shows, and whose clients it knows. */
  certificate: string
  key: string
  authorities: readonly string[]
  clock: Clock
  logger: Logger
  onExchange(exchange: Exchange): void
  onUpgrade(upgrade: Upgrade): void
}

export interface Listener extends AsyncDisposable {
  readonly port: number
  /** Takes no new connections; answers under way go on. */
  stop(): void
}

const gracePeriod = 300
/** As Go's server takes them: its DefaultMaxHeaderBytes, and the buffer that it reads through. */
const mostHeaderBytes = (1 << 20) + 4096
/** Node's library for HTTP/2 reads eight further frames of 16 KB for one request, and ends the connection at the next. */
const mostHeaderListBytes = 128 * 1024

/**
 * One TLS port for HTTP/1.1 and HTTP/2, told apart by ALPN. Client certificates are asked for but not required: whether
 * one is good is for authentication to say.
 */
export async function listen(deps: ListenerDeps, at: { host: string; port: number }): Promise<Listener> {
  const peers = new WeakMap<TLSSocket, Peer>()
  const pieces = new PiecePool()
  const peerOf = (socket: TLSSocket): Peer => {
    let peer = peers.get(socket)
    if (!peer) peers.set(socket, (peer = { socket, address: socket.remoteAddress ?? '', clock: deps.clock, pieces }))
    return peer
  }
  const sockets = new Set<TLSSocket>()
  const sessions = new Set<ServerHttp2Session>()

  const http1 = createHttp1Server({
    keepAliveTimeout: 120_000,
    headersTimeout: 32_000,
    requestTimeout: 60_000,
    maxHeaderSize: mostHeaderBytes,
  })
  // Their size bounds them already.
  http1.maxHeadersCount = 0
  // It is handed its connections and never listens itself; only when it believes it does are slow headers and bodies timed.
  http1.emit('listening')
  const exchangeOf = (request: IncomingMessage, response: ServerResponse) =>
    new Http1Exchange(request, response, peerOf(request.socket as TLSSocket))
  http1.on(
    'request',
    oneAtATime((request, response) => deps.onExchange(exchangeOf(request, response))),
  )
  http1.on('clientError', (error, socket) => answerMalformed(error, socket as TLSSocket, deps))
  http1.on('upgrade', (request, socket, head) => {
    const response = new ServerResponse(request)
    response.assignSocket(request.socket)
    response.shouldKeepAlive = false
    // Only a refusal is written as an answer; nothing follows it on this connection.
    response.once('finish', () => socket.end())
    const exchange = exchangeOf(request, response)
    deps.onUpgrade({ exchange, socket, head, rawHeaders: request.rawHeaders })
  })
  const http2 = createHttp2Server({
    settings: { maxConcurrentStreams: 250, initialWindowSize: 1 << 20, maxHeaderListSize: mostHeaderListBytes },
    maxHeaderListPairs: mostHeaderListBytes / 32,
  })
  const peerOfSession = new WeakMap<object, Peer>()
  let connecting: TLSSocket | undefined
  http2.on('session', (session) => {
    sessions.add(session)
    peerOfSession.set(session, peerOf(connecting!))
    session.setLocalWindowSize(4 << 20)
    session.once('close', () => sessions.delete(session))
    session.on('error', () => {})
  })
  http2.on('stream', (stream, headers) => {
    stream.on('error', () => {})
    deps.onExchange(new Http2Exchange(stream, headers, peerOfSession.get(stream.session!)!))
  })

  const tls = createTlsServer({
    cert: deps.certificate,
    key: deps.key,
    ca: [...deps.authorities],
    requestCert: true,
    rejectUnauthorized: false,
    ALPNProtocols: ['h2', 'http/1.1'],
    minVersion: 'TLSv1.2',
    handshakeTimeout: 10_000,
    noDelay: true,
    keepAlive: true,
  })
  tls.on('secureConnection', (socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
    socket.on('error', () => {})
    // Node's own, for whoever wants to write keys down: it looks at each of the listeners that every request adds and removes.
    socket.removeAllListeners('newListener')
    if (socket.alpnProtocol !== 'h2') return void http1.emit('connection', socket)
    // The session is made, and announced, within this call; later it hides its socket.
    connecting = socket
    http2.emit('connection', socket)
    connecting = undefined
  })
  tls.on('tlsClientError', () => {})
  await new Promise<void>((resolve, reject) => {
    tls.once('error', reject)
    tls.listen({ host: at.host, port: at.port, backlog: 1024 }, () => {
      tls.off('error', reject)
      // No free file descriptor, say: this connection is lost, the server is not.
      tls.on('error', (error) => deps.logger.warn('a connection could not be taken', { error: error.message }))
      resolve()
    })
  })

  const watching = dropStalled({ clock: deps.clock, logger: deps.logger, sockets, sessions })

  return {
    port: (tls.address() as AddressInfo).port,
    stop: () => void tls.close(),
    async [Symbol.asyncDispose]() {
      watching[Symbol.dispose]()
      const closed = new Promise<void>((resolve) => tls.close(() => resolve()))
      http1.close()
      for (const session of sessions) session.close()
      const cancel = deps.clock.after(gracePeriod, () => {
        for (const session of sessions) session.destroy()
        for (const socket of sockets) socket.destroy()
      })
      await closed
      cancel()
    },
  }
}
