import { readFileSync } from 'node:fs'
import http2 from 'node:http2'
import https from 'node:https'
import path from 'node:path'
import { text } from 'node:stream/consumers'
import { connect as tlsConnect, type TLSSocket } from 'node:tls'
import type { Ingress } from 'kubernetes-types/networking/v1'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import WebSocket from 'ws'
import { selfSign } from '../../electron/cluster/base/certificate.ts'
import { temporaryFolder, up, type TestCluster } from '../support/cluster.ts'
import { curl } from '../support/http.ts'
import type { Kubectl } from '../support/kubectl.ts'
import { eventually } from '../support/wait.ts'

let cluster: TestCluster
let k: Kubectl
let plain: number
let secure: number
let applied: string
const open: { destroy(): void }[] = []

/** Answers gRPC's way over HTTP/2 without TLS on 9000, and WebSockets on 8000. */
const program = `
  const http2 = require('node:http2'), http = require('node:http'), { createHash } = require('node:crypto')
  http2.createServer().on('stream', (stream) => {
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true })
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }))
    stream.pipe(stream)
  }).listen(9000)
  http.createServer((_, response) => response.end('ok')).on('upgrade', ({ headers }, socket) => {
    const accept = createHash('sha1').update(headers['sec-websocket-key'] + '258EAFA5-E914-47DA-95CA-C5AB0DC85B11').digest('base64')
    socket.write('HTTP/1.1 101 Switching Protocols\\r\\nUpgrade: websocket\\r\\nConnection: Upgrade\\r\\nSec-WebSocket-Accept: ' + accept + '\\r\\n\\r\\n')
    socket.write(Buffer.from([0x81, 5, ...Buffer.from('hello')]))
  }).listen(8000)
`

const manifests = `
apiVersion: apps/v1
kind: Deployment
metadata: { name: web }
spec:
  replicas: 3
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec:
      containers:
        - name: web
          image: wheelhouse/hello:v1
          ports: [{ name: http, containerPort: 8000 }]
          readinessProbe: { httpGet: { path: /readyz, port: http }, periodSeconds: 1 }
---
apiVersion: v1
kind: Service
metadata: { name: web }
spec: { selector: { app: web }, ports: [{ name: http, port: 80, targetPort: http }] }
---
apiVersion: v1
kind: Pod
metadata: { name: talker, labels: { app: talker } }
spec:
  terminationGracePeriodSeconds: 0
  containers: [{ name: talker, image: wheelhouse/shell, command: [node, -e, ${JSON.stringify(program)}] }]
---
apiVersion: v1
kind: Service
metadata: { name: talker }
spec:
  selector: { app: talker }
  ports:
    - { name: grpc, port: 9000, appProtocol: kubernetes.io/h2c }
    - { name: socket, port: 80, targetPort: 8000, appProtocol: kubernetes.io/ws }
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: { name: web }
spec:
  tls: [{ hosts: [secure.localhost], secretName: shown }]
  rules:
    - host: web.localhost
      http:
        paths:
          - { path: /config, pathType: Exact, backend: { service: { name: web, port: { name: http } } } }
          - { path: /, pathType: Prefix, backend: { service: { name: web, port: { number: 80 } } } }
    - host: secure.localhost
      http: { paths: [{ path: /, pathType: Prefix, backend: { service: { name: web, port: { name: http } } } }] }
    - host: talker.localhost
      http:
        paths:
          - { path: /echo.Echo, pathType: Prefix, backend: { service: { name: talker, port: { name: grpc } } } }
          - { path: /socket, pathType: Prefix, backend: { service: { name: talker, port: { name: socket } } } }
`

beforeAll(async () => {
  cluster = await up()
  k = cluster.kubectl
  applied = (await k.run(['apply', '-f', '-'], manifests)).stderr
  await k('rollout', 'status', 'deployment/web', '--timeout=50s')
  await k('wait', '--for=condition=Ready', 'pod/talker', '--timeout=50s')
  const status = await eventually('the address of the Ingress', async () => {
    const { status } = await k.json<Ingress>('get', 'ingress', 'web')
    return status?.loadBalancer?.ingress?.[0]
  })
  ;[plain, secure] = status.ports!.map(({ port }) => port) as [number, number]
})
afterAll(async () => {
  for (const each of open) each.destroy()
  await cluster?.[Symbol.asyncDispose]()
})

/** Names below localhost are known to browsers and curl, not to every resolver. */
const ask = (host: string, path = '/', method = 'GET') => curl(`http://127.0.0.1:${plain}${path}`, { host, method })

const handshake = (servername: string): Promise<TLSSocket> =>
  new Promise((resolve, reject) => {
    const socket = tlsConnect({ host: '127.0.0.1', port: secure, servername, rejectUnauthorized: false })
    open.push(socket)
    socket.once('secureConnect', () => resolve(socket))
    socket.once('error', reject)
  })
const shown = async () => (await handshake('secure.localhost')).getPeerCertificate().subject.CN

async function showCertificate(commonName: string): Promise<void> {
  const day = 24 * 3600_000
  const { certificate, key } = selfSign({
    commonName,
    names: ['secure.localhost'],
    usage: 'server',
    notBefore: Date.now() - day,
    notAfter: Date.now() + day,
  })
  const data = { 'tls.crt': certificate, 'tls.key': key }
  const secret = {
    apiVersion: 'v1',
    kind: 'Secret',
    type: 'kubernetes.io/tls',
    metadata: { name: 'shown' },
    stringData: data,
  }
  const { code, stderr } = await k.run(['apply', '-f', '-'], JSON.stringify(secret))
  if (code) throw new Error(stderr)
}

it('leads a host and a path of localhost to the pods of a service', async () => {
  // A kind that nothing acts on would be warned of.
  expect(applied).toBe('')
  expect(await k('get', 'ingress', 'web')).toMatch(
    /web +wheelhouse +web\.localhost,secure\.localhost,.* localhost +80, 443/,
  )
  const pods = new Set<string>()
  await eventually('all three pods', async () => {
    const { code, body } = await ask('web.localhost')
    expect(code).toBe(200)
    return pods.add((JSON.parse(body) as { pod: string }).pod).size === 3
  })
  expect((await ask('web.localhost', '/config')).code).toBe(200)
  expect((await ask('other.localhost')).code).toBe(404)
})

it('shows the certificate of its Secret, tells of one that is missing, and follows it without dropping a connection', async () => {
  expect(await shown()).toBe('wheelhouse-ingress')
  await eventually('an event', async () =>
    (await k('describe', 'ingress', 'web')).includes('Secret default/shown does not exist'),
  )
  await showCertificate('one')
  await eventually('the certificate', async () => (await shown()) === 'one')
  const agent = new https.Agent({ keepAlive: true, maxSockets: 1, rejectUnauthorized: false })
  open.push(agent)
  const kept = () =>
    new Promise<{ port: number | undefined; body: string }>((resolve, reject) => {
      const options = { host: '127.0.0.1', port: secure, servername: 'secure.localhost', agent }
      https
        .get({ ...options, headers: { host: 'secure.localhost' } }, (response) => {
          const port = response.socket.localPort
          text(response).then((body) => resolve({ port, body }), reject)
        })
        .on('error', reject)
    })
  const before = await kept()
  await showCertificate('two')
  await eventually('the other certificate', async () => (await shown()) === 'two')
  const after = await kept()
  expect([after.port, JSON.parse(after.body)]).toEqual([before.port, expect.objectContaining({ app: 'hello' })])
  const { code } = await ask('secure.localhost')
  expect(code).toBe(308)
})

it('speaks HTTP/2 to clients, and gRPC to pods', async () => {
  const session = http2.connect(`https://127.0.0.1:${secure}`, {
    servername: 'secure.localhost',
    rejectUnauthorized: false,
  })
  open.push(session)
  const call = async (authority: string, target: string, body?: string) => {
    const stream = session.request(
      { ':authority': authority, ':path': target, ':method': body ? 'POST' : 'GET', te: 'trailers' },
      { endStream: !body },
    )
    let trailers: http2.IncomingHttpHeaders = {}
    stream.on('trailers', (fields) => (trailers = fields))
    if (body) stream.end(body)
    return { body: await text(stream), trailers }
  }
  expect(JSON.parse((await call('secure.localhost', '/')).body)).toMatchObject({ app: 'hello' })
  const answer = await call('talker.localhost', '/echo.Echo/Say', 'message')
  expect([answer.body, answer.trailers['grpc-status']]).toEqual(['message', '0'])
})

it('lets WebSockets through', async () => {
  const socket = new WebSocket(`ws://127.0.0.1:${plain}/socket`, { headers: { host: 'talker.localhost' } })
  open.push({ destroy: () => socket.terminate() })
  const message = await new Promise<string>((resolve, reject) => {
    socket.once('message', (data) => resolve(String(data as Buffer)))
    socket.once('error', reject)
  })
  expect(message).toBe('hello')
})

it('loses no request while the pods behind it are replaced', async () => {
  const outcomes: (number | string)[] = []
  let running = true
  const worker = async (method: string, path: string) => {
    while (running) outcomes.push(await ask('web.localhost', path, method).then(({ code }) => code, String))
  }
  const workers = [worker('GET', '/'), worker('GET', '/'), worker('POST', '/ready')]
  await k('set', 'image', 'deployment/web', 'web=wheelhouse/hello:v2')
  await k('rollout', 'status', 'deployment/web', '--timeout=50s')
  await eventually(
    'the old pods are gone',
    async () => (await k('get', 'pods', '-l', 'app=web', '-o', 'name')).trim().split('\n').length === 3,
  )
  running = false
  await Promise.all(workers)
  expect(outcomes.length).toBeGreaterThan(10)
  expect(outcomes.filter((outcome) => outcome !== 200)).toEqual([])
  expect(JSON.parse((await ask('web.localhost')).body)).toMatchObject({ version: 'v2' })
})

describe('the controller', () => {
  it('may read the Secrets that Ingresses name, and no others', async () => {
    const can = async (verb: string, name: string) =>
      (await k.run(['auth', 'can-i', verb, `secrets/${name}`, '--as=wheelhouse:ingress'])).stdout.split(/\s/)[0]
    expect([await can('get', 'shown'), await can('get', 'hidden'), await can('update', 'shown')]).toEqual([
      'yes',
      'no',
      'no',
    ])
  })

  it('opens no port without an Ingress', async () => {
    await k('delete', 'ingress', 'web')
    await eventually('no answer', () =>
      ask('web.localhost').then(
        () => false,
        () => true,
      ),
    )
  })
})

it('finds its default certificate again at the next start', async () => {
  using folder = temporaryFolder()
  const data = path.join(folder.path, 'data')
  const certificates: string[] = []
  for (let i = 0; i < 2; i++) {
    await using started = await up([], data)
    expect(await started.kubectl('get', 'ingressclass')).toMatch(/wheelhouse \(default\) +wheelhouse\.dev\/ingress/)
    certificates.push(readFileSync(path.join(data, 'pki', 'ingress.crt'), 'utf8'))
  }
  expect(certificates[0]).toBe(certificates[1])
})
