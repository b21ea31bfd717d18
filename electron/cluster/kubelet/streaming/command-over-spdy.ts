import type { Duplex } from 'node:stream'
import type { Clock } from '../../base/clock.ts'
import { readSizes, type CommandOptions, type CommandStreams } from './command-streams.ts'
import { SpdySession } from '../../base/spdy/session.ts'
import type { SpdyStream } from '../../base/spdy/stream.ts'
import { encodeOutcome } from './status.ts'

/** Sub-protocols of SPDY exec in the order of preference, and their versions. v1 has no name. */
export const spdyCommandProtocols = ['v4.channel.k8s.io', 'v3.channel.k8s.io', 'v2.channel.k8s.io', 'channel.k8s.io']
const versions: Readonly<Record<string, number>> = {
  'v4.channel.k8s.io': 4,
  'v3.channel.k8s.io': 3,
  'v2.channel.k8s.io': 2,
}

/** A client opens its streams one after the other; this is how long it may take, and to read the end of a command. */
const streamCreationTimeout = 30_000
const farewellTimeout = 30_000

/** Waits for all the streams that the options call for. Rejects when the client does not open them in time. */
export async function commandOverSpdy(
  transport: Duplex,
  protocol: string,
  options: CommandOptions,
  clock: Clock,
): Promise<CommandStreams> {
  const version = versions[protocol] ?? 1
  const expected = new Set(['error'])
  if (options.stdin) expected.add('stdin')
  if (options.stdout) expected.add('stdout')
  if (options.stderr && !options.tty) expected.add('stderr')
  if (options.tty && version >= 3) expected.add('resize')

  const streams = new Map<string, SpdyStream>()
  let complete!: () => void
  const all = new Promise<void>((resolve) => (complete = resolve))
  const session = new SpdySession({
    transport,
    onStream(stream) {
      const type = stream.headers.streamtype ?? ''
      if (!expected.has(type) || streams.has(type)) return false
      streams.set(type, stream)
      if (streams.size === expected.size) complete()
      return true
    },
  })
  await waitFor(all, session, clock, 'timed out waiting for client to create streams')

  const end = (name: string, last?: Buffer) =>
    new Promise<void>((resolve) => {
      const stream = streams.get(name)
      if (!stream || stream.writableEnded || stream.destroyed) return resolve()
      stream.once('close', resolve)
      stream.end(last, () => resolve())
    })
  const stream = (name: 'stdin' | 'stdout' | 'stderr') => {
    const found = streams.get(name)
    return found ? { [name]: found } : {}
  }
  return {
    ...stream('stdin'),
    ...stream('stdout'),
    ...stream('stderr'),
    onResize(callback) {
      const resize = streams.get('resize')
      if (resize) readSizes(resize, callback)
    },
    async finish(outcome) {
      await Promise.all([end('stdout'), end('stderr'), end('stdin'), end('resize')])
      const bytes = encodeOutcome(outcome, version)
      await end('error', bytes.length ? bytes : undefined)
      // Closing the connection at once would make kubectl drop frames it has read but not handled.
      const stop = new AbortController()
      await Promise.race([session.goaway(), clock.sleep(farewellTimeout, stop.signal).catch(() => {})])
      stop.abort()
      session.destroy()
    },
    closed: session.closed,
    destroy: () => session.destroy(),
  }
}

async function waitFor(all: Promise<void>, session: SpdySession, clock: Clock, message: string): Promise<void> {
  const stop = new AbortController()
  const late = clock.sleep(streamCreationTimeout, stop.signal).then(
    () => message,
    () => undefined,
  )
  const failure = await Promise.race([all, late, session.closed.then(() => 'client closed the connection')])
  stop.abort()
  if (!failure) return
  session.destroy()
  throw new Error(failure)
}
