import { Duplex } from 'node:stream'
import { text } from 'node:stream/consumers'
import type { Status } from '#shared/kube/status.ts'
import { PortError, type ExecSession } from '../api.ts'
import { openSession } from './upgrade.ts'

const commandProtocol = 'v4.channel.k8s.io'
const portForwardProtocol = 'portforward.k8s.io'

/** A command, or a container's own streams, at a URL that the runtime gave for it. */
export async function commandSession(url: string, options: { tty: boolean; stdin: boolean }): Promise<ExecSession> {
  const session = await openSession(url, commandProtocol)
  const open = (streamtype: string) => session.open({ streamtype })
  const outcome = open('error')
  outcome.end()
  const stdin = options.stdin ? open('stdin') : undefined
  const stdout = open('stdout')
  const stderr = options.tty ? undefined : open('stderr')
  const resize = options.tty ? open('resize') : undefined
  const exit = text(outcome).then(exitCode)
  // Nobody has to ask.
  exit.catch(() => {})
  return {
    ...(stdin ? { stdin } : {}),
    stdout,
    ...(stderr ? { stderr } : {}),
    resize: (columns, rows) => void resize?.write(`${JSON.stringify({ Width: columns, Height: rows })}\n`),
    exit,
    [Symbol.asyncDispose]: async () => session.destroy(),
  }
}

/** What the error stream says at the end. Rejects when the command did not run. */
function exitCode(said: string): number {
  if (!said) throw new Error('the runtime broke the connection off')
  const status = JSON.parse(said) as Status
  if (status.status === 'Success') return 0
  const code = status.details?.causes?.find(({ reason }) => reason === 'ExitCode')?.message
  if (status.reason !== 'NonZeroExitCode' || code === undefined) throw new Error(status.message)
  return Number(code)
}

/**
 * A connection to a port on the loopback of a pod, at a URL that the runtime gave for it. Whether somebody listens shows
 * only later: what the runtime says of it, the stream fails with.
 */
export async function portStream(url: string, port: number): Promise<Duplex> {
  const session = await openSession(url, portForwardProtocol)
  const headers = { port: String(port), requestid: '0' }
  const failure = session.open({ ...headers, streamtype: 'error' })
  failure.end()
  const data = session.open({ ...headers, streamtype: 'data' })
  data.once('close', () => session.destroy())
  const told = text(failure).catch(() => '')
  return Duplex.from({ writable: data, readable: orFailure(data, told) })
}

/** The data, and at its end what was told of it: either may be read first. */
async function* orFailure(data: Duplex, told: Promise<string>): AsyncGenerator<Buffer> {
  yield* data.iterator({ destroyOnReturn: false })
  const said = await told
  if (said) throw new PortError(said)
}
