/** Parses newline-delimited JSON as it arrives. A line is decoded once it is whole; half lines cost no copies but their own. */
export async function* jsonLines<T>(chunks: AsyncIterable<Buffer>): AsyncGenerator<T> {
  let rest: Buffer[] = []
  for await (const chunk of chunks) {
    let start = 0
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, start)) {
      const piece = chunk.subarray(start, end)
      const line = rest.length ? Buffer.concat([...rest, piece]) : piece
      rest = []
      start = end + 1
      if (line.length) yield JSON.parse(line.toString('utf8')) as T
    }
    if (start < chunk.length) rest.push(chunk.subarray(start))
  }
}
