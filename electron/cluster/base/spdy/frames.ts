/** SPDY/3.1 framing (draft-mbelshe-httpbis-spdy-00, 2.2), without header compression: header blocks stay compressed. */
export type Frame =
  | { type: 'syn-stream'; streamId: number; fin: boolean; headerBlock: Buffer }
  | { type: 'syn-reply'; streamId: number; fin: boolean; headerBlock: Buffer }
  | { type: 'headers'; streamId: number; fin: boolean; headerBlock: Buffer }
  | { type: 'rst-stream'; streamId: number; status: number }
  | { type: 'settings'; initialWindow: number | undefined }
  | { type: 'ping'; id: number }
  | { type: 'goaway'; lastStreamId: number; status: number }
  | { type: 'window-update'; streamId: number; delta: number }
  /** One data frame may arrive as several of these, as its bytes come in; `fin` is on the last. */
  | { type: 'data'; streamId: number; data: Buffer; fin: boolean }

export const resetStatus = {
  protocolError: 1,
  invalidStream: 2,
  refusedStream: 3,
  cancel: 5,
  internalError: 6,
} as const
export const defaultWindow = 65_536

const kinds = {
  synStream: 1,
  synReply: 2,
  rstStream: 3,
  settings: 4,
  ping: 6,
  goaway: 7,
  headers: 8,
  windowUpdate: 9,
} as const
const settingsInitialWindow = 7
const finFlag = 1
/** Control frames are header blocks at most; nobody sends more than a few hundred bytes. */
const largestControlFrame = 1 << 20

export class SpdyProtocolError extends Error {}

/** Cuts a byte stream into frames. Payloads of data frames are handed on as they arrive and never copied. */
export class FrameReader {
  #rest: Buffer = Buffer.alloc(0)
  #data: { streamId: number; left: number; fin: boolean } | undefined;

  *push(chunk: Buffer): Generator<Frame> {
    let bytes = this.#rest.length ? Buffer.concat([this.#rest, chunk]) : chunk
    for (;;) {
      if (this.#data) {
        const { streamId, left, fin } = this.#data
        if (!bytes.length && left) break
        const piece = bytes.subarray(0, left)
        bytes = bytes.subarray(piece.length)
        const last = piece.length === left
        this.#data = last ? undefined : { streamId, left: left - piece.length, fin }
        yield { type: 'data', streamId, data: piece, fin: last && fin }
        continue
      }
      if (bytes.length < 8) break
      const first = bytes.readUInt32BE(0)
      const flags = bytes[4]!
      const length = bytes.readUIntBE(5, 3)
      if (first < 0x8000_0000) {
        this.#data = { streamId: first, left: length, fin: (flags & finFlag) !== 0 }
        bytes = bytes.subarray(8)
        continue
      }
      if (((first >>> 16) & 0x7fff) !== 3) throw new SpdyProtocolError(`not a SPDY/3 frame`)
      if (length > largestControlFrame) throw new SpdyProtocolError(`control frame of ${length} bytes`)
      if (bytes.length < 8 + length) break
      const frame = controlFrame(first & 0xffff, flags, bytes.subarray(8, 8 + length))
      bytes = bytes.subarray(8 + length)
      if (frame) yield frame
    }
    this.#rest = bytes
  }
}

function controlFrame(kind: number, flags: number, body: Buffer): Frame | undefined {
  const fin = (flags & finFlag) !== 0
  const need = (size: number) => {
    if (body.length < size) throw new SpdyProtocolError(`control frame ${kind} of ${body.length} bytes`)
  }
  const id = () => body.readUInt32BE(0) & 0x7fff_ffff
  switch (kind) {
    case kinds.synStream:
      need(10)
      return { type: 'syn-stream', streamId: id(), fin, headerBlock: body.subarray(10) }
    case kinds.synReply:
      need(4)
      return { type: 'syn-reply', streamId: id(), fin, headerBlock: body.subarray(4) }
    case kinds.headers:
      need(4)
      return { type: 'headers', streamId: id(), fin, headerBlock: body.subarray(4) }
    case kinds.rstStream:
      need(8)
      return { type: 'rst-stream', streamId: id(), status: body.readUInt32BE(4) }
    case kinds.ping:
      need(4)
      return { type: 'ping', id: body.readUInt32BE(0) }
    case kinds.goaway:
      need(8)
      return { type: 'goaway', lastStreamId: id(), status: body.readUInt32BE(4) }
    case kinds.windowUpdate:
      need(8)
      return { type: 'window-update', streamId: id(), delta: body.readUInt32BE(4) & 0x7fff_ffff }
    case kinds.settings:
      return { type: 'settings', initialWindow: initialWindowIn(body) }
    default:
      // Unknown control frames must be ignored.
      return undefined
  }
}

function initialWindowIn(body: Buffer): number | undefined {
  const count = body.length >= 4 ? body.readUInt32BE(0) : 0
  for (let at = 4; at + 8 <= body.length && at < 4 + count * 8; at += 8) {
    if (body.readUIntBE(at + 1, 3) === settingsInitialWindow) return body.readUInt32BE(at + 4)
  }
  return undefined
}

function control(kind: number, flags: number, body: Buffer): Buffer {
  const head = Buffer.alloc(8)
  head.writeUInt32BE((0x8003_0000 | kind) >>> 0, 0)
  head.writeUInt8(flags, 4)
  head.writeUIntBE(body.length, 5, 3)
  return Buffer.concat([head, body])
}

function words(...values: number[]): Buffer {
  const body = Buffer.alloc(values.length * 4)
  values.forEach((value, index) => body.writeUInt32BE(value >>> 0, index * 4))
  return body
}

export const encodeSynStream = (streamId: number, headerBlock: Buffer, fin = false): Buffer =>
  control(kinds.synStream, fin ? finFlag : 0, Buffer.concat([words(streamId, 0), Buffer.from([0, 0]), headerBlock]))
export const encodeSynReply = (streamId: number, headerBlock: Buffer, fin = false): Buffer =>
  control(kinds.synReply, fin ? finFlag : 0, Buffer.concat([words(streamId), headerBlock]))
export const encodeReset = (streamId: number, status: number): Buffer =>
  control(kinds.rstStream, 0, words(streamId, status))
export const encodePing = (id: number): Buffer => control(kinds.ping, 0, words(id))
export const encodeGoaway = (lastStreamId: number, status = 0): Buffer =>
  control(kinds.goaway, 0, words(lastStreamId, status))
export const encodeWindowUpdate = (streamId: number, delta: number): Buffer =>
  control(kinds.windowUpdate, 0, words(streamId, delta))
export const encodeSettings = (initialWindow: number): Buffer =>
  control(kinds.settings, 0, words(1, settingsInitialWindow, initialWindow))

/** Header of a data frame; its payload is written after it, uncopied. */
export function encodeDataHead(streamId: number, length: number, fin = false): Buffer {
  const head = Buffer.alloc(8)
  head.writeUInt32BE(streamId, 0)
  head.writeUInt8(fin ? finFlag : 0, 4)
  head.writeUIntBE(length, 5, 3)
  return head
}
