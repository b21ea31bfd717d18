import {
  createServer,
  request as httpRequest,
  type IncomingMessage,
  type RequestListener,
  type Server,
} from 'node:http'
import http2, { type ClientHttp2Session, type Http2Server, type ServerHttp2Stream } from 'node:http2'
import {
  connect,
  createServer as createTcpServer,
  type AddressInfo,
  type Server as NetServer,
  type Socket,
} from 'node:net'
import { text } from 'node:stream/consumers'
import { connect as tlsConnect, type TLSSocket } from 'node:tls'
import type { Secret } from 'kubernetes-types/core/v1'
import type { Ingress, IngressClass, IngressSpec } from 'kubernetes-types/networking/v1'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { ingressClasses, ingresses, events, secrets } from '#shared/kube/resources.ts'
import { selfSign, type KeyPair } from '../../base/certificate.ts'
import { FakeClock } from '../../base/fake-clock.ts'
import { silentLogger } from '../../base/logger.ts'
import { seededRandom } from '../../base/random.ts'
import { FakeClient } from '../../client/testing/fake-client.ts'
import { dialTcp } from '../pod-network/dial.ts'
import { ServiceTable } from '../service-table.ts'
import { endpoint, leaving, service, servicePort, slice } from '../testing.ts'
import { IngressController } from './ingress.ts'

const pair = (...names: string[]): KeyPair =>
  selfSign({ commonName: names[0]!, names, usage: 'server', notBefore: 0, notAfter: Date.UTC(2099, 0) })
const usual = pair('default')

/** Pods are servers on free ports of this machine; `dial` maps their addresses there, as the mapped network does. */
let pods: Map<string, number>
let opened: (NetServer | Http2Server)[]
let sockets: Set<Socket>
let services: ServiceTable
let clock: FakeClock
let client: FakeClient
let controller: IngressController
let ports: { http: number; https: number }
let dialed: string[]

beforeEach(() => {
  pods = new Map()
  opened = []
  sockets = new Set()
  dialed = []
  services = new ServiceTable()
  clock = new FakeClock()
  client = new FakeClient({ clock })
  client.seed<IngressClass>({
    apiVersion: 'networking.k8s.io/v1',
    kind: 'IngressClass',
    metadata: { name: 'wheelhouse' },
    spec: { controller: 'wheelhouse.dev/ingress' },
  })
  controller = new IngressController({
    client,
    clock,
    random: seededRandom(1),
    logger: silentLogger,
    services,
    servicesSynced: Promise.resolve(),
    dial(ip, port, signal) {
      dialed.push(`${ip}:${port}`)
      return dialTcp('127.0.0.1', pods.get(ip) ?? 1, signal)
    },
    nodeName: 'here',
    domain: 'cluster.local',
    certificate: usual,
    ports: { http: 0, https: 0 },
  })
})
afterEach(async () => {
  const ending = controller[Symbol.asyncDispose]()
  await clock.advance(1000)
  await ending
  for (const socket of sockets) socket.destroy()
  await Promise.all(opened.map((server) => new Promise((resolve) => server.close(resolve))))
})

async function pod(ip: string, server: NetServer | Http2Server): Promise<void> {
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  opened.push(server)
  pods.set(ip, (server.address() as AddressInfo).port)
}

const httpPod = async (ip: string, serve: RequestListener = (_, response) => response.end(ip)): Promise<Server> => {
  const server = createServer(serve)
  await pod(ip, server)
  return server
}

/** Answers with what it was sent. */
const echo: RequestListener = (request, response) => {
  void text(request).then((body) => {
    response.setHeader('content-type', 'application/json')
    response.end(
      JSON.stringify({
        method: request.method,
        url: request.url,
        headers: request.headers,
        raw: request.rawHeaders,
        body,
        trailers: request.trailers,
      }),
    )
  })
}

interface Echoed {
  method: string
  url: string
  headers: Record<string, string>
  raw: string[]
  body: string
  trailers: Record<string, string>
}

const backends = (name: string, ips: string[], appProtocol?: string) => {
  services.setService(service(name, { ports: [servicePort(80, appProtocol ? { appProtocol } : {})] }))
  services.setSlice(
    slice(
      name,
      ips.map((ip) => endpoint(ip)),
    ),
  )
}

const rule = (host: string, name: string, path = '/') => ({
  host,
  http: { paths: [{ path, pathType: 'Prefix' as const, backend: { service: { name, port: { number: 80 } } } }] },
})

/** Makes an Ingress and resolves when it is served. */
async function serve(name: string, spec: IngressSpec, annotations: Record<string, string> = {}): Promise<void> {
  client.seed<Ingress>({
    apiVersion: 'networking.k8s.io/v1',
    kind: 'Ingress',
    metadata: { name, namespace: 'default', annotations, generation: 1 },
    spec: { ingressClassName: 'wheelhouse', ...spec },
  })
  ports = await vi.waitFor(() => {
    const shown = client.find(ingresses, { namespace: 'default', name })?.status?.loadBalancer?.ingress?.[0]?.ports
    expect(shown).toHaveLength(2)
    return { http: shown![0]!.port, https: shown![1]!.port }
  })
  await controller.settled()
}

interface Answered {
  status: number
  headers: IncomingMessage['headers']
  raw: string[]
  body: string
  trailers: Record<string, string | undefined>
}

function ask(
  host: string,
  path = '/',
  {
    method = 'GET',
    headers = {},
    body,
    agent = false as const,
  }: { method?: string; headers?: Record<string, string>; body?: string | string[]; agent?: false } = {},
): Promise<Answered> {
  return new Promise((resolve, reject) => {
    const request = httpRequest({
      host: '127.0.0.1',
      port: ports.http,
      path,
      method,
      agent,
      headers: { host, ...headers },
    })
    request.on('error', reject)
    request.on('response', (response) => {
      text(response).then(
        (answer) =>
          resolve({
            status: response.statusCode!,
            headers: response.headers,
            raw: response.rawHeaders,
            body: answer,
            trailers: response.trailers,
          }),
        reject,
      )
    })
    for (const piece of [body ?? []].flat()) request.write(piece)
    request.end()
  })
}

/** Bytes to the plain port, and all that comes back until the end. */
async function raw(...pieces: string[]): Promise<string> {
  const socket = connect({ port: ports.http, host: '127.0.0.1', allowHalfOpen: true })
  socket.on('error', () => {})
  for (const piece of pieces) socket.write(piece)
  socket.end()
  return text(socket)
}

const secure = (servername: string, ALPNProtocols = ['http/1.1']): Promise<TLSSocket> =>
  new Promise((resolve, reject) => {
    const socket = tlsConnect({
      port: ports.https,
      host: '127.0.0.1',
      servername,
      ALPNProtocols,
      rejectUnauthorized: false,
    })
    sockets.add(socket)
    socket.once('secureConnect', () => resolve(socket))
    socket.once('error', reject)
  })
const shownTo = async (servername: string) => (await secure(servername)).getPeerCertificate().subject?.CN

function http2Client(): ClientHttp2Session {
  const session = http2.connect(`https://127.0.0.1:${ports.https}`, {
    rejectUnauthorized: false,
    servername: 'a.example',
  })
  session.on('error', () => {})
  return session
}

interface Answered2 {
  head: http2.IncomingHttpHeaders & { ':status'?: number | undefined }
  flags: number
  body: string
  trailers: http2.IncomingHttpHeaders
}

function ask2(session: ClientHttp2Session, headers: http2.OutgoingHttpHeaders, body?: string): Promise<Answered2> {
  return new Promise((resolve, reject) => {
    const stream = session.request({ ':authority': 'a.example', ...headers }, { endStream: body === undefined })
    let head: Answered2['head'] = {}
    let flags = 0
    let trailers: http2.IncomingHttpHeaders = {}
    stream.on('response', (fields, seen) => ([head, flags] = [fields, seen]))
    stream.on('trailers', (fields) => (trailers = fields))
    stream.on('error', reject)
    text(stream).then((answer) => resolve({ head, flags, body: answer, trailers }), reject)
    if (body !== undefined) stream.end(body)
  })
}

const told = () =>
  client.stored(events).map(({ reason, message, involvedObject }) => `${involvedObject.name} ${reason}: ${message}`)

const tlsSecret = (name: string, { certificate, key }: KeyPair): Secret => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name, namespace: 'default' },
  type: 'kubernetes.io/tls',
  data: { 'tls.crt': Buffer.from(certificate).toString('base64'), 'tls.key': Buffer.from(key).toString('base64') },
})

describe('a request', () => {
  it('reaches the backend with where it comes from, and without what belongs to the connection', async () => {
    await httpPod('10.0.0.1', echo)
    backends('web', ['10.0.0.1'])
    await serve('a', { rules: [rule('a.example', 'web')] })
    const { body } = await ask('a.example:80', '/x?y=1', {
      headers: {
        connection: 'keep-alive, X-Hop',
        'x-hop': '1',
        'keep-alive': 'timeout=5',
        te: 'gzip, trailers',
        'proxy-authorization': 'Basic x',
        'x-forwarded-for': '6.6.6.6',
        x_forwarded_for: '6.6.6.6',
        'x-real-ip': '6.6.6.6',
        proxy: 'http://6.6.6.6',
        forwarded: 'for=6.6.6.6',
        'x-forwarded-proto': 'https',
        'x-request-id': 'mine',
        'X-Kept': 'yes',
      },
    })
    const { url, headers, raw: rawHeaders } = JSON.parse(body) as Echoed
    expect(url).toBe('/x?y=1')
    expect(rawHeaders).toContain('X-Kept')
    expect(headers).toEqual({
      host: 'a.example:80',
      te: 'trailers',
      'x-kept': 'yes',
      'x-request-id': 'mine',
      'x-real-ip': '127.0.0.1',
      'x-forwarded-for': '127.0.0.1',
      'x-forwarded-host': 'a.example:80',
      'x-forwarded-port': String(ports.http),
      'x-forwarded-proto': 'http',
      connection: 'keep-alive',
    })
  })

  it('gets an id when it has none', async () => {
    await httpPod('10.0.0.1', echo)
    backends('web', ['10.0.0.1'])
    await serve('a', { rules: [rule('a.example', 'web')] })
    const ids = await Promise.all(
      [1, 2].map(async () => (JSON.parse((await ask('a.example')).body) as Echoed).headers['x-request-id']),
    )
    expect(ids[0]).toMatch(/^[\da-f-]{36}$/)
    expect(ids[0]).not.toBe(ids[1])
  })

  it('brings a body of known length or in chunks, with trailers', async () => {
    await httpPod('10.0.0.1', echo)
    backends('web', ['10.0.0.1'])
    await serve('a', { rules: [rule('a.example', 'web')] })
    const known = JSON.parse(
      (await ask('a.example', '/', { method: 'POST', body: 'hello', headers: { 'content-length': '5' } })).body,
    ) as Echoed
    expect([known.headers['content-length'], known.headers['transfer-encoding'], known.body]).toEqual([
      '5',
      undefined,
      'hello',
    ])
    const chunked = await raw(
      'GET / HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\nConnection: close\r\n\r\n',
      '3\r\nabc\r\n2\r\nde\r\n0\r\nX-Sum: 5\r\nX-Forwarded-For: 6.6.6.6\r\nAuthorization: Basic x\r\n\r\n',
    )
    const echoed = JSON.parse(/\{.*\}/s.exec(chunked)![0]) as Echoed
    expect([echoed.method, echoed.body, echoed.trailers]).toEqual(['GET', 'abcde', { 'x-sum': '5' }])
  })

  it('may announce trailers that cannot be sent, as may its answer', async () => {
    await httpPod('10.0.0.1', (_, response) => {
      response.setHeader('Trailer', 'X-Sum')
      response.end('body')
    })
    backends('web', ['10.0.0.1'])
    await serve('a', { rules: [rule('a.example', 'web')] })
    const answer = await raw('GET / HTTP/1.0\r\nHost: a.example\r\nTrailer: X-Sum\r\n\r\n')
    expect(answer).toMatch(/^HTTP\/1\.1 200 OK\r\n[^]*\r\n\r\nbody$/)
    expect(dialed).toEqual(['10.0.0.1:8080'])
  })

  it('cannot take the length of its body away', async () => {
    await httpPod('10.0.0.1', echo)
    backends('web', ['10.0.0.1'])
    await serve('a', { rules: [rule('a.example', 'web')] })
    const answer = await raw(
      'POST / HTTP/1.1\r\nHost: a.example\r\nConnection: close, content-length\r\nContent-Length: 5\r\n\r\nhello',
    )
    expect((JSON.parse(/\{.*\}/s.exec(answer)![0]) as Echoed).body).toBe('hello')
  })

  it('whose client waits for leave to send its body gets it from the backend', async () => {
    const server = await httpPod('10.0.0.1')
    let continued = 0
    server.on('checkContinue', (request, response) => {
      continued++
      response.writeContinue()
      echo(request, response)
    })
    backends('web', ['10.0.0.1'])
    await serve('a', { rules: [rule('a.example', 'web')] })
    const answer = await new Promise<string>((resolve, reject) => {
      const headers = { host: 'a.example', expect: '100-continue', 'content-length': '2' }
      const request = httpRequest({ host: '127.0.0.1', port: ports.http, method: 'PUT', headers, agent: false })
      request.on('continue', () => request.end('ok'))
      request.on('response', (response) => void text(response).then(resolve, reject))
      request.on('error', reject)
      request.flushHeaders()
    })
    expect([(JSON.parse(answer) as Echoed).body, continued]).toEqual(['ok', 1])
  })

  it('is answered with status, headers of the same name, body and trailers of the backend', async () => {
    await httpPod('10.0.0.1', (_, response) => {
      const cookies = ['Set-Cookie', 'a=1', 'Set-Cookie', 'b=2']
      const hops = ['Connection', 'X-Hop', 'X-Hop', '1', 'Trailer', 'X-Sum', 'Transfer-Encoding', 'chunked']
      response.writeHead(418, 'Short And Stout', [...cookies, ...hops])
      response.addTrailers({ 'X-Sum': '4' })
      response.end('body')
    })
    backends('web', ['10.0.0.1'])
    await serve('a', { rules: [rule('a.example', 'web')] })
    const answer = await ask('a.example')
    expect(answer).toMatchObject({ status: 418, body: 'body', trailers: { 'x-sum': '4' } })
    expect(answer.headers['set-cookie']).toEqual(['a=1', 'b=2'])
    expect(answer.headers['x-hop']).toBeUndefined()
  })

  it.each(['HEAD', 'OPTIONS', 'DELETE'])('%s keeps the connection to the backend', async (method) => {
    await httpPod('10.0.0.1', (_, response) => {
      response.setHeader('content-length', '0')
      response.end()
    })
    backends('web', ['10.0.0.1'])
    await serve('a', { rules: [rule('a.example', 'web')] })
    for (let i = 0; i < 3; i++) expect((await ask('a.example', '/', { method })).status).toBe(200)
    expect(dialed).toEqual(['10.0.0.1:8080'])
  })

  it('is streamed both ways as fast as both sides read', async () => {
    let received = 0
    await httpPod('10.0.0.1', (request, response) => {
      request.on('data', (chunk: Buffer) => (received += chunk.length))
      request.on('end', () => response.end())
      response.write('begun')
    })
    backends('web', ['10.0.0.1'])
    await serve('a', { rules: [rule('a.example', 'web')] })
    const request = httpRequest({
      host: '127.0.0.1',
      port: ports.http,
      method: 'POST',
      agent: false,
      headers: { host: 'a.example' },
    })
    request.write('first')
    const response = await new Promise<IncomingMessage>((resolve) => request.on('response', resolve))
    expect(String(await new Promise<Buffer>((resolve) => response.once('data', resolve)))).toBe('begun')
    await vi.waitFor(() => expect(received).toBe(5))
    request.end(Buffer.alloc(1 << 20))
    response.resume()
    await new Promise((resolve) => response.on('end', resolve))
    expect(received).toBe(5 + (1 << 20))
  })

  it('holds a backend back whose answer nobody reads', async () => {
    const server = await httpPod('10.0.0.1', (_, response) => {
      const more = () => {
        while (response.write(Buffer.alloc(1 << 16)));
        response.once('drain', more)
      }
      more()
    })
    let upstream: Socket | undefined
    server.on('connection', (socket: Socket) => (upstream = socket))
    backends('web', ['10.0.0.1'])
    await serve('a', { rules: [rule('a.example', 'web')] })
    const socket = connect({ port: ports.http, host: '127.0.0.1' })
    sockets.add(socket)
    socket.pause()
    socket.write('GET / HTTP/1.1\r\nHost: a.example\r\n\r\n')
    const written = () => upstream?.bytesWritten ?? 0
    let before = -1
    await vi.waitFor(
      () => {
        const now = written()
        const [last] = [before, (before = now)]
        expect(now).toBeGreaterThan(0)
        expect(now).toBe(last)
      },
      { interval: 200, timeout: 20_000 },
    )
    expect(written()).toBeLessThan(64 << 20)
    socket.destroy()
    await vi.waitFor(() => expect(upstream!.destroyed).toBe(true), { timeout: 10_000 })
  })
})

describe('of the endpoints', () => {
  it('one that cannot be reached is passed over', async () => {
    await httpPod('10.0.0.2')
    backends('web', ['10.0.0.1', '10.0.0.2'])
    await serve('a', { rules: [rule('a.example', 'web')] })
    for (let i = 0; i < 4; i++)
      expect(await ask('a.example', '/', { method: 'POST', body: 'x' })).toMatchObject({
        status: 200,
        body: '10.0.0.2',
      })
  })

  it('all that are ready are used, and one that leaves gets nothing more', async () => {
    for (const ip of ['10.0.0.1', '10.0.0.2']) await httpPod(ip)
    backends('web', ['10.0.0.1', '10.0.0.2'])
    await serve('a', { rules: [rule('a.example', 'web')] })
    const four = async () =>
      new Set((await Promise.all([1, 2, 3, 4].map(() => ask('a.example')))).map(({ body }) => body))
    expect(await four()).toEqual(new Set(['10.0.0.1', '10.0.0.2']))
    services.setSlice(slice('web', [leaving('10.0.0.1', true), endpoint('10.0.0.2')]))
    expect(await four()).toEqual(new Set(['10.0.0.2']))
    services.setSlice(slice('web', [leaving('10.0.0.1', true)]))
    expect(await four()).toEqual(new Set(['10.0.0.1']))
    services.setSlice(slice('web', [leaving('10.0.0.1', false)]))
    expect(await ask('a.example')).toMatchObject({
      status: 503,
      body: '503 Service Unavailable: no endpoint of Service default/web is ready\n',
    })
  })

  it('one that closes a kept connection at the wrong moment is asked again, once, unless that could do harm', async () => {
    let connections = 0
    await pod(
      '10.0.0.1',
      createTcpServer((socket) => {
        connections++
        let requests = 0
        socket.on('error', () => {})
        socket.on('data', () => {
          if (requests++) socket.resetAndDestroy()
          else socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')
        })
      }),
    )
    backends('web', ['10.0.0.1'])
    await serve('a', { rules: [rule('a.example', 'web')] })
    for (let i = 0; i < 4; i++) expect(await ask('a.example')).toMatchObject({ status: 200, body: 'ok' })
    expect(connections).toBeGreaterThan(1)
    for (let i = 0; i < 3; i++) expect(await ask('a.example', '/', { method: 'POST' })).toMatchObject({ status: 200 })
  })

  it('one that breaks off is told with 502 before an answer, and by a broken answer after', async () => {
    await pod(
      '10.0.0.1',
      createTcpServer((socket) => {
        socket.on('error', () => {})
        socket.once('data', (data) => {
          if (String(data).includes('/half')) socket.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf')
          setImmediate(() => socket.destroy())
        })
      }),
    )
    backends('web', ['10.0.0.1'])
    await serve('a', { rules: [rule('a.example', 'web')] })
    expect(await ask('a.example')).toMatchObject({
      status: 502,
      body: expect.stringContaining('Service default/web broke'),
    })
    await expect(ask('a.example', '/half')).rejects.toThrow()
    pods.clear()
    expect(await ask('a.example')).toMatchObject({ status: 502, body: expect.stringContaining('could be reached') })
  })

  it('one that says nothing is given up with 504, a client that stops in its body with 408', async () => {
    await httpPod('10.0.0.1', (request) => void request.resume())
    backends('web', ['10.0.0.1'])
    await serve('a', { rules: [rule('a.example', 'web')] })
    const patience = async (answer: Promise<{ status: number } | string>) => {
      await vi.waitFor(() => expect(sockets.size).toBeGreaterThan(0))
      let done = false
      void answer.finally(() => (done = true))
      await vi.waitFor(async () => {
        await clock.advance(60_000)
        expect(done).toBe(true)
      })
      return answer
    }
    expect(await patience(ask('a.example'))).toMatchObject({ status: 504 })
    const slow = connect({ port: ports.http, host: '127.0.0.1' })
    slow.write('POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 10\r\n\r\nabc')
    expect(await patience(text(slow))).toMatch(/^HTTP\/1\.1 408 /)
  })

  it('of an ExternalName in the cluster are those of the Service that it names', async () => {
    await httpPod('10.0.0.1')
    backends('web', ['10.0.0.1'])
    const external = (name: string, externalName: string) =>
      services.setService({ ...service(name), spec: { type: 'ExternalName', externalName } })
    external('inside', 'web.default.svc.cluster.local')
    external('outside', 'files.example.com')
    external('loop', 'loop.default.svc.cluster.local')
    pods.set('files.example.com', pods.get('10.0.0.1')!)
    await serve('a', {
      rules: [rule('inside', 'inside'), rule('outside', 'outside'), rule('loop', 'loop'), rule('gone', 'gone')],
    })
    expect([(await ask('inside')).body, (await ask('outside')).body]).toEqual(['10.0.0.1', '10.0.0.1'])
    expect(dialed.at(-1)).toBe('files.example.com:80')
    expect((await ask('loop')).body).toContain('leads back to itself')
    expect((await ask('gone')).body).toContain('Service default/gone does not exist')
  })
})

describe('what should not be sent', () => {
  beforeEach(async () => {
    await httpPod('10.0.0.1', echo)
    backends('web', ['10.0.0.1'])
    await serve('a', { rules: [rule('a.example', 'web')] }, { 'ingress.wheelhouse.dev/body-size': '1Ki' })
  })

  it.each<[what: string, request: string, status: number]>([
    ['two lengths', 'POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nhello', 400],
    [
      'a length and chunks',
      'POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
      400,
    ],
    ['another coding', 'POST / HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n', 501],
    ['two hosts', 'GET / HTTP/1.1\r\nHost: a.example\r\nHost: b.example\r\n\r\n', 400],
    ['a user before the host', 'GET / HTTP/1.1\r\nHost: a.example:x@b.example\r\nConnection: close\r\n\r\n', 400],
    ['a user in the target', 'GET http://x@a.example/ HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n', 400],
    ['no host', 'GET / HTTP/1.1\r\n\r\n', 400],
    ['a bare line feed', 'GET / HTTP/1.1\nHost: a.example\n\n', 400],
    ['a folded header', 'GET / HTTP/1.1\r\nHost: a.example\r\nX-A: 1\r\n Transfer-Encoding: chunked\r\n\r\n', 400],
    ['a space before the colon', 'POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length : 5\r\n\r\nhello', 400],
    ['no path', 'OPTIONS * HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n', 400],
    ['a large body', `POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 2000\r\n\r\n${'x'.repeat(2000)}`, 413],
    [
      'a large body in chunks',
      `POST / HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n7d0\r\n${'x'.repeat(2000)}\r\n0\r\n\r\n`,
      413,
    ],
    ['large headers', `GET / HTTP/1.1\r\nHost: a.example\r\nX-A: ${'x'.repeat(70_000)}\r\n\r\n`, 431],
  ])('%s is refused', async (_what, request, status) => {
    const socket = connect({ port: ports.http, host: '127.0.0.1' })
    socket.on('error', () => {})
    socket.write(request)
    const first = await new Promise<string>((resolve) => socket.once('data', (data) => resolve(String(data))))
    expect(first).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `))
    // No second request is read out of what was left.
    let rest = ''
    socket.on('data', (data) => (rest += String(data)))
    await clock.advance(1000)
    await ask('a.example')
    expect(rest).not.toMatch(/HTTP\/1\.1/)
    socket.destroy()
  })

  it('an upgrade to anything but WebSocket is a request like any other', async () => {
    const headers = { connection: 'Upgrade, HTTP2-Settings', upgrade: 'h2c', 'http2-settings': 'AAMAAABk' }
    const echoed = JSON.parse((await ask('a.example', '/', { headers })).body) as Echoed
    expect([echoed.headers['upgrade'], echoed.headers['http2-settings']]).toEqual([undefined, undefined])
  })

  it('requests that are sent ahead are answered in their order, and one behind a half-closed connection, too', async () => {
    const one = (path: string) => `GET ${path} HTTP/1.1\r\nHost: a.example\r\n\r\n`
    const answers = await raw(one('/1'), one('/2'), one('/3'))
    expect([...answers.matchAll(/"url":"([^"]*)"/g)].map(([, url]) => url)).toEqual(['/1', '/2', '/3'])
  })

  it('a target that names a host goes to that host', async () => {
    const answer = await raw('GET http://a.example/x HTTP/1.1\r\nHost: elsewhere\r\nConnection: close\r\n\r\n')
    expect(JSON.parse(/\{.*\}/s.exec(answer)![0])).toMatchObject({ url: '/x', headers: { host: 'a.example' } })
  })

  it('a path that no Ingress has is told with 404', async () => {
    expect(await ask('b.example', '/<x>')).toMatchObject({
      status: 404,
      body: '404 Not Found: no Ingress has a rule for host b.example and path /<x>\n',
      headers: { 'content-type': 'text/plain; charset=utf-8' },
    })
  })
})

describe('TLS', () => {
  const tls = (hosts: string[], secretName: string) => ({ tls: [{ hosts, secretName }] })

  it('shows the certificate of the host, and another when the Secret changes; connections stay', async () => {
    await httpPod('10.0.0.1')
    backends('web', ['10.0.0.1'])
    client.seed(tlsSecret('s', pair('one', 'a.example', '*.b.example')))
    await serve('a', { ...tls(['a.example', '*.b.example'], 's'), rules: [rule('a.example', 'web')] })
    await vi.waitFor(async () => expect(await shownTo('a.example')).toBe('one'))
    expect([await shownTo('x.b.example'), await shownTo('c.example')]).toEqual(['one', 'default'])
    const session = http2Client()
    expect((await ask2(session, { ':path': '/' })).body).toBe('10.0.0.1')
    client.change(secrets, { namespace: 'default', name: 's' }, (secret) => {
      secret.data = tlsSecret('s', pair('two', 'a.example', '*.b.example')).data!
    })
    await vi.waitFor(async () => expect(await shownTo('a.example')).toBe('two'))
    expect((await ask2(session, { ':path': '/' })).body).toBe('10.0.0.1')
    session.destroy()
    expect(told()).toEqual([])
  })

  it('tells of a Secret that is missing or wrong, and shows the default certificate until it is right', async () => {
    const good = pair('good', 'a.example')
    await serve('a', { ...tls(['a.example'], 's'), rules: [rule('a.example', 'web')] })
    const says = (message: string) =>
      vi.waitFor(() => expect(told().join('\n')).toContain(`a InvalidTLSSecret: ${message}`))
    await says('Secret default/s does not exist: the default certificate is shown instead.')
    expect(await shownTo('a.example')).toBe('default')
    client.seed({ ...tlsSecret('s', good), type: 'Opaque' })
    await says('Secret default/s is of type Opaque, not kubernetes.io/tls')
    const become = (next: KeyPair) =>
      client.change(secrets, { namespace: 'default', name: 's' }, (secret) => {
        secret.type = 'kubernetes.io/tls'
        secret.data = tlsSecret('s', next).data!
      })
    become({ ...good, key: pair('other').key })
    await says('The key in Secret default/s is not that of its certificate')
    become({ ...good, certificate: 'garbage' })
    await says('Secret default/s holds no certificate with its key')
    become(pair('b.example'))
    await says('The certificate in Secret default/s is not for host a.example.')
    become(good)
    await vi.waitFor(async () => expect(await shownTo('a.example')).toBe('good'))
    expect(
      client.actions
        .filter(({ resource, verb }) => resource === 'secrets' && verb === 'list')
        .map(({ options }) => options),
    ).toEqual([expect.objectContaining({ namespace: 'default', fieldSelector: 'metadata.name=s' })])
  })

  it('is where plain requests for its hosts are sent, unless the Ingress says otherwise', async () => {
    await httpPod('10.0.0.1')
    backends('web', ['10.0.0.1'])
    await serve('a', { ...tls(['a.example'], 's'), rules: [rule('a.example', 'web'), rule('b.example', 'web')] })
    const answer = await ask('a.example:80', '/x?y', { method: 'POST' })
    expect([answer.status, answer.headers.location]).toEqual([308, `https://a.example:${ports.https}/x?y`])
    expect((await ask('b.example')).status).toBe(200)
    client.change(ingresses, { namespace: 'default', name: 'a' }, ({ metadata }) => {
      metadata!.annotations = { 'ingress.wheelhouse.dev/ssl-redirect': 'false' }
    })
    await vi.waitFor(async () => expect((await ask('a.example')).status).toBe(200))
  })
})

describe('HTTP/2', () => {
  it('of a client is HTTP/1.1 to a backend, bodies and trailers and all', async () => {
    await httpPod('10.0.0.1', echo)
    backends('web', ['10.0.0.1'])
    await serve('a', { rules: [rule('a.example', 'web')] })
    const session = http2Client()
    const got = await ask2(session, { ':path': '/x', ':method': 'POST', cookie: ['a=1', 'b=2'] }, 'hello')
    expect(got.head[':status']).toBe(200)
    const echoed = JSON.parse(got.body) as Echoed
    expect([echoed.method, echoed.url, echoed.body]).toEqual(['POST', '/x', 'hello'])
    expect(echoed.headers).toMatchObject({ host: 'a.example', cookie: 'a=1; b=2', 'x-forwarded-proto': 'https' })
    expect((await ask2(session, { ':path': '/', ':method': 'HEAD' })).head[':status']).toBe(200)
    session.destroy()
  })

  const grpc = (stream: ServerHttp2Stream, headers: http2.IncomingHttpHeaders) => {
    stream.on('error', () => {})
    if (headers[':path'] === '/fails') {
      stream.respond({ ':status': 200, 'content-type': 'application/grpc', 'grpc-status': '5' }, { endStream: true })
      stream.resume()
      return
    }
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true })
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0', 'x-te': String(headers.te) }))
    stream.pipe(stream)
  }

  it.each([
    ['the appProtocol of the port', 'kubernetes.io/h2c', undefined],
    ['an annotation', undefined, { 'ingress.wheelhouse.dev/backend-protocol': 'GRPC' }],
  ])('reaches backends that speak it by %s, so that gRPC has its trailers', async (_, appProtocol, annotations) => {
    const server = http2.createServer()
    server.on('stream', grpc)
    await pod('10.0.0.1', server)
    backends('web', ['10.0.0.1'], appProtocol)
    await serve('a', { rules: [rule('a.example', 'web')] }, annotations)
    const session = http2Client()
    const call = { ':method': 'POST', 'content-type': 'application/grpc', te: 'trailers' }
    const calls = await Promise.all(
      ['one', 'two', 'three'].map((body) => ask2(session, { ...call, ':path': '/echo' }, body)),
    )
    expect(calls.map(({ body, trailers }) => [body, trailers['grpc-status'], trailers['x-te']])).toEqual(
      ['one', 'two', 'three'].map((body) => [body, '0', 'trailers']),
    )
    const failed = await ask2(session, { ...call, ':path': '/fails' }, 'x')
    expect([failed.head['grpc-status'], failed.flags & http2.constants.NGHTTP2_FLAG_END_STREAM]).toEqual(['5', 1])
    expect(dialed).toHaveLength(1)
    session.destroy()
  })

  it('streams a call both ways', async () => {
    const server = http2.createServer()
    server.on('stream', grpc)
    await pod('10.0.0.1', server)
    backends('web', ['10.0.0.1'], 'kubernetes.io/h2c')
    await serve('a', { rules: [rule('a.example', 'web')] })
    const session = http2Client()
    const stream = session.request({ ':authority': 'a.example', ':path': '/echo', ':method': 'POST', te: 'trailers' })
    const trailers = new Promise<http2.IncomingHttpHeaders>((resolve) => stream.once('trailers', resolve))
    for (const word of ['ping', 'pong']) {
      const heard = new Promise<Buffer>((resolve) => stream.once('data', resolve))
      stream.write(word)
      expect(String(await heard)).toBe(word)
    }
    stream.end()
    expect((await trailers)['grpc-status']).toBe('0')
    session.destroy()
  })

  it('of a backend that goes away is opened anew', async () => {
    const server = http2.createServer()
    const sessions: http2.ServerHttp2Session[] = []
    server.on('session', (session) => sessions.push(session))
    server.on('stream', grpc)
    await pod('10.0.0.1', server)
    backends('web', ['10.0.0.1'], 'kubernetes.io/h2c')
    await serve('a', { rules: [rule('a.example', 'web')] })
    const session = http2Client()
    for (let i = 0; i < 3; i++) {
      expect((await ask2(session, { ':path': '/echo', ':method': 'POST' }, 'x')).body).toBe('x')
      sessions.at(-1)!.close()
      await vi.waitFor(() => expect(sessions.at(-1)!.destroyed).toBe(true))
    }
    expect(sessions).toHaveLength(3)
    session.destroy()
  })
})

describe('WebSocket', () => {
  const hello = (more = '') =>
    `GET /socket HTTP/1.1\r\nHost: a.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n${more}\r\n`

  it('is passed on, with what comes right behind either head', async () => {
    const server = await httpPod('10.0.0.1')
    server.on('upgrade', (request, socket, head) => {
      sockets.add(socket as Socket)
      socket.on('error', () => {})
      const { upgrade, 'x-forwarded-for': from } = request.headers
      socket.write(
        `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${upgrade}\r\n\r\nfrom ${String(from)};`,
      )
      socket.write(head)
      socket.on('data', (data) => socket.write(data))
      socket.on('end', () => socket.end('bye'))
    })
    backends('web', ['10.0.0.1'], 'kubernetes.io/ws')
    await serve('a', { rules: [rule('a.example', 'web')] })
    expect(await raw(hello(), 'early;')).toMatch(/^HTTP\/1\.1 101 [^]*\r\n\r\nfrom 127\.0\.0\.1;early;bye$/)
  })

  it('that is asked for before the answer to another request is out is a request like any other', async () => {
    await httpPod('10.0.0.1', (request, response) => response.end(`[${request.url}]`))
    backends('web', ['10.0.0.1'])
    await serve('socket', { rules: [rule('a.example', 'web')] })
    const answers = await raw(`GET /before HTTP/1.1\r\nHost: a.example\r\n\r\n${hello()}`)
    expect(answers.match(/\[.*?\]/g)).toEqual(['[/before]', '[/socket]'])
  })

  it('that is refused leaves no connection behind whose client goes on sending', async () => {
    await httpPod('10.0.0.1')
    backends('web', ['10.0.0.1'])
    await serve('socket', { rules: [rule('a.example', 'web')] })
    const socket = connect({ port: ports.http, host: '127.0.0.1', allowHalfOpen: true })
    socket.on('error', () => {})
    socket.write(hello())
    await new Promise((resolve) => socket.once('end', resolve).resume())
    await vi.waitFor(
      async () => {
        socket.write('more')
        await clock.advance(1000)
        expect(socket.destroyed).toBe(true)
      },
      { timeout: 20_000 },
    )
  })

  it('that the backend refuses is answered as the backend answers', async () => {
    await httpPod('10.0.0.1', (_, response) => {
      response.statusCode = 403
      response.end('no')
    })
    backends('web', ['10.0.0.1'])
    await serve('a', { rules: [rule('a.example', 'web')] })
    expect(await raw(hello())).toMatch(/^HTTP\/1\.1 403 [^]*no/)
    services.setSlice(slice('web', []))
    expect(await raw(hello())).toMatch(/^HTTP\/1\.1 503 /)
  })
})

describe('the controller', () => {
  it('listens while there is something to serve, and takes back what it wrote when an Ingress is no longer its own', async () => {
    await serve('a', { rules: [rule('a.example', 'web')] })
    expect((await ask('a.example')).status).toBe(503)
    client.change(ingresses, { namespace: 'default', name: 'a' }, (ingress) => {
      ingress.spec!.ingressClassName = 'other'
    })
    await vi.waitFor(() =>
      expect(client.find(ingresses, { namespace: 'default', name: 'a' })?.status?.loadBalancer?.ingress ?? []).toEqual(
        [],
      ),
    )
    await expect(ask('a.example')).rejects.toThrow('ECONNREFUSED')
  })

  it('touches no Ingress of another class', async () => {
    client.seed<Ingress>({
      apiVersion: 'networking.k8s.io/v1',
      kind: 'Ingress',
      metadata: { name: 'other', namespace: 'default' },
      spec: { ingressClassName: 'nginx', rules: [rule('a.example', 'web')] },
      status: { loadBalancer: { ingress: [{ ip: '10.1.1.1' }] } },
    })
    await serve('a', { rules: [rule('b.example', 'web')] })
    client.remove(ingressClasses, { name: 'wheelhouse' })
    await vi.waitFor(() =>
      expect(client.find(ingresses, { namespace: 'default', name: 'a' })!.status!.loadBalancer).toEqual({}),
    )
    expect(client.writes().map(({ name }) => name)).toEqual(['a', 'a'])
  })

  it('tells of rules that another Ingress has', async () => {
    await serve('a', { rules: [rule('a.example', 'web')] })
    await clock.advance(5000)
    await serve('b', { rules: [rule('a.example', 'web')] })
    await vi.waitFor(() =>
      expect(told()).toEqual([
        'b ConflictingRule: Prefix / of host a.example is that of Ingress default/a, which is older: this one is not served.',
      ]),
    )
  })

  it('tells of a port that it could not have, serves another, and takes the first when it is free', async () => {
    const holder = createTcpServer()
    await new Promise<void>((resolve) => holder.listen(0, '127.0.0.1', resolve))
    const { port } = holder.address() as AddressInfo
    await controller[Symbol.asyncDispose]()
    controller = new IngressController({
      client,
      clock,
      random: seededRandom(1),
      logger: silentLogger,
      services,
      servicesSynced: Promise.resolve(),
      dial: () => Promise.reject(new Error('nobody')),
      nodeName: 'here',
      domain: 'cluster.local',
      certificate: usual,
      ports: { http: port, https: 0 },
    })
    await serve('a', { rules: [rule('a.example', 'web')] })
    expect(ports.http).not.toBe(port)
    expect((await ask('a.example')).status).toBe(503)
    await vi.waitFor(() =>
      expect(told()).toEqual([
        `a PortUnavailable: Port ${port} of this machine is in use by another program: port ${ports.http} is served instead.`,
      ]),
    )
    await new Promise((resolve) => holder.close(resolve))
    await clock.advance(30_000)
    await vi.waitFor(() =>
      expect(
        client.find(ingresses, { namespace: 'default', name: 'a' })!.status!.loadBalancer!.ingress![0]!.ports![0],
      ).toEqual({ port, protocol: 'TCP' }),
    )
  })
})
