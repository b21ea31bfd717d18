import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { Duplex, PassThrough } from 'node:stream'
import { afterEach, expect, it, vi } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import { FakeClock } from '../../base/fake-clock.ts'
import { silentLogger } from '../../base/logger.ts'
import { socketPair } from '../../base/testing/pipes.ts'
import { PortError } from '../../runtime/api.ts'
import { portForwardOverSpdy, portForwardOverWebSocket, type PortForwardDeps } from './port-forward.ts'
import { SpdySession } from '../../base/spdy/session.ts'
import { choosePortProtocol } from './websocket/protocols.ts'
import { webSocketDuplex } from './websocket/duplex.ts'

const closers: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closers.splice(0)) await close()
})

/** Something that answers with what it is told, from port 80 only. */
const deps: PortForwardDeps = {
  async dial(port) {
    if (port === 82) {
      const failing: Duplex = new Duplex({
        read: () => failing.destroy(new PortError('the sandbox is gone')),
        write() {},
      })
      return failing
    }
    if (port !== 80) throw new Error('connection refused')
    return new PassThrough()
  },
  pod: 'web_shop(uid)',
  clock: new FakeClock(),
  logger: silentLogger,
}

async function overSpdy(wrap: (far: Duplex) => Duplex = (far) => far) {
  const [near, far] = await socketPair()
  closers.push(
    () => near.destroy(),
    () => far.destroy(),
  )
  void portForwardOverSpdy(wrap(far), deps)
  return new SpdySession({ transport: near, onStream: () => false, client: true })
}

function request(client: SpdySession, id: string, port = '80') {
  const error = client.open({ streamtype: 'error', port, requestid: id })
  error.end()
  return { error, data: client.open({ streamtype: 'data', port, requestid: id }) }
}

it('pairs streams by request and carries several connections at once', async () => {
  const client = await overSpdy()
  const requests = ['0', '1', '2'].map((id) => request(client, id))
  for (const [index, { data }] of requests.entries()) data.end(`request ${index}`)
  const answers = await Promise.all(requests.map(async ({ data }) => Buffer.concat(await data.toArray()).toString()))
  expect(answers).toEqual(['request 0', 'request 1', 'request 2'])
  expect(await requests[0]!.error.toArray()).toEqual([])
})

it('tells of a refused connection on its error stream, and goes on', async () => {
  const client = await overSpdy()
  const refused = request(client, '0', '81')
  expect(Buffer.concat(await refused.error.toArray()).toString()).toBe(
    'error forwarding port 81 to pod web_shop(uid): connection refused',
  )
  const { data } = request(client, '1')
  data.end('still here')
  expect(Buffer.concat(await data.toArray()).toString()).toBe('still here')
})

async function webSocketPair(): Promise<[WebSocket, WebSocket]> {
  const server = http.createServer()
  const sockets = new WebSocketServer({ server })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const accepted = once(sockets, 'connection')
  const client = new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`)
  closers.push(
    () => client.terminate(),
    () => server.close(),
  )
  const [far] = (await accepted) as [WebSocket]
  return [client, far]
}

it('runs SPDY inside a WebSocket', async () => {
  const [near, far] = await webSocketPair()
  void portForwardOverSpdy(webSocketDuplex(far), deps)
  if (near.readyState !== WebSocket.OPEN) await once(near, 'open')
  const client = new SpdySession({ transport: webSocketDuplex(near), onStream: () => false, client: true })
  const { data } = request(client, '0')
  data.end(Buffer.alloc(300_000, 7))
  expect(Buffer.concat(await data.toArray()).equals(Buffer.alloc(300_000, 7))).toBe(true)
})

it('tells in the words of the runtime why a connection came to nothing that seemed to be open', async () => {
  const { error, data } = request(await overSpdy(), '0', '82')
  data.resume()
  expect(Buffer.concat(await error.toArray()).toString()).toBe('the sandbox is gone')
})

it('gives each port a pair of WebSocket channels that begin with the port', async () => {
  const [near, far] = await webSocketPair()
  const messages: Buffer[] = []
  near.on('message', (message: Buffer) => messages.push(message))
  void portForwardOverWebSocket(far, choosePortProtocol(new Set(['v4.channel.k8s.io']))!, [80, 81], deps)
  await vi.waitFor(() => expect(messages.length).toBeGreaterThanOrEqual(5))
  expect(messages.slice(0, 4).map((m) => [m[0], m.readUInt16LE(1)])).toEqual([
    [0, 80],
    [1, 80],
    [2, 81],
    [3, 81],
  ])
  near.send(Buffer.concat([Buffer.from([0]), Buffer.from('hello')]))
  await vi.waitFor(() => expect(messages.map((m) => m.toString('latin1'))).toContain('\0hello'))
  expect(messages.some((m) => m[0] === 3 && m.toString().includes('connection refused'))).toBe(true)
})
