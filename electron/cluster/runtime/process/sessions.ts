import { Duplex, type Readable } from 'node:stream'
import type { Clock } from '../../base/clock.ts'
import type { ExecSession } from '../api.ts'
import { dialed } from './shim/dial.ts'

/** What is kept of a probe's or hook's output; the rest is read and dropped. */
const outputLimit = 1024 * 1024

/** Waits for a session's end and collects its output. */
export async function runToEnd(
  session: ExecSession,
  timeoutMs: number,
  clock: Clock,
): Promise<{ exitCode: number; stdout: Buffer; stderr: Buffer; timedOut?: boolean }> {
  const stdout = collect(session.stdout)
  const stderr = session.stderr ? collect(session.stderr) : () => Buffer.alloc(0)
  let cancel = () => {}
  const timeout = new Promise<'timeout'>((resolve) => {
    if (timeoutMs > 0) cancel = clock.after(timeoutMs, () => resolve('timeout'))
  })
  try {
    const exitCode = await Promise.race([session.exit, timeout])
    if (exitCode === 'timeout') return { exitCode: -1, stdout: stdout(), stderr: stderr(), timedOut: true }
    return { exitCode, stdout: stdout(), stderr: stderr() }
  } finally {
    cancel()
    await session[Symbol.asyncDispose]()
  }
}

function collect(stream: Readable): () => Buffer {
  const chunks: Buffer[] = []
  let size = 0
  stream.on('data', (chunk: Buffer) => {
    if (size < outputLimit) chunks.push(chunk)
    size += chunk.length
  })
  return () => Buffer.concat(chunks).subarray(0, outputLimit)
}

/** A relay's stdin and stdout as one byte stream, once it is connected. */
export async function relayStream(session: ExecSession): Promise<Duplex> {
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
