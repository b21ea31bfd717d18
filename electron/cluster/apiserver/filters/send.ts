import { constants, createGzip } from 'node:zlib'
import { answerHeaders, type Answer } from '../handlers/answer.ts'
import type { Exchange } from '../transport/exchange.ts'
import { gather } from '../transport/gather.ts'
import type { PiecePool } from '../transport/piece-pool.ts'
import { writePieces } from '../transport/write-pieces.ts'

/** Smaller answers cost more to compress than to send. Source: apiserver's APIResponseCompression. */
const smallestCompressed = 128 * 1024
const mostBuffered = 1024 * 1024
/** Who takes nothing for so long is given up, as in write-pieces.ts. */
const patience = 60_000

/**
 * Sends an answer whole, in pieces or compressed, as its size and its reader call for. Throws when making its first piece
 * fails, and rejects when that of a later one does: then its head is gone, and the client sees that it broke off.
 */
export function send(exchange: Exchange, answer: Answer, warnings: readonly string[]): Promise<void> | undefined {
  const { status, contentType, body } = answer
  const headers = answerHeaders(contentType, warnings)
  const pieces = Buffer.isBuffer(body) ? [body].values() : gather(body, undefined, exchange.peer.pieces.take)
  const first = pieces.next().value!
  const second = pieces.next()
  const whole = second.done === true
  const all = whole ? [first] : following(first, second.value, pieces)
  const compressed =
    (!whole || first.length > smallestCompressed) && exchange.header('accept-encoding')?.includes('gzip')
  if (compressed) return sendCompressed(exchange, status, headers, all)
  if (!whole) return exchange.sendPieces(status, headers, all)
  exchange.send(status, headers, Buffer.isBuffer(body) ? first : exact(exchange.peer.pieces, first))
  return undefined
}

/** A small answer by itself, so that its piece is free at once. */
function exact(pool: PiecePool, piece: Buffer): Buffer {
  const copy = Buffer.from(piece)
  pool.give(piece)
  return copy
}

function* following(first: Buffer, second: Buffer, rest: Iterator<Buffer>): Iterable<Buffer> {
  yield first
  yield second
  for (let next = rest.next(); !next.done; next = rest.next()) yield next.value
}

async function sendCompressed(
  exchange: Exchange,
  status: number,
  headers: string[],
  pieces: Iterable<Buffer>,
): Promise<void> {
  const stream = exchange.stream(status, [...headers, 'Content-Encoding', 'gzip', 'Vary', 'Accept-Encoding'])
  const zipper = createGzip({ level: constants.Z_BEST_SPEED, chunkSize: 256 * 1024 })
  exchange.onClose(() => zipper.destroy())
  zipper.on('data', (chunk: Buffer) => {
    stream.write(chunk)
    if (stream.buffered < mostBuffered) return
    zipper.pause()
    const cancel = exchange.peer.clock.after(patience, () => stream.destroy())
    stream.whenDrained(() => {
      cancel()
      zipper.resume()
    })
  })
  zipper.on('end', () => stream.end())
  zipper.on('error', () => stream.destroy())
  try {
    await writePieces(zipper, pieces, exchange.peer)
    zipper.end()
  } catch (error) {
    stream.destroy()
    throw error
  }
}
