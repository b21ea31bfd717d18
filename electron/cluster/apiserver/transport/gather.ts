export const pieceSize = 256 * 1024
/** Left free around the bytes of a piece, for what HTTP/1.1 writes around a chunk. */
export const margin = { before: 8, after: 2 }

/**
 * Many small parts as few buffers worth sending, made as they are asked for. Parts larger than a piece are passed on as
 * they are. One piece at least. `take` makes the buffers of that size.
 */
export function* gather(
  parts: Iterable<Buffer | string>,
  size = pieceSize,
  take = (): Buffer => Buffer.allocUnsafeSlow(size),
): Generator<Buffer, undefined> {
  const end = size - margin.after
  let piece = take()
  let used = margin.before
  let pieces = 0
  for (const part of parts) {
    // UTF-8 takes three bytes at most for a UTF-16 code unit.
    const most = typeof part === 'string' ? part.length * 3 : part.length
    if (used + most > end && used > margin.before) {
      yield piece.subarray(margin.before, used)
      pieces++
      piece = take()
      used = margin.before
    }
    if (margin.before + most > end) {
      yield typeof part === 'string' ? Buffer.from(part) : part
      pieces++
    } else used += typeof part === 'string' ? piece.write(part, used) : part.copy(piece, used)
  }
  if (used > margin.before || pieces === 0) yield piece.subarray(margin.before, used)
}
