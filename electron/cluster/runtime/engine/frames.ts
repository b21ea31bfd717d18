import type { Readable } from 'node:stream'

export interface Frame {
  stream: 'stdout' | 'stderr'
  payload: Buffer
}

const headerBytes = 8
const errorStream = 2

/** Takes an engine's stream apart, in which output and error output come in frames of their own, a message each. */
export async function* framesOf(stream: Readable): AsyncGenerator<Frame> {
  let rest: Buffer = Buffer.alloc(0)
  for await (const chunk of stream) {
    rest = rest.length ? Buffer.concat([rest, chunk as Buffer]) : (chunk as Buffer)
    for (;;) {
      const end = rest.length < headerBytes ? Infinity : headerBytes + rest.readUInt32BE(4)
      if (rest.length < end) break
      yield { stream: rest[0] === errorStream ? 'stderr' : 'stdout', payload: rest.subarray(headerBytes, end) }
      rest = rest.subarray(end)
    }
  }
}
