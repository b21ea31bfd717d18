import type { Readable } from 'node:stream'
import { framesOf } from './frames.ts'

/** A line of a container, or a part of one. */
export interface LogLine {
  stream: 'stdout' | 'stderr'
  /** Nanoseconds since the epoch. */
  at: bigint
  tag: 'F' | 'P'
  text: Buffer
}

/** Engines cut longer lines. */
const maxLine = 16 * 1024
const [newline, space] = [10, 32]

/** The lines of a log that was asked for with timestamps. At a terminal everything is output, and is in no frames. */
export async function* logLines(log: Readable, tty: boolean): AsyncGenerator<LogLine> {
  if (tty) yield* linesOf(log)
  else
    for await (const { stream, payload } of framesOf(log)) {
      const line = parse(stream, payload)
      if (line) yield line
    }
}

async function* linesOf(log: Readable): AsyncGenerator<LogLine> {
  let rest: Buffer = Buffer.alloc(0)
  for await (const chunk of log) {
    rest = Buffer.concat([rest, chunk as Buffer])
    for (let end = endOfLine(rest); end; end = endOfLine(rest)) {
      const line = parse('stdout', rest.subarray(0, end))
      if (line) yield line
      rest = rest.subarray(end)
    }
  }
  const last = parse('stdout', rest)
  if (last) yield last
}

/** Where the first line ends, or its first part does, which no newline follows; 0: further on. */
function endOfLine(data: Buffer): number {
  const cut = data.indexOf(space) + 1 + maxLine
  const at = data.indexOf(newline)
  if (at >= 0 && at <= cut) return at + 1
  return data.length > cut ? cut : 0
}

function parse(stream: LogLine['stream'], data: Buffer): LogLine | undefined {
  const from = data.indexOf(space)
  if (from < 0) return undefined
  const whole = data.at(-1) === newline
  const at = nanosecondsOf(data.toString('latin1', 0, from))
  return { stream, at, tag: whole ? 'F' : 'P', text: data.subarray(from + 1, whole ? -1 : undefined) }
}

/** Of a time as in RFC 3339. */
export function nanosecondsOf(time: string): bigint {
  const [, seconds = '', fraction = '', zone = 'Z'] = /^([^.Z+]{19})(?:\.(\d+))?(.*)$/.exec(time) ?? []
  return BigInt(Date.parse(seconds + zone)) * 1_000_000n + BigInt(fraction.padEnd(9, '0').slice(0, 9))
}
