import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { PassThrough } from 'node:stream'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import { FakeClock } from '../../base/fake-clock.ts'
import type { ExecSession } from '../../runtime/api.ts'
import { echoSession } from '../../runtime/testing/fake-runtime.ts'
import { socketPair } from '../../base/testing/pipes.ts'
import { commandOverSpdy } from './command-over-spdy.ts'
import { commandOverWebSocket } from './command-over-websocket.ts'
import type { CommandOptions } from './command-streams.ts'
import { runCommand } from './run-command.ts'
import { SpdySession } from '../../base/spdy/session.ts'
import { chooseCommandProtocol, choosePortProtocol } from './websocket/protocols.ts'

const clock = new FakeClock()
const everything: CommandOptions = { stdin: true, stdout: true, stderr: true, tty: false }
const closers: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closers.splice(0)) await close()
})

describe('over SPDY', () => {
  async function connect(options: CommandOptions, session: ExecSession, protocol = 'v4.channel.k8s.io') {
    const [near, far] = await socketPair()
    closers.push(
      () => near.destroy(),
      () => far.destroy(),
    )
    const client = new SpdySession({ transport: near, onStream: () => false, client: true })
    const served = commandOverSpdy(far, protocol, options, clock).then((streams) => runCommand(session, streams, clock))
    return { client, served }
  }

  it('joins stdin, stdout and the outcome', async () => {
    const { client, served } = await connect(everything, echoSession())
    const [error, stdin, stdout, stderr] = ['error', 'stdin', 'stdout', 'stderr'].map((streamtype) =>
      client.open({ streamtype }),
    )
    stdin!.end('hello')
    stderr!.resume()
    expect(Buffer.concat(await stdout!.toArray()).toString()).toBe('hello')
    expect(JSON.parse(Buffer.concat(await error!.toArray()).toString())).toMatchObject({ status: 'Success' })
    for (const stream of [error, stdout, stderr]) stream!.end()
    await served
  })

  it('tells the exit code as a cause of the status', async () => {
    const { client } = await connect({ ...everything, stdin: false }, echoSessionEnded(3))
    const [error, stdout, stderr] = ['error', 'stdout', 'stderr'].map((streamtype) => client.open({ streamtype }))
    for (const stream of [stdout, stderr]) stream!.resume()
    const status = JSON.parse(Buffer.concat(await error!.toArray()).toString()) as { reason: string; details: object }
    expect(status.reason).toBe('NonZeroExitCode')
    expect(status.details).toEqual({ causes: [{ reason: 'ExitCode', message: '3' }] })
  })

  it('tells clients of old protocols in plain text, and success by silence', async () => {
    const { client } = await connect({ ...everything, stdin: false }, echoSessionEnded(0), 'v2.channel.k8s.io')
    const [error, stdout, stderr] = ['error', 'stdout', 'stderr'].map((streamtype) => client.open({ streamtype }))
    for (const stream of [stdout, stderr]) stream!.resume()
    expect(await error!.toArray()).toEqual([])
  })

  it('takes sizes of the terminal, however they are cut', async () => {
    const session = echoSession()
    const { client } = await connect({ stdin: true, stdout: true, stderr: false, tty: true }, session)
    const [, , stdout, resize] = ['error', 'stdin', 'stdout', 'resize'].map((streamtype) => client.open({ streamtype }))
    stdout!.resume()
    resize!.write('{"Width":80,"Hei')
    resize!.write('ght":24}{"Width":100,"Height":30}')
    await vi.waitFor(() =>
      expect(session.sizes).toEqual([
        [80, 24],
        [100, 30],
      ]),
    )
  })

  it('gives up a client that does not open its streams', async () => {
    const { client, served } = await connect(everything, echoSession())
    client.open({ streamtype: 'error' })
    const failure = served.catch((error: Error) => error.message)
    await clock.advance(30_001)
    expect(await failure).toBe('timed out waiting for client to create streams')
  })

  it('disposes of the command when the client goes away', async () => {
    const disposed = vi.fn<() => void>()
    const session: ExecSession = { ...echoSession(), [Symbol.asyncDispose]: async () => disposed() }
    const { client, served } = await connect(everything, session)
    for (const streamtype of ['error', 'stdin', 'stdout', 'stderr']) client.open({ streamtype })
    await new Promise((resolve) => setImmediate(resolve))
    client.destroy()
    await served
    expect(disposed).toHaveBeenCalledOnce()
  })
})

describe('over WebSocket', () => {
  let server: http.Server
  let accepted: Promise<WebSocket>

  beforeEach(async () => {
    server = http.createServer()
    const sockets = new WebSocketServer({ server, handleProtocols: (protocols) => [...protocols][0]! })
    accepted = once(sockets, 'connection').then(([socket]) => socket as WebSocket)
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    closers.push(() => server.close())
  })

  async function connect(name: string, options: CommandOptions, session: ExecSession) {
    const client = new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`, [name])
    closers.push(() => client.terminate())
    const messages: Buffer[] = []
    client.on('message', (message: Buffer) => messages.push(message))
    const socket = await accepted
    if (client.readyState !== WebSocket.OPEN) await once(client, 'open')
    const protocol = chooseCommandProtocol(new Set([name]))!
    const served = runCommand(session, commandOverWebSocket(socket, protocol, options), clock)
    const text = (channel: number) =>
      Buffer.concat(messages.filter((m) => m[0] === channel).map((m) => m.subarray(1))).toString()
    return { client, messages, served, text }
  }

  it('v5 half-closes stdin by the close signal, so that the command sees its end', async () => {
    const { client, served, text } = await connect('v5.channel.k8s.io', everything, echoSession())
    client.send(Buffer.concat([Buffer.from([0]), Buffer.from('hello')]))
    client.send(Buffer.from([255, 0]))
    await served
    expect(text(1)).toBe('hello')
    expect(JSON.parse(text(3))).toMatchObject({ status: 'Success' })
  })

  it('announces itself by an empty message on stdout', async () => {
    const { messages } = await connect('v4.channel.k8s.io', everything, echoSession())
    await vi.waitFor(() => expect(messages[0]).toEqual(Buffer.from([1])))
  })

  it('speaks base64 where the client asks for it', async () => {
    const { client, messages } = await connect('base64.channel.k8s.io', everything, echoSession())
    client.send(`0${Buffer.from('hi').toString('base64')}`)
    await vi.waitFor(() => expect(messages.map(String)).toContain(`1${Buffer.from('hi').toString('base64')}`))
  })

  it('ends a command that left input unread', async () => {
    const session = echoSessionEnded(0)
    const stalled: ExecSession = { ...session, stdin: new PassThrough({ highWaterMark: 1 }) }
    const { client, served } = await connect('v5.channel.k8s.io', everything, stalled)
    for (let i = 0; i < 40; i++) client.send(Buffer.concat([Buffer.from([0]), Buffer.alloc(32 * 1024)]))
    await served
    expect(client.readyState).toBeGreaterThan(WebSocket.OPEN)
  })
})

it('prefers the newest protocol that the client offers', () => {
  expect(chooseCommandProtocol(new Set(['v4.channel.k8s.io', 'v5.channel.k8s.io']))?.version).toBe(5)
  expect(choosePortProtocol(new Set(['v5.channel.k8s.io', 'v4.channel.k8s.io']))?.name).toBe('v4.channel.k8s.io')
  expect(chooseCommandProtocol(new Set())?.name).toBe('')
  expect(chooseCommandProtocol(new Set(['other']))).toBeUndefined()
})

/** A command that has said nothing and ended. */
function echoSessionEnded(exitCode: number): ExecSession {
  const session = echoSession(exitCode)
  session.stdin!.end()
  return session
}
