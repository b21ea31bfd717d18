import type { Readable } from 'node:stream'
import type { Clock } from '../base/clock.ts'
import type { ExecSession } from './api.ts'

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
