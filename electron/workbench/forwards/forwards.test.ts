import http from 'node:http'
import net from 'node:net'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { WebSocket } from 'ws'
import type { Forward } from '#shared/ipc/hosts.ts'
import type { KubeObject } from '#shared/kube/object.ts'
import { contextsOf } from '../testing/contexts.ts'
import { FakeApiServer, podsOf, type FakeRequest } from '../testing/fake-api-server.ts'
import { FakeOutlet } from '../testing/outlet.ts'
import { Forwards } from './forwards.ts'

let server: FakeApiServer
let catalogue: ReturnType<typeof contextsOf>
let forwards: Forwards
let asked: FakeRequest[]
let remotes: WebSocket[]
beforeEach(async () => {
  server = await FakeApiServer.start()
  catalogue = contextsOf(server)
  forwards = new Forwards(catalogue.contexts)
  asked = []
  remotes = []
  server.onSocket = (socket, request) => {
    asked.push(request)
    remotes.push(socket)
    const port = Number(request.query.get('ports'))
    for (const channel of [0, 1]) socket.send(Buffer.of(channel, port & 255, port >> 8))
    serve(socket)
  }
  serve = (socket) =>
    socket.on('message', (message: Buffer) => {
      socket.send(Buffer.concat([Buffer.of(0), Buffer.from(`echo ${message.subarray(1).toString()}`)]))
    })
})
afterEach(async () => {
  forwards[Symbol.dispose]()
  catalogue[Symbol.dispose]()
  await server[Symbol.asyncDispose]()
})

/** What the port in the pod does. */
let serve: (socket: WebSocket) => void
const until = (check: () => void) => vi.waitFor(check, 5000)
const pod = (name: string, more: object = {}) =>
  server.store.put(podsOf('default'), {
    metadata: { name, labels: { app: 'web' } },
    spec: { containers: [{ name: 'c', ports: [{ name: 'http', containerPort: 8080 }] }] },
    status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] },
    ...more,
  } as KubeObject)
const service = (spec: object) =>
  server.store.put({ ...podsOf('default'), plural: 'services' }, { metadata: { name: 'web' }, spec } as KubeObject)
const open = async (target = 'pod/web', remotePort = 80, localPort?: number) =>
  forwards
    .requests()
    ['forwards.open'](
      { context: catalogue.context, namespace: 'default', target, remotePort, localPort },
      new AbortController().signal,
    )

/** Sends and reads until the other side ends. */
function talk(forward: Forward, text: string, end = false): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = ''
    const socket = net.connect(forward.localPort, '127.0.0.1', () => (end ? socket.end(text) : socket.write(text)))
    socket.on('data', (chunk) => {
      answer += String(chunk)
      if (!end) socket.destroy()
    })
    socket.on('close', () => resolve(answer))
    socket.on('error', reject)
  })
}

it('leads a local port to a port of a pod', async () => {
  pod('web')
  const forward = await open()
  expect(forward).toMatchObject({
    state: 'listening',
    url: `http://127.0.0.1:${forward.localPort}/`,
    target: 'pod/web',
  })
  expect(await talk(forward, 'hello')).toBe('echo hello')
  expect(asked[0]).toMatchObject({ path: '/api/v1/namespaces/default/pods/web/portforward' })
  expect(asked[0]!.query.get('ports')).toBe('80')
})

it('carries many connections at a time, and much of it, whole', async () => {
  pod('web')
  serve = (socket) => {
    socket.on('message', (message: Buffer) => {
      const size = Number(message.subarray(1).toString())
      for (let sent = 0; sent < size; sent += 65_536)
        socket.send(Buffer.concat([Buffer.of(0), Buffer.alloc(Math.min(65_536, size - sent), 120)]))
      socket.close()
    })
  }
  const forward = await open()
  const sizes = [1, 100_000, 8_000_000]
  expect(await Promise.all(sizes.map(async (size) => (await talk(forward, String(size), true)).length))).toEqual(sizes)
})

it('keeps on reading after the local side has finished: half-closed is not closed', async () => {
  pod('web')
  serve = (socket) =>
    socket.on('message', () => {
      setTimeout(() => {
        socket.send(Buffer.concat([Buffer.of(0), Buffer.from('late')]))
        socket.close()
      }, 100)
    })
  expect(await talk(await open(), 'question', true)).toBe('late')
})

describe('a service', () => {
  it('leads to a ready pod and the port that it names', async () => {
    service({ selector: { app: 'web' }, ports: [{ port: 80, targetPort: 'http' }] })
    pod('not-ready', { status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'False' }] } })
    pod('ready')
    await talk(await open('service/web'), 'x')
    expect(asked[0]!.path).toContain('/pods/ready/')
    expect(asked[0]!.query.get('ports')).toBe('8080')
  })

  it('outlives the replacement of its pod', async () => {
    service({ selector: { app: 'web' }, ports: [{ port: 80, targetPort: 8080 }] })
    pod('old')
    const forward = await open('service/web')
    await talk(forward, 'x')
    server.store.remove(podsOf('default'), 'old')
    await talk(forward, 'x', true).catch(() => {})
    await until(() =>
      expect(forwards.list()).toMatchObject([{ state: 'failed', message: 'No pod of service web is ready.' }]),
    )
    pod('new')
    expect(await talk(forward, 'x')).toBe('echo x')
    await until(() => expect(forwards.list()).toMatchObject([{ state: 'listening' }]))
    expect(asked.at(-1)!.path).toContain('/pods/new/')
  })

  it.each([
    ['without a selector', { ports: [{ port: 80 }] }, /has no selector/],
    ['without that port', { selector: { app: 'web' }, ports: [{ port: 443 }] }, /has no port 80/],
    [
      'whose port nobody names',
      { selector: { app: 'web' }, ports: [{ port: 80, targetPort: 'nope' }] },
      /names a port nope/,
    ],
  ])('%s is refused at once', async (_what, spec, message) => {
    service(spec)
    pod('web')
    await expect(open('service/web')).rejects.toThrow(message)
    expect(forwards.list()).toEqual([])
  })
})

it.each([
  ['that is not there', undefined, /not found/],
  ['that does not run', { status: { phase: 'Pending' } }, /is not running/],
])('a pod %s is refused at once', async (_what, state, message) => {
  if (state) pod('web', state)
  await expect(open()).rejects.toThrow(message)
})

it('says which port is busy, and the cure', async () => {
  pod('web')
  const taken = http.createServer()
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve))
  const { port } = taken.address() as net.AddressInfo
  await expect(open('pod/web', 80, port)).rejects.toMatchObject({
    reason: 'PortBusy',
    message: `Port ${port} is in use.`,
    cure: expect.any(String) as string,
  })
  taken.close()
})

it('tells what the node says when nothing listens in the pod', async () => {
  pod('web')
  serve = (socket) =>
    socket.send(Buffer.concat([Buffer.of(1), Buffer.from('failed to connect to localhost:80: connection refused')]))
  const forward = await open()
  await talk(forward, 'x', true).catch(() => '')
  await until(() =>
    expect(forwards.list()).toMatchObject([
      { state: 'failed', message: 'failed to connect to localhost:80: connection refused' },
    ]),
  )
})

it('closes everything with the forward', async () => {
  pod('web')
  const outlet = new FakeOutlet<{ forwards: Forward[] }>()
  void forwards.streams()['forwards.watch']({}, outlet)
  const forward = await open()
  serve = () => {}
  const client = net.connect(forward.localPort, '127.0.0.1')
  const closed = new Promise((resolve) => client.on('close', resolve))
  client.on('error', () => {})
  client.write('x')
  await until(() => expect(remotes).toHaveLength(1))
  const gone = new Promise((resolve) => remotes[0]!.on('close', resolve))
  await forwards.requests()['forwards.close']({ id: forward.id }, new AbortController().signal)
  await Promise.all([closed, gone])
  expect(forwards.list()).toEqual([])
  await until(() => expect(outlet.heard.map(({ forwards: open }) => open.length)).toEqual([0, 1, 0]))
  outlet.close()
  await expect(talk(forward, 'x')).rejects.toThrow(/ECONNREFUSED/)
})
