import type { Duplex } from 'node:stream'
import type { TLSSocket } from 'node:tls'
import type { Clock } from '../../base/clock.ts'
import type { PiecePool } from './piece-pool.ts'

/** Names and values in turn, as Node's raw headers. */
export type HeaderList = readonly string[]

/** One connection, whatever it carries. */
export interface Peer {
  readonly socket: TLSSocket
  readonly address: string
  /** Times the answers to slow readers, and what certificates are good for. */
  readonly clock: Pick<Clock, 'after' | 'now'>
  /** Where the pieces of large answers come from and go back to. */
  readonly pieces: PiecePool
  /** A place for authentication to keep what the connection's certificate says. */
  identity?: unknown
}

/** One request and its answer, over HTTP/1.1 or a stream of HTTP/2. Exactly one of the answering calls is made. */
export interface Exchange {
  readonly method: string
  /** Path and query as they were sent. */
  readonly target: string
  readonly peer: Peer
  /** `name` in lower case. Several values are joined by `, `. */
  header(name: string): string | undefined
  /** All values of a header. */
  headers(name: string): readonly string[]
  /** Names of all headers, in lower case. */
  headerNames(): readonly string[]
  /** The whole body. Rejects with 413 beyond the limit, and when the client goes away. */
  body(limit: number): Promise<Buffer>
  /** Headers that every answer gets, whoever sends it. */
  common: HeaderList
  /** The status that was answered with; undefined before. */
  readonly answered: number | undefined
  /** The body, once somebody has read it. */
  received: Buffer | undefined
  send(status: number, headers: HeaderList, body: Buffer): void
  /** A large answer, made as fast as the client reads. Rejects when making it fails; the client sees it broken off. */
  sendPieces(status: number, headers: HeaderList, pieces: Iterable<Buffer>): Promise<void>
  /** An answer that goes on. */
  stream(status: number, headers: HeaderList): AnswerStream
  /** Called once when the answer is complete or the client is gone. */
  onClose(callback: () => void): void
  readonly closed: boolean
  /** The connection itself, for proxies: the request's body as a stream. */
  readonly incoming: NodeJS.ReadableStream
}

export interface AnswerStream {
  /** `chunk` gives the same bytes as a chunk of HTTP/1.1, for answers that many connections share. */
  write(bytes: Buffer, chunk?: () => Buffer): void
  /** Bytes that wait for the client to read. */
  readonly buffered: number
  /** Called once when the buffer has been read; now if there is nothing in it. */
  whenDrained(callback: () => void): void
  end(): void
  destroy(): void
}

/** A request to leave HTTP: exec, attach, port-forward, proxied WebSockets. */
export interface Upgrade {
  readonly exchange: Exchange
  readonly socket: Duplex
  /** What came behind the request's headers. */
  readonly head: Buffer
  /** The request's headers as they were sent. */
  readonly rawHeaders: HeaderList
}
