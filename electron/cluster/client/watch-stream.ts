const newline = 0x0a

/**
 * The lines of a stream, each decoded once: bytes are searched, not characters, and only a line that spans chunks is
 * copied.
 */
export async function* lines(stream: AsyncIterable<Buffer>): AsyncGenerator<string, void> {
  let partial: Buffer[] = []
  for await (const chunk of stream) {
    let start = 0
    for (let end = chunk.indexOf(newline); end >= 0; end = chunk.indexOf(newline, start)) {
      if (partial.length) {
        partial.push(chunk.subarray(start, end))
        yield Buffer.concat(partial).toString('utf8')
        partial = []
      } else if (end > start) yield chunk.toString('utf8', start, end)
      start = end + 1
    }
    if (start < chunk.length) partial.push(chunk.subarray(start))
  }
  if (partial.length) yield Buffer.concat(partial).toString('utf8')
}
