/** DNS over TCP: each message is preceded by its length (RFC 1035, 4.2.2). */
export function frame(message: Buffer): Buffer {
  const framed = Buffer.allocUnsafe(message.length + 2)
  framed.writeUInt16BE(message.length)
  message.copy(framed, 2)
  return framed
}

export class FrameReader {
  readonly #onMessage: (message: Buffer) => void
  #rest: Buffer = Buffer.alloc(0)

  constructor(onMessage: (message: Buffer) => void) {
    this.#onMessage = onMessage
  }

  push(data: Buffer): void {
    let rest = this.#rest.length ? Buffer.concat([this.#rest, data]) : data
    while (rest.length >= 2 && rest.length >= 2 + rest.readUInt16BE()) {
      const end = 2 + rest.readUInt16BE()
      this.#onMessage(rest.subarray(2, end))
      rest = rest.subarray(end)
    }
    this.#rest = rest
  }
}
