import type { IncomingMessage, ServerResponse } from 'node:http'
import { tooLarge, readBody } from './read-body.ts'
import type { AnswerStream, Exchange, HeaderList, Peer } from './exchange.ts'
import { margin } from './gather.ts'
import { closeBehindAnswer } from '../../base/http/linger.ts'
import type { PiecePool } from './piece-pool.ts'
import { chunkOf } from '../storage/watch-batch.ts'
import { writePieces } from './write-pieces.ts'

/** An exchange over HTTP/1.1. */
export class Http1Exchange implements Exchange {
  readonly peer: Peer
  common: HeaderList = []
  answered: number | undefined
  received: Buffer | undefined
  readonly #request: IncomingMessage
  readonly #response: ServerResponse

  constructor(request: IncomingMessage, response: ServerResponse, peer: Peer) {
    this.#request = request
    this.#response = response
    this.peer = peer
  }

  get method(): string {
    return this.#request.method!
  }

  get target(): string {
    return this.#request.url!
  }

  get incoming(): IncomingMessage {
    return this.#request
  }

  header(name: string): string | undefined {
    const value = this.#request.headers[name]
    return Array.isArray(value) ? value.join(', ') : value
  }

  headers(name: string): readonly string[] {
    return this.#request.headersDistinct[name] ?? []
  }

  headerNames(): readonly string[] {
    return Object.keys(this.#request.headers)
  }

  async body(limit: number): Promise<Buffer> {
    const length = this.#request.headers['content-length']
    if (length !== undefined && Number(length) > limit) throw tooLarge(limit)
    if (length === '0') return Buffer.alloc(0)
    return (this.received = await readBody(this.#request, limit, this.#request.headers['content-encoding']))
  }

  send(status: number, headers: HeaderList, body: Buffer): void {
    if (this.#response.headersSent || this.closed) return
    const { complete, headers: asked } = this.#request
    const unread = !complete && ((asked['content-length'] ?? '0') !== '0' || asked['transfer-encoding'] !== undefined)
    const all = [...headers, ...this.common, 'Content-Length', String(body.length)]
    // What was not read of a body would be taken for the next request.
    if (unread) {
      all.push('Connection', 'close')
      const { socket, clock } = this.peer
      socket.destroySoon = () => closeBehindAnswer(socket, clock)
    }
    this.answered = status
    this.#response.writeHead(status, all)
    this.#response.end(this.method === 'HEAD' ? undefined : body)
  }

  async sendPieces(status: number, headers: HeaderList, pieces: Iterable<Buffer>): Promise<void> {
    const response = this.#response
    this.answered = status
    response.writeHead(status, [...headers, ...this.common, 'Transfer-Encoding', 'chunked'])
    response.flushHeaders()
    try {
      const { socket } = response
      if (this.method !== 'HEAD') {
        // Past the response, which would have TLS copy each piece together with what it writes around it. One that waits
        // for an answer before it on the connection has no socket yet.
        if (socket) await writePieces(socket, chunks(pieces, this.peer.pieces), this.peer)
        else await writePieces(response, pieces, this.peer)
      }
      response.end()
    } catch (error) {
      response.destroy()
      throw error
    }
  }

  stream(status: number, headers: HeaderList): AnswerStream {
    const response = this.#response
    this.answered = status
    const hasBody = this.method !== 'HEAD' && status !== 204 && status !== 304
    // What is passed on from elsewhere may say its length.
    const inChunks = hasBody && !headers.some((name, i) => i % 2 === 0 && /^content-length$/i.test(name))
    response.writeHead(status, [...headers, ...this.common, ...(inChunks ? ['Transfer-Encoding', 'chunked'] : [])])
    response.flushHeaders()
    const { socket } = response
    // Chunks are written past the response, because many connections share them ready made.
    const direct = inChunks && socket !== null && !response.writableCorked ? socket : undefined
    return {
      write(bytes, chunk) {
        if (direct) direct.write(chunk ? chunk() : chunkOf(bytes))
        else if (hasBody) response.write(bytes)
      },
      get buffered() {
        return direct ? direct.writableLength : response.writableLength
      },
      whenDrained(callback) {
        if ((direct ?? response).writableNeedDrain) (direct ?? response).once('drain', callback)
        else callback()
      },
      end: () => response.end(),
      destroy: () => response.destroy(),
    }
  }

  onClose(callback: () => void): void {
    this.#response.once('close', callback)
  }

  get closed(): boolean {
    return this.#response.destroyed
  }
}

/** The pieces as chunks of HTTP/1.1, without copying those that have room for it. */
function* chunks(pieces: Iterable<Buffer>, pool: PiecePool): Iterable<Buffer> {
  for (const piece of pieces) {
    if (!piece.length) continue
    if (!pool.has(piece)) {
      yield chunkOf(piece)
      continue
    }
    const chunk = Buffer.from(
      piece.buffer,
      piece.byteOffset - margin.before,
      margin.before + piece.length + margin.after,
    )
    chunk.write(`${piece.length.toString(16).padStart(margin.before - 2, '0')}\r\n`, 'latin1')
    chunk.write('\r\n', chunk.length - margin.after, 'latin1')
    yield chunk
  }
}
