import { finished } from 'node:stream/promises'
import type { Readable, Writable } from 'node:stream'
import type { Clock } from '../../base/clock.ts'
import type { ExecSession } from '../../runtime/api.ts'
import type { CommandStreams } from './command-streams.ts'
import { exitedWith, failedWith } from './status.ts'

/** After a command has exited, a child that it left behind may hold its output open: silence this long ends it. */
const drainSilence = 2000

/** Joins a command in a container with the client's streams and tells the client how it ended. */
export async function runCommand(session: ExecSession, client: CommandStreams, clock: Clock): Promise<void> {
  const drains: Promise<void>[] = []
  let lastByte = clock.monotonic()
  const connect = (from: Readable | undefined, to: Writable | undefined) => {
    if (!from) return
    from.on('error', () => {})
    from.on('data', () => (lastByte = clock.monotonic()))
    if (to) from.pipe(to, { end: false })
    else from.resume()
    drains.push(finished(from, { writable: false }).catch(() => {}))
  }
  connect(session.stdout, client.stdout)
  connect(session.stderr, client.stderr)
  if (client.stdin && session.stdin) {
    session.stdin.on('error', () => client.stdin?.resume())
    client.stdin.pipe(session.stdin)
  }
  client.onResize(({ width, height }) => session.resize(width, height))

  const gone = client.closed.then(() => undefined)
  const outcome = await Promise.race([session.exit.then(exitedWith, (error: Error) => failedWith(error.message)), gone])
  // Input that nobody will read any more must not hold up the connection.
  client.stdin?.unpipe()
  client.stdin?.resume()
  if (outcome) {
    await Promise.race([Promise.all(drains), gone, silence()])
    await client.finish(outcome)
  } else {
    client.destroy()
  }
  await session[Symbol.asyncDispose]()

  async function silence(): Promise<void> {
    const stop = new AbortController()
    void Promise.all(drains).then(() => stop.abort())
    for (let left = drainSilence; left > 0; left = drainSilence - (clock.monotonic() - lastByte)) {
      await clock.sleep(left, stop.signal).catch(() => {})
      if (stop.signal.aborted) return
    }
  }
}
