import { createServer, request, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import type { TLSSocket } from 'node:tls'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { smallServer, type SmallServer } from '../testing/small-server.ts'

let server: SmallServer
let kubelet: Server
const asked: string[] = []
const meant: unknown[] = []
const pods = '/api/v1/namespaces/default/pods'

beforeAll(async () => {
  server = await smallServer()
  const pair = server.pki.nodeServing('n1', ['127.0.0.1'])
  kubelet = createServer({
    cert: pair.certificate,
    key: pair.key,
    ca: server.pki.authority,
    requestCert: true,
    rejectUnauthorized: false,
  })
  kubelet.on('request', (incoming, answer) => {
    meant.push((incoming.socket as TLSSocket & { servername?: string | false }).servername)
    asked.push(`${(incoming.socket as TLSSocket).getPeerCertificate().subject?.CN} ${incoming.url}`)
    if (incoming.url!.includes('/waiting/'))
      return answer.writeHead(400).end('container "app" in pod "waiting" is waiting to start: ContainerCreating')
    answer.writeHead(200, { 'content-type': 'text/plain' })
    answer.write('one\n')
    answer.end('two\n')
  })
  kubelet.on('upgrade', (incoming, socket: Duplex) => {
    asked.push(
      `upgrade ${incoming.method} ${incoming.url} ${incoming.headers['sec-websocket-protocol']} ${incoming.headers.authorization ?? 'no token'}`,
    )
    socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n')
    socket.on('data', (chunk: Buffer) => socket.write(`echo ${chunk.toString()}`))
    socket.on('end', () => socket.end())
  })
  await new Promise<void>((resolve) => kubelet.listen(0, '127.0.0.1', resolve))
  const { port } = kubelet.address() as AddressInfo
  await server.ask('/api/v1/nodes', {
    method: 'POST',
    body: {
      metadata: { name: 'n1' },
      status: {
        addresses: [{ type: 'InternalIP', address: '127.0.0.1' }],
        daemonEndpoints: { kubeletEndpoint: { Port: port } },
      },
    },
  })
  const pod = (name: string, containers: string[], nodeName?: string) =>
    server.ask(pods, {
      method: 'POST',
      body: {
        metadata: { name },
        spec: { nodeName, containers: containers.map((container) => ({ name: container, image: 'x' })) },
      },
    })
  await pod('one', ['app'], 'n1')
  await pod('two', ['app', 'side'], 'n1')
  await pod('waiting', ['app'], 'n1')
  await pod('pending', ['app'])
})

afterAll(async () => {
  await server[Symbol.asyncDispose]()
  await new Promise((resolve) => {
    kubelet.close(resolve)
    kubelet.closeAllConnections()
  })
})

it('tells the kubelet by the server name which node is meant', async () => {
  expect((await server.ask(`${pods}/one/log`)).status).toBe(200)
  expect(meant.at(-1)).toBe('n1')
})

it('fetches logs from the kubelet of the pod, showing it who asks', async () => {
  const answer = await server.ask(`${pods}/one/log?tailLines=5&timestamps=true&follow=false`)
  expect(answer).toMatchObject({ status: 200, text: 'one\ntwo\n', headers: { 'content-type': 'text/plain' } })
  expect(asked.at(-1)).toBe('kube-apiserver-kubelet-client /containerLogs/default/one/app?timestamps=true&tailLines=5')
})

it('passes on why there is no log', async () => {
  expect(await server.ask(`${pods}/waiting/log`)).toMatchObject({
    status: 400,
    body: { reason: 'BadRequest', message: 'container "app" in pod "waiting" is waiting to start: ContainerCreating' },
  })
})

it.each([
  ['two/log', 400, 'a container name must be specified for pod two, choose one of: [app side]'],
  ['two/log?container=none', 400, 'container none is not valid for pod two'],
  ['absent/log', 404, 'pods "absent" not found'],
  [
    'one/log?tailLines=-1',
    422,
    'PodLogOptions "" is invalid: tailLines: Invalid value: -1: must be greater than or equal to 0',
  ],
  ['one/exec?command=ls', 400, 'Upgrade request required'],
])('refuses %s in the words of the real server', async (path, status, message) => {
  expect(await server.ask(`${pods}/${path}`)).toMatchObject({ status, body: { message } })
})

it('shows an empty log of a pod that no node has', async () => {
  expect(await server.ask(`${pods}/pending/log`)).toMatchObject({ status: 200, text: '' })
})

it.each([
  ['binary.k8s.io', true, 'utf8'],
  ['base64.binary.k8s.io', false, 'base64'],
] as const)('sends a log as messages of %s, and closes when it ends', async (protocol, binary, encoding) => {
  const { host, port, ...options } = server.tls() as { host: string; port: number }
  const client = new WebSocket(`wss://${host}:${port}${pods}/one/log`, protocol, options)
  const messages: { text: string; binary: boolean }[] = []
  client.on('message', (message: Buffer, isBinary) => messages.push({ text: message.toString(), binary: isBinary }))
  const code = await new Promise((resolve, reject) => client.once('close', resolve).once('error', reject))
  expect([code, client.protocol]).toEqual([1000, protocol])
  expect(messages[0]!.text).toBe('')
  expect(messages.every((message) => message.binary === binary)).toBe(true)
  expect(messages.map((message) => Buffer.from(message.text, encoding).toString()).join('')).toBe('one\ntwo\n')
})

function upgrade(
  path: string,
  headers: Record<string, string> = {},
  as?: null,
): Promise<{ status: number; socket?: Duplex }> {
  return new Promise((resolve, reject) => {
    const asking = request({
      ...server.tls(as),
      path,
      headers: {
        connection: 'Upgrade',
        upgrade: 'websocket',
        'sec-websocket-protocol': 'v5.channel.k8s.io',
        ...headers,
      },
    })
    asking.once('upgrade', (answer, socket) => resolve({ status: answer.statusCode!, socket }))
    asking.once('response', (answer) => {
      answer.resume()
      resolve({ status: answer.statusCode! })
    })
    asking.once('error', reject)
    asking.end()
  })
}

it('tunnels a session to the kubelet, both ways and unread, and keeps the token to itself', async () => {
  const { status, socket } = await upgrade(
    `${pods}/two/exec?container=side&stdin=true&stdout=true&tty=true&command=sh&command=-c`,
    { 'sec-websocket-protocol': 'v5.channel.k8s.io, base64url.bearer.authorization.k8s.io.c2VjcmV0' },
  )
  expect(status).toBe(101)
  expect(asked.at(-1)).toBe(
    'upgrade GET /exec/default/two/side?input=1&output=1&tty=1&command=sh&command=-c v5.channel.k8s.io no token',
  )
  const reply = new Promise((resolve) => socket!.once('data', (chunk: Buffer) => resolve(chunk.toString())))
  socket!.write('hello')
  expect(await reply).toBe('echo hello')
  const closed = new Promise((resolve) => socket!.once('close', resolve))
  socket!.end()
  await closed
})

it('takes the token of a browser from the names of the protocols, and nobody without one', async () => {
  const protocols = { 'sec-websocket-protocol': 'v5.channel.k8s.io, base64url.bearer.authorization.k8s.io.c2VjcmV0' }
  expect((await upgrade(`${pods}/one/exec?command=sh`, protocols, null)).status).toBe(401)
})

it('says why a session cannot be had', async () => {
  expect((await upgrade(`${pods}/pending/exec?command=sh`)).status).toBe(400)
  expect((await upgrade(`${pods}/absent/exec?command=sh`)).status).toBe(404)
})
