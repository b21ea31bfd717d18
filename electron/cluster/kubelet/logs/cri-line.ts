export interface LogLine {
  /** RFC 3339 with nanoseconds, as it stands in the file. */
  time: Buffer
  stream: 'stdout' | 'stderr'
  /** False for the pieces of a long line but the last. */
  complete: boolean
  content: Buffer
}

const space = 0x20

/** One line of a CRI log file, `<time> <stream> <P|F> <content>`, without its newline; undefined when it is none. */
export function parseLine(line: Buffer): LogLine | undefined {
  const first = line.indexOf(space)
  const second = line.indexOf(space, first + 1)
  if (first <= 0 || second < 0) return undefined
  const third = line.indexOf(space, second + 1)
  const stream = line.toString('latin1', first + 1, second)
  if (stream !== 'stdout' && stream !== 'stderr') return undefined
  // A line without content may end right after its tag.
  const end = third < 0 ? line.length : third
  const tag = line.toString('latin1', second + 1, end).split(':')[0]
  if (tag !== 'F' && tag !== 'P') return undefined
  return {
    time: line.subarray(0, first),
    stream,
    complete: tag === 'F',
    content: line.subarray(third < 0 ? end : third + 1),
  }
}
