import type { Duplex } from 'node:stream'
import type { Clock } from '../../base/clock.ts'
import { abortable } from '../abortable.ts'
import { dialFailure, failure, success, type ProbeOutcome } from './outcome.ts'

/** Succeeds when the port takes a connection. */
export async function probeTcp(
  target: { host: string; port: number; dial(port: number): Promise<Duplex> },
  timeoutMs: number,
  clock: Clock,
): Promise<ProbeOutcome> {
  const { host, port } = target
  const deadline = new AbortController()
  const cancel = clock.after(timeoutMs, () => deadline.abort())
  const dialled = target.dial(port)
  try {
    const connection = await abortable(dialled, deadline.signal)
    connection.on('error', () => {})
    connection.destroy()
    return success()
  } catch (error) {
    dialled.then((late) => late.destroy()).catch(() => {})
    if (deadline.signal.aborted) return failure(`dial tcp ${host}:${port}: i/o timeout`)
    return failure(dialFailure(`${host}:${port}`, error as NodeJS.ErrnoException))
  } finally {
    cancel()
  }
}
