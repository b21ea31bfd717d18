import { constants, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2'
import { readBody, tooLarge } from './read-body.ts'
import type { AnswerStream, Exchange, HeaderList, Peer } from './exchange.ts'
import { writePieces } from './write-pieces.ts'

/** An exchange over one stream of HTTP/2, on Node's stream API: its compatibility layer costs as much as the rest. */
export class Http2Exchange implements Exchange {
  readonly peer: Peer
  common: HeaderList = []
  answered: number | undefined
  received: Buffer | undefined
  readonly #stream: ServerHttp2Stream
  readonly #headers: IncomingHttpHeaders

  constructor(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, peer: Peer) {
    this.#stream = stream
    this.#headers = headers
    this.peer = peer
  }

  get method(): string {
    return this.#headers[':method'] as string
  }

  get target(): string {
    return this.#headers[':path'] as string
  }

  get incoming(): ServerHttp2Stream {
    return this.#stream
  }

  header(name: string): string | undefined {
    const value = this.#headers[name === 'host' && this.#headers.host === undefined ? ':authority' : name]
    return Array.isArray(value) ? value.join(', ') : (value as string | undefined)
  }

  headers(name: string): readonly string[] {
    const value = this.#headers[name] as string | string[] | undefined
    return value === undefined ? [] : Array.isArray(value) ? value : value.split(', ')
  }

  headerNames(): readonly string[] {
    return Object.keys(this.#headers).filter((name) => !name.startsWith(':'))
  }

  async body(limit: number): Promise<Buffer> {
    if (Number(this.#headers['content-length'] ?? 0) > limit) throw tooLarge(limit)
    if (this.#stream.readableEnded) return Buffer.alloc(0)
    const encoding = this.#headers['content-encoding'] as string | undefined
    return (this.received = await readBody(this.#stream, limit, encoding))
  }

  send(status: number, headers: HeaderList, body: Buffer): void {
    if (this.closed || this.#stream.headersSent) return
    const head = this.#head(status, headers)
    head['content-length'] = body.length
    if (this.method === 'HEAD' || body.length === 0) return this.#stream.respond(head, { endStream: true })
    this.#stream.respond(head)
    this.#stream.end(body)
    // A body that nobody will read keeps the stream open.
    if (!this.#stream.readableEnded) this.#stream.resume()
  }

  async sendPieces(status: number, headers: HeaderList, pieces: Iterable<Buffer>): Promise<void> {
    if (this.closed) return
    this.#stream.respond(this.#head(status, headers))
    try {
      await writePieces(this.#stream, pieces, this.peer)
      this.#stream.end()
    } catch (error) {
      this.#stream.close(constants.NGHTTP2_INTERNAL_ERROR)
      throw error
    }
  }

  stream(status: number, headers: HeaderList): AnswerStream {
    const stream = this.#stream
    if (!this.closed) stream.respond(this.#head(status, headers))
    return {
      write: (bytes) => void (stream.writable && stream.write(bytes)),
      get buffered() {
        return stream.writableLength
      },
      whenDrained(callback) {
        if (stream.writableNeedDrain) stream.once('drain', callback)
        else callback()
      },
      end: () => stream.end(),
      destroy: () => stream.close(constants.NGHTTP2_CANCEL),
    }
  }

  #head(status: number, headers: HeaderList): Record<string, string | number | string[]> {
    this.answered = status
    return headersOf(status, this.common.length ? [...headers, ...this.common] : headers)
  }

  onClose(callback: () => void): void {
    this.#stream.once('close', callback)
  }

  get closed(): boolean {
    return this.#stream.destroyed || this.#stream.closed
  }
}

function headersOf(status: number, headers: HeaderList): Record<string, string | number | string[]> {
  const head: Record<string, string | number | string[]> = { ':status': status }
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i]!.toLowerCase()
    const known = head[name]
    const value = headers[i + 1]!
    head[name] = known === undefined ? value : Array.isArray(known) ? [...known, value] : [String(known), value]
  }
  return head
}
