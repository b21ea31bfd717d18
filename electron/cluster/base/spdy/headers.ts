import { constants, createInflate, type Inflate } from 'node:zlib'
import { headerDictionary } from './dictionary.ts'
import { SpdyProtocolError } from './frames.ts'

export type Headers = Readonly<Record<string, string>>

/** Reads header blocks, which share one zlib stream per direction: feed them in the order of their frames. */
export class HeaderReader {
  readonly #inflate: Inflate = createInflate({ dictionary: headerDictionary, finishFlush: constants.Z_SYNC_FLUSH })
  #failure: Error | undefined

  constructor() {
    this.#inflate.on('error', (error) => (this.#failure = error))
  }

  async read(block: Buffer): Promise<Headers> {
    if (this.#failure) throw this.#failure
    await new Promise<void>((resolve, reject) => {
      this.#inflate.once('error', reject)
      this.#inflate.write(block, () => {
        this.#inflate.off('error', reject)
        resolve()
      })
    })
    const pieces: Buffer[] = []
    for (let piece = this.#inflate.read() as Buffer | null; piece; piece = this.#inflate.read() as Buffer | null) {
      pieces.push(piece)
    }
    return parseBlock(Buffer.concat(pieces))
  }

  close(): void {
    this.#inflate.destroy()
  }
}

/** Names are lower-cased, as SPDY wants them; several values of one name are joined by NUL. */
function parseBlock(block: Buffer): Headers {
  const headers: Record<string, string> = {}
  let at = 0
  const number = () => {
    if (at + 4 > block.length) throw new SpdyProtocolError('header block cut short')
    at += 4
    return block.readUInt32BE(at - 4)
  }
  const text = () => {
    const length = number()
    if (at + length > block.length) throw new SpdyProtocolError('header block cut short')
    at += length
    return block.toString('utf8', at - length, at)
  }
  for (let left = number(); left > 0; left--) {
    const name = text().toLowerCase()
    headers[name] = text()
  }
  return headers
}

/** An empty stored block: Go's inflater hands out what came before only when it meets one. */
const flushMarker = Buffer.from([0, 0, 0, 0xff, 0xff])

/**
 * Writes header blocks. Ours are tiny (replies have no headers at all), so they go as stored deflate blocks, which any
 * inflater reads and which need no compressor per connection.
 */
export class HeaderWriter {
  #started = false

  write(headers: Headers): Buffer {
    const parts: Buffer[] = []
    const number = (value: number) => {
      const bytes = Buffer.alloc(4)
      bytes.writeUInt32BE(value)
      parts.push(bytes)
    }
    const entries = Object.entries(headers)
    number(entries.length)
    for (const entry of entries) {
      for (const text of entry) {
        const bytes = Buffer.from(text, 'utf8')
        number(bytes.length)
        parts.push(bytes)
      }
    }
    const content = Buffer.concat(parts)
    const head = Buffer.alloc(5)
    head.writeUInt16LE(content.length, 1)
    head.writeUInt16LE(~content.length & 0xffff, 3)
    const prologue = this.#started ? Buffer.alloc(0) : Buffer.from([0x78, 0x01])
    this.#started = true
    return Buffer.concat([prologue, head, content, flushMarker])
  }
}
