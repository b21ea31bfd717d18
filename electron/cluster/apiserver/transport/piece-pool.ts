import { pieceSize } from './gather.ts'

/** So many stay for the next answer. */
const mostKept = 16

/**
 * Buffers that large answers are made in, used again once their bytes have been sent: new ones for every list would
 * leave the process with holes of many times what it holds.
 */
export class PiecePool {
  readonly #free: Buffer[] = []
  /** What was taken and may be given back, once. A piece whose answer broke off is never given back, and is collected. */
  readonly #taken = new WeakSet<ArrayBufferLike>()

  take = (): Buffer => {
    const piece = this.#free.pop() ?? Buffer.allocUnsafeSlow(pieceSize)
    this.#taken.add(piece.buffer)
    return piece
  }

  /** Whether the piece is one of these, and has room for what stands around a chunk. */
  has = ({ buffer }: Buffer): boolean => this.#taken.has(buffer)

  /** Nobody reads the piece, or part of one, any more. What did not come from here is left alone. */
  give({ buffer }: Buffer): void {
    if (this.#taken.delete(buffer) && this.#free.length < mostKept) this.#free.push(Buffer.from(buffer))
  }
}
