import { Duplex } from 'node:stream'
import type { WebSocket } from 'ws'
import { decodeMessage, encodeMessage, type ChannelProtocol } from './protocols.ts'

const largestMessage = 32 * 1024
/** How much the reader of one channel may lag before the whole connection waits for it. */
const readBuffer = 256 * 1024

/** One channel of a WebSocket: a byte stream in both directions, of which callers use what their protocol has. */
class Channel extends Duplex {
  readonly #number: number
  readonly #holder: ChannelSocket
  blocked = false

  constructor(holder: ChannelSocket, number: number) {
    super({ allowHalfOpen: true, readableHighWaterMark: readBuffer, writableHighWaterMark: largestMessage })
    this.#holder = holder
    this.#number = number
    this.on('error', () => {})
  }

  override _read(): void {
    this.blocked = false
    this.#holder.resume()
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: (error?: Error | null) => void): void {
    const piece = chunk.subarray(0, largestMessage)
    this.#holder.send(this.#number, piece, () => {
      if (piece.length === chunk.length) callback()
      else this._write(chunk.subarray(piece.length), 'utf8', callback)
    })
  }
}

/** Splits a WebSocket into numbered channels. Reading stops while one of the readers lags. */
export class ChannelSocket {
  /** Resolves when the connection is gone, however. */
  readonly closed: Promise<void>
  readonly #socket: WebSocket
  readonly #protocol: ChannelProtocol
  readonly #channels: Channel[]
  #closing = false

  constructor(socket: WebSocket, protocol: ChannelProtocol, channels: number) {
    this.#socket = socket
    this.#protocol = protocol
    this.#channels = Array.from({ length: channels }, (_, number) => new Channel(this, number))
    socket.on('message', (message: Buffer, isBinary) => this.#receive(message, isBinary))
    socket.on('error', () => socket.terminate())
    this.closed = new Promise((resolve) => {
      socket.once('close', () => {
        // Readers see an end, not an error: what was sent is complete as far as it goes.
        for (const channel of this.#channels) if (!channel.readableEnded) channel.push(null)
        resolve()
      })
    })
  }

  channel(number: number): Duplex {
    return this.#channels[number]!
  }

  /** Calls back when the bytes have left. */
  send(channel: number, data: Buffer, done: () => void): void {
    if (this.#socket.readyState !== this.#socket.OPEN) return done()
    this.#socket.send(encodeMessage(channel, data, this.#protocol), () => done())
  }

  resume(): void {
    if (this.#socket.isPaused && !this.#channels.some((channel) => channel.blocked)) this.#socket.resume()
  }

  /** Says goodbye; what the client still sends is dropped. */
  async close(): Promise<void> {
    this.#closing = true
    this.#socket.resume()
    this.#socket.close(1000)
    await this.closed
  }

  terminate(): void {
    this.#socket.terminate()
  }

  #receive(message: Buffer, isBinary: boolean): void {
    const decoded = decodeMessage(message, isBinary, this.#protocol)
    if (!decoded || this.#closing) return
    if ('close' in decoded) {
      const channel = this.#channels[decoded.close]
      if (channel && !channel.readableEnded) channel.push(null)
      return
    }
    const channel = this.#channels[decoded.channel]
    if (!channel || !decoded.data.length || channel.readableEnded || channel.destroyed) return
    if (!channel.push(decoded.data)) {
      channel.blocked = true
      this.#socket.pause()
    }
  }
}
