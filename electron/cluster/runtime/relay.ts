import { Duplex } from 'node:stream'
import type { ExecSession } from './api.ts'

/** What a relay says on stderr when it is connected; anything else is why it is not. */
export const dialed = 'connected'

/** A relay's stdin and stdout as one byte stream, once it is connected. */
export async function relayStream(session: Omit<ExecSession, 'resize' | 'exit'>): Promise<Duplex> {
  const said = await new Promise<string>((resolve) => {
    session.stderr!.once('data', (chunk: Buffer) => resolve(chunk.toString()))
    session.stderr!.once('end', () => resolve('the relay ended'))
  })
  if (!said.startsWith(dialed)) {
    await session[Symbol.asyncDispose]()
    throw Object.assign(new Error(said), { code: 'ECONNREFUSED' })
  }
  const stdin = session.stdin!
  const stream = new Duplex({
    read: () => session.stdout.resume(),
    write: (chunk: Buffer, _encoding, done) => void (stdin.write(chunk) ? done() : stdin.once('drain', done)),
    final: (done) => void stdin.end(done),
    destroy(error, done) {
      void session[Symbol.asyncDispose]().then(() => done(error))
    },
  })
  session.stdout.on('data', (chunk: Buffer) => {
    if (!stream.push(chunk)) session.stdout.pause()
  })
  session.stdout.on('end', () => stream.push(null))
  return stream
}
