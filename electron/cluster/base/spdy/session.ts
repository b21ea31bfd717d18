import type { Duplex } from 'node:stream'
import {
  defaultWindow,
  encodeDataHead,
  encodeGoaway,
  encodePing,
  encodeReset,
  encodeSynReply,
  encodeSynStream,
  encodeWindowUpdate,
  FrameReader,
  resetStatus,
  type Frame,
} from './frames.ts'
import { HeaderReader, HeaderWriter, type Headers } from './headers.ts'
import { SpdyStream, type StreamCarrier } from './stream.ts'

export interface SpdySessionOptions {
  transport: Duplex
  /** Called for every stream the peer opens, before any of its data; false refuses it. */
  onStream(stream: SpdyStream): boolean
  /**
   * Client sessions open odd streams, servers even ones. Go's servers cancel streams that they are done with, or just
   * go, which for a client is their end: those that must know say so in their streams.
   */
  client?: boolean
}

/**
 * A SPDY/3.1 connection. Nothing is buffered beyond a stream's high-water mark: while one of its readers lags, the
 * session stops reading the transport. Windows are counted only with a peer that counts them (it sent SETTINGS or
 * WINDOW_UPDATE): kubectl neither sends nor heeds them and would stall.
 */
export class SpdySession implements StreamCarrier {
  /** Resolves when the transport is gone, however. */
  readonly closed: Promise<void>
  readonly #transport: Duplex
  readonly #onStream: (stream: SpdyStream) => boolean
  readonly #frames = new FrameReader()
  readonly #headerReader = new HeaderReader()
  readonly #headerWriter = new HeaderWriter()
  readonly #streams = new Map<number, SpdyStream>()
  readonly #waiting: (() => void)[] = []
  readonly #isClient: boolean
  #lastPeerStream = 0
  #nextStream: number
  #goaway = false
  #drained: (() => void) | undefined
  flowControl = false
  initialWindow = defaultWindow

  constructor(options: SpdySessionOptions) {
    this.#transport = options.transport
    this.#onStream = options.onStream
    this.#isClient = options.client ?? false
    this.#nextStream = this.#isClient ? 1 : 2
    this.#transport.on('drain', () => this.#flushWaiting())
    this.#transport.on('error', () => {})
    this.closed = this.#run()
  }

  /** Opens a stream of our own; the peer's reply is not awaited. */
  open(headers: Headers): SpdyStream {
    const stream = new SpdyStream(this, this.#nextStream, headers)
    this.#nextStream += 2
    this.#streams.set(stream.id, stream)
    this.#write(encodeSynStream(stream.id, this.#headerWriter.write(headers)))
    return stream
  }

  /** Says goodbye and resolves when every stream is finished on both sides, or the peer has gone. */
  async goaway(): Promise<void> {
    if (!this.#goaway && !this.#transport.destroyed) this.#write(encodeGoaway(this.#lastPeerStream))
    this.#goaway = true
    if (!this.#streams.size || this.#transport.destroyed) return
    await Promise.race([new Promise<void>((resolve) => (this.#drained = resolve)), this.closed])
  }

  destroy(): void {
    this.#transport.destroy()
  }

  sendData(streamId: number, data: Buffer, fin: boolean, done: () => void): void {
    if (this.#transport.destroyed || !this.#transport.writable) return done()
    this.#transport.cork()
    this.#transport.write(encodeDataHead(streamId, data.length, fin))
    if (data.length) this.#transport.write(data)
    this.#transport.uncork()
    if (this.#transport.writableNeedDrain) this.#waiting.push(done)
    else done()
  }

  sendReset(streamId: number, status: number): void {
    this.#write(encodeReset(streamId, status))
  }

  sendWindowUpdate(streamId: number, delta: number): void {
    this.#write(encodeWindowUpdate(streamId, delta))
  }

  forget(streamId: number): void {
    this.#streams.delete(streamId)
    if (!this.#streams.size) this.#drained?.()
  }

  async #run(): Promise<void> {
    try {
      for await (const chunk of this.#transport) {
        for (const frame of this.#frames.push(chunk as Buffer)) await this.#receive(frame)
      }
    } catch {
      // A broken connection and a peer that speaks no SPDY end alike: there is nobody left to tell.
    } finally {
      this.#transport.destroy()
      this.#headerReader.close()
      for (const stream of this.#streams.values()) {
        if (this.#isClient) stream.receiveFarewell()
        else stream.receiveReset()
      }
      this.#flushWaiting()
    }
  }

  async #receive(frame: Frame): Promise<void> {
    switch (frame.type) {
      case 'data':
        return this.#streams.get(frame.streamId)?.receive(frame.data, frame.fin)
      case 'syn-stream':
        return this.#accept(frame.streamId, await this.#headerReader.read(frame.headerBlock), frame.fin)
      case 'syn-reply':
      case 'headers':
        // Read even when of no interest: header blocks share one compression state.
        await this.#headerReader.read(frame.headerBlock)
        return frame.fin ? this.#streams.get(frame.streamId)?.receive(Buffer.alloc(0), true) : undefined
      case 'rst-stream':
        if (this.#isClient && frame.status === resetStatus.cancel)
          return this.#streams.get(frame.streamId)?.receiveFarewell()
        return this.#streams.get(frame.streamId)?.receiveReset()
      case 'ping':
        // A ping whose parity is ours is the answer to our own.
        if (frame.id % 2 !== this.#nextStream % 2) this.#write(encodePing(frame.id))
        return
      case 'settings':
        this.flowControl = true
        if (frame.initialWindow !== undefined) {
          const delta = frame.initialWindow - this.initialWindow
          this.initialWindow = frame.initialWindow
          for (const stream of this.#streams.values()) stream.receiveWindow(delta)
        }
        return
      case 'window-update':
        this.flowControl = true
        return this.#streams.get(frame.streamId)?.receiveWindow(frame.delta)
      case 'goaway':
        this.#goaway = true
    }
  }

  #accept(streamId: number, headers: Headers, fin: boolean): void {
    const fresh = streamId > this.#lastPeerStream && streamId % 2 !== this.#nextStream % 2
    if (!fresh) return this.#write(encodeReset(streamId, resetStatus.protocolError))
    this.#lastPeerStream = streamId
    const stream = new SpdyStream(this, streamId, headers)
    this.#streams.set(streamId, stream)
    // The reply goes first: kubectl drops data of streams that have not been replied to.
    this.#write(encodeSynReply(streamId, this.#headerWriter.write({})))
    if (this.#goaway || !this.#onStream(stream)) stream.reset(resetStatus.refusedStream)
    else if (fin) void stream.receive(Buffer.alloc(0), true)
  }

  #write(bytes: Buffer): void {
    if (!this.#transport.destroyed && this.#transport.writable) this.#transport.write(bytes)
  }

  #flushWaiting(): void {
    for (const done of this.#waiting.splice(0)) done()
  }
}
