import { Duplex } from 'node:stream'
import { defaultWindow, resetStatus } from './frames.ts'
import type { Headers } from './headers.ts'

/** What a stream asks of the session that carries it. */
export interface StreamCarrier {
  /** Calls back when more may be written. */
  sendData(streamId: number, data: Buffer, fin: boolean, done: () => void): void
  sendReset(streamId: number, status: number): void
  sendWindowUpdate(streamId: number, delta: number): void
  /** True from the moment the peer showed that it counts windows; kubectl never does. */
  readonly flowControl: boolean
  readonly initialWindow: number
  forget(streamId: number): void
}

/** Bytes of one frame. Small enough that streams share the connection fairly. */
const largestPiece = 32 * 1024
/** How much a slow reader of one stream may lag before the whole connection waits for it. */
const readBuffer = 256 * 1024

/** One bidirectional byte stream of a session. `end()` half-closes; `reset()` gives it up. */
export class SpdyStream extends Duplex {
  readonly id: number
  readonly headers: Headers
  readonly #carrier: StreamCarrier
  #window: number
  #windowWaiter: (() => void) | undefined
  #uncredited = 0
  #readWaiter: (() => void) | undefined
  #localDone = false
  #remoteDone = false

  constructor(carrier: StreamCarrier, id: number, headers: Headers) {
    super({ allowHalfOpen: true, readableHighWaterMark: readBuffer, writableHighWaterMark: largestPiece })
    this.#carrier = carrier
    this.id = id
    this.headers = headers
    this.#window = carrier.initialWindow
    // A stream that fails because its connection broke must not end the process.
    this.on('error', () => {})
  }

  /** Takes bytes off the wire; resolves when the reader has room again, so that the session stops reading meanwhile. */
  receive(data: Buffer, fin: boolean): Promise<void> | undefined {
    if (this.destroyed) return undefined
    this.#uncredited += data.length
    const room = data.length ? this.push(data) : true
    if (fin) this.#endRemote()
    if (room || fin) {
      this.#credit()
      return undefined
    }
    return new Promise((resolve) => (this.#readWaiter = resolve))
  }

  /** The peer gave the stream up. */
  receiveReset(): void {
    this.#localDone = this.#remoteDone = true
    this.destroy(new Error('stream reset by peer'))
  }

  /** The peer is done with the stream: what came is all there is, and nobody reads what goes. */
  receiveFarewell(): void {
    this.#localDone = true
    if (!this.#remoteDone && !this.destroyed) this.#endRemote()
    this.#windowWaiter?.()
  }

  receiveWindow(delta: number): void {
    this.#window += delta
    const waiter = this.#windowWaiter
    if (this.#window > 0 && waiter) {
      this.#windowWaiter = undefined
      waiter()
    }
  }

  reset(status: number = resetStatus.cancel): void {
    if (!this.#localDone || !this.#remoteDone) this.#carrier.sendReset(this.id, status)
    this.#localDone = this.#remoteDone = true
    this.destroy()
  }

  /** True when neither side has more to say. */
  get finished(): boolean {
    return this.#localDone && this.#remoteDone
  }

  override _read(): void {
    this.#credit()
    const waiter = this.#readWaiter
    this.#readWaiter = undefined
    waiter?.()
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: (error?: Error | null) => void): void {
    this.#pump(chunk, callback)
  }

  override _final(callback: (error?: Error | null) => void): void {
    this.#localDone = true
    this.#carrier.sendData(this.id, Buffer.alloc(0), true, () => {
      this.#forgetWhenFinished()
      callback()
    })
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    if (!this.#localDone) this.#carrier.sendReset(this.id, resetStatus.cancel)
    this.#localDone = this.#remoteDone = true
    this.#carrier.forget(this.id)
    this.#readWaiter?.()
    this.#windowWaiter?.()
    callback(error)
  }

  #pump(data: Buffer, done: (error?: Error | null) => void): void {
    if (this.destroyed) return done()
    if (!data.length) return done()
    if (this.#carrier.flowControl && this.#window <= 0) {
      this.#windowWaiter = () => this.#pump(data, done)
      return
    }
    const limit = this.#carrier.flowControl ? Math.min(largestPiece, this.#window) : largestPiece
    const piece = data.subarray(0, limit)
    this.#window -= piece.length
    this.#carrier.sendData(this.id, piece, false, () => this.#pump(data.subarray(piece.length), done))
  }

  #credit(): void {
    if (this.#carrier.flowControl && this.#uncredited >= defaultWindow / 2 && !this.#remoteDone) {
      this.#carrier.sendWindowUpdate(this.id, this.#uncredited)
      this.#uncredited = 0
    }
  }

  #endRemote(): void {
    this.#remoteDone = true
    this.push(null)
    this.#forgetWhenFinished()
  }

  #forgetWhenFinished(): void {
    if (this.finished) this.#carrier.forget(this.id)
  }
}
