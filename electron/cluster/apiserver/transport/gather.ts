export const pieceSize = 256 * 1024

/**
 * Many small parts as few buffers worth sending, made as they are asked for. Parts larger than a piece are passed on as
 * they are. One piece at least. `take` makes the buffers of that size.
 */
export function* gather(
  parts: Iterable<Buffer | string>,
  size = pieceSize,
  take = (): Buffer => Buffer.allocUnsafeSlow(size),
): Generator<Buffer, undefined> {
  let piece = take()
  let used = 0
  let pieces = 0
  for (const part of parts) {
    // UTF-8 takes three bytes at most for a UTF-16 code unit.
    const most = typeof part === 'string' ? part.length * 3 : part.length
    if (used + most > size && used > 0) {
      yield piece.subarray(0, used)
      pieces++
      piece = take()
      used = 0
    }
    if (most > size) {
      yield typeof part === 'string' ? Buffer.from(part) : part
      pieces++
    } else used += typeof part === 'string' ? piece.write(part, used) : part.copy(piece, used)
  }
  if (used > 0 || pieces === 0) yield piece.subarray(0, used)
}
