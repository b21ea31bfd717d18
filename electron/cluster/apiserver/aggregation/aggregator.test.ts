import { createServer, request, type Server } from 'node:https'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import type { TLSSocket } from 'node:tls'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { kinds } from '../registry/index.ts'
import { smallServer, type SmallServer } from '../testing/small-server.ts'

let server: SmallServer
let extension: Server
let port = 0
const asked: { line: string; client: string; headers: IncomingMessage['headers'] }[] = []
const services = '/apis/apiregistration.k8s.io/v1/apiservices'

const list = {
  kind: 'APIResourceList',
  apiVersion: 'v1',
  groupVersion: 'metrics.example.com/v1',
  resources: [{ name: 'readings', singularName: 'reading', namespaced: true, kind: 'Reading', verbs: ['get', 'list'] }],
}
const documents: Record<string, unknown> = {
  '/apis/metrics.example.com/v1': list,
  '/openapi/v3/apis/metrics.example.com/v1': { openapi: '3.0.0', paths: {} },
  '/openapi/v2': {
    swagger: '2.0',
    paths: { '/apis/metrics.example.com/v1/readings': {}, '/elsewhere': {} },
    definitions: { 'com.example.Reading': { type: 'object' } },
  },
}

function serve(incoming: IncomingMessage, answer: ServerResponse): void {
  const client = String((incoming.socket as TLSSocket).getPeerCertificate().subject?.CN ?? '')
  asked.push({ line: `${incoming.method} ${incoming.url}`, client, headers: incoming.headers })
  const document = documents[incoming.url!]
  if (document) return void answer.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(document))
  if (incoming.url!.endsWith('/measured'))
    return void answer.writeHead(200, { 'content-length': 5, etag: 'x' }).end('exact')
  if (incoming.url!.endsWith('/nothing')) return void answer.writeHead(204).end()
  const chunks: Buffer[] = []
  incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
  incoming.on('end', () =>
    answer
      .writeHead(201, { 'content-type': 'application/json', 'x-own': 'yes' })
      .end(`{"got":${Buffer.concat(chunks).toString() || 'null'}}`),
  )
}

beforeAll(async () => {
  server = await smallServer({ kinds })
  const pair = server.pki.nodeServing('extension.default.svc', [])
  extension = createServer(
    { cert: pair.certificate, key: pair.key, ca: server.pki.frontProxy.authority, requestCert: true },
    serve,
  )
  extension.on('upgrade', (incoming, socket: Duplex) => {
    asked.push({ line: `upgrade ${incoming.url}`, client: '', headers: incoming.headers })
    socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n')
    socket.on('data', (chunk: Buffer) => socket.write(`echo ${chunk.toString()}`))
    socket.on('end', () => socket.end())
  })
  await new Promise<void>((resolve) => extension.listen(0, '127.0.0.1', resolve))
  port = (extension.address() as AddressInfo).port
  await server.ask('/api/v1/namespaces/default/services', {
    method: 'POST',
    body: { metadata: { name: 'extension' }, spec: { type: 'ExternalName', externalName: 'localhost' } },
  })
})

afterAll(async () => {
  await server[Symbol.asyncDispose]()
  await new Promise((resolve) => {
    extension.close(resolve)
    extension.closeAllConnections()
  })
})

interface Condition {
  status: string
  reason: string
  message: string
}

/** Registers a version, and waits for the condition that its availability comes to. */
async function register(group: string, spec: object): Promise<Condition> {
  const name = `v1.${group}`
  const made = await server.ask(services, {
    method: 'POST',
    body: {
      metadata: { name },
      spec: { group, version: 'v1', groupPriorityMinimum: 100, versionPriority: 10, ...spec },
    },
  })
  expect(made).toMatchObject({ status: 201 })
  return condition(name)
}

async function condition(name: string): Promise<Condition> {
  for (;;) {
    const { body } = await server.ask(`${services}/${name}`)
    const found = (body.status as { conditions?: Condition[] } | undefined)?.conditions?.[0]
    if (found) return found
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

const trusted = () => Buffer.from(server.pki.authority).toString('base64')
const service = (name = 'extension', at = port) => ({ namespace: 'default', name, port: at })

it('finds a server that answers, and passes on to it who asks', async () => {
  expect(await register('metrics.example.com', { service: service(), caBundle: trusted() })).toMatchObject({
    status: 'True',
    reason: 'Passed',
    message: 'all checks passed',
  })
  const answer = await server.ask('/apis/metrics.example.com/v1/namespaces/a/readings?x=1', {
    method: 'POST',
    body: { a: 1 },
    headers: { 'x-remote-user': 'mallory', 'x-remote-extra-a': 'b', authorization: 'Bearer x' },
  })
  expect(answer).toMatchObject({ status: 201, text: '{"got":{"a":1}}', headers: { 'x-own': 'yes' } })
  const { line, client, headers } = asked.at(-1)!
  expect([line, client]).toEqual(['POST /apis/metrics.example.com/v1/namespaces/a/readings?x=1', 'front-proxy-client'])
  expect(headers).toMatchObject({
    'x-remote-user': 'kubernetes-admin',
    'x-remote-group': 'system:masters, system:authenticated',
    'x-remote-extra-authentication.kubernetes.io%2fcredential-id': expect.stringMatching(/^X509SHA256=/) as string,
  })
  expect(headers['x-remote-extra-a']).toBeUndefined()
  expect(headers.authorization).toBeUndefined()
})

it('passes on answers that say their length, or have no body, as they are', async () => {
  const measured = { status: 200, headers: { 'content-length': '5', etag: 'x' } }
  const ask = (what: string, method = 'GET') => server.ask(`/apis/metrics.example.com/v1/${what}`, { method })
  expect(await ask('measured')).toMatchObject({ ...measured, text: 'exact' })
  expect(await ask('measured', 'HEAD')).toMatchObject({ ...measured, text: '' })
  const nothing = await ask('nothing')
  expect([nothing.status, nothing.text, nothing.headers['transfer-encoding']]).toEqual([204, '', undefined])
  expect(await ask('measured')).toMatchObject({ ...measured, text: 'exact' })
})

it('lets components of this process read there in their own name, by its own rules', async () => {
  const type = { group: 'metrics.example.com', version: 'v1', plural: 'readings', kind: 'Reading', namespaced: true }
  const at = '/apis/metrics.example.com/v1/namespaces/a/readings'
  documents[`${at}/*/rain?metricLabelSelector=a%3Db`] = { items: [1] }
  documents[`${at}?labelSelector=a%3Db`] = { metadata: {}, items: [2] }
  const client = server.api.client({ name: 'loop', groups: ['system:masters'] })
  const key = { namespace: 'a', name: '*' }
  expect(await client.get(type, key, { subresource: 'rain', query: { metricLabelSelector: 'a=b' } })).toEqual({
    items: [1],
  })
  expect(await client.list(type, { namespace: 'a', labelSelector: 'a=b' })).toMatchObject({ items: [2] })
  expect(asked.at(-1)?.headers['x-remote-user']).toBe('loop')
  await expect(server.api.client({ name: 'jane', groups: [] }).list(type, { namespace: 'a' })).rejects.toThrow(
    'User "jane" cannot list resource "readings"',
  )
})

it('asks its own rules first', async () => {
  const jane = { user: 'jane' }
  expect((await server.ask('/apis/metrics.example.com/v1/readings', { as: jane })).status).toBe(403)
})

it('shows what the other server has, in every form of discovery', async () => {
  const groups = (await server.ask('/apis')).body.groups as { name: string }[]
  expect(groups.at(-1)).toMatchObject({
    name: 'metrics.example.com',
    preferredVersion: { groupVersion: 'metrics.example.com/v1', version: 'v1' },
  })
  expect(groups.length).toBeGreaterThan(5)
  expect((await server.ask('/apis/metrics.example.com')).body).toMatchObject({
    kind: 'APIGroup',
    versions: [{ version: 'v1' }],
  })
  expect((await server.ask('/apis/metrics.example.com/v1')).body).toEqual(list)
  const accept = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList'
  const { items } = (await server.ask('/apis', { headers: { accept } })).body as { items: { metadata: object }[] }
  expect(items.at(-1)).toMatchObject({
    metadata: { name: 'metrics.example.com' },
    versions: [
      {
        version: 'v1',
        freshness: 'Current',
        resources: [
          {
            resource: 'readings',
            scope: 'Namespaced',
            responseKind: { group: 'metrics.example.com', kind: 'Reading' },
          },
        ],
      },
    ],
  })
})

it('publishes its OpenAPI beside its own', async () => {
  const { paths } = (await server.ask('/openapi/v3')).body as { paths: Record<string, { serverRelativeURL: string }> }
  expect(paths['api/v1']).toBeDefined()
  expect((await server.ask(paths['apis/metrics.example.com/v1']!.serverRelativeURL)).body).toMatchObject({
    openapi: '3.0.0',
  })
  const swagger = (await server.ask('/openapi/v2')).body as { paths: object; definitions: object }
  expect(Object.keys(swagger.definitions)).toContain('com.example.Reading')
  expect(Object.keys(swagger.paths)).toContain('/apis/metrics.example.com/v1/readings')
  expect(Object.keys(swagger.paths)).not.toContain('/elsewhere')
})

it('passes on connections that leave HTTP', async () => {
  const socket = await new Promise<Duplex>((resolve, reject) => {
    const asking = request({
      ...server.tls(),
      path: '/apis/metrics.example.com/v1/namespaces/a/readings/r/stream',
      headers: { connection: 'Upgrade', upgrade: 'websocket' },
    })
    asking.once('upgrade', (_, upgraded) => resolve(upgraded))
    asking.once('error', reject)
    asking.end()
  })
  const echo = new Promise<string>((resolve) => socket.once('data', (chunk: Buffer) => resolve(chunk.toString())))
  socket.write('hello')
  expect(await echo).toBe('echo hello')
  expect(asked.at(-1)!.headers['x-remote-user']).toBe('kubernetes-admin')
  const closed = new Promise((resolve) => socket.once('close', resolve))
  socket.end()
  await closed
})

it('says why a server is not available, and answers 503 for it', async () => {
  const name = 'a.example.com'
  expect(await register(name, { service: service('absent'), insecureSkipTLSVerify: true })).toMatchObject({
    status: 'False',
    reason: 'ServiceNotFound',
    message: 'service/absent in "default" is not present',
  })
  expect(await server.ask(`/apis/${name}/v1/things`)).toMatchObject({ status: 503, text: 'service unavailable\n' })
  const groups = (await server.ask('/apis')).body.groups as { name: string }[]
  expect(groups.map((group) => group.name)).not.toContain(name)
  const accept = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList'
  const { items } = (await server.ask('/apis', { headers: { accept } })).body as {
    items: { metadata: { name: string } }[]
  }
  expect(items.find(({ metadata }) => metadata.name === name)).toMatchObject({ versions: [{ freshness: 'Stale' }] })
})

it('trusts no server that its bundle does not', async () => {
  const other = Buffer.from(server.pki.frontProxy.authority).toString('base64')
  expect(await register('b.example.com', { service: service(), caBundle: other })).toMatchObject({
    reason: 'FailedDiscoveryCheck',
    message: `failing or missing response from https://localhost:${port}/apis/b.example.com/v1: Get "https://localhost:${port}/apis/b.example.com/v1": tls: failed to verify certificate: x509: certificate signed by unknown authority`,
  })
})

it.each([
  [{ ports: [{ port: 443 }] }, [], 'EndpointsNotFound', 'cannot find endpointslices for service/s in "default"'],
  [{ ports: [{ port: 444 }] }, [], 'ServicePortError', 'service/s in "default" is not listening on port 443'],
  [
    { ports: [{ port: 443, name: 'https' }] },
    [{ addressType: 'IPv4', endpoints: [], ports: [{ name: 'https', port: 8443 }] }],
    'MissingEndpoints',
    'endpoints for service/s in "default" have no addresses with port name "https"',
  ],
])('looks behind a service: %j', async (spec, slices, reason, message) => {
  const at = '/api/v1/namespaces/default/services'
  await server.ask(at, { method: 'POST', body: { metadata: { name: 's' }, spec } })
  const slicesAt = '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices'
  for (const slice of slices)
    await server.ask(slicesAt, {
      method: 'POST',
      body: { metadata: { name: 's', labels: { 'kubernetes.io/service-name': 's' } }, ...slice },
    })
  const group = `${reason.toLowerCase()}.example.com`
  expect(await register(group, { service: service('s', 443), insecureSkipTLSVerify: true })).toMatchObject({
    reason,
    message,
  })
  await server.ask(`${at}/s`, { method: 'DELETE' })
})

it('lets go of a server with its APIService', async () => {
  await server.ask(`${services}/v1.metrics.example.com`, { method: 'DELETE' })
  expect((await server.ask('/apis/metrics.example.com/v1/readings')).status).toBe(404)
  const groups = (await server.ask('/apis')).body.groups as { name: string }[]
  expect(groups.map(({ name }) => name)).not.toContain('metrics.example.com')
})

it('says of its own versions that they are there', async () => {
  expect(await condition('v1.apps')).toMatchObject({
    status: 'True',
    reason: 'Local',
    message: 'Local APIServices are always available',
  })
})

it('tells extension servers whom to trust', async () => {
  const { body } = await server.ask('/api/v1/namespaces/kube-system/configmaps/extension-apiserver-authentication')
  expect(body.data).toMatchObject({
    'client-ca-file': server.pki.authority,
    'requestheader-client-ca-file': server.pki.frontProxy.authority,
    'requestheader-allowed-names': '["front-proxy-client"]',
    'requestheader-username-headers': '["X-Remote-User"]',
  })
})

it('registers what CustomResourceDefinitions serve, as long as they do', async () => {
  const version = { name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object' } } }
  const names = { plural: 'toys', kind: 'Toy' }
  const spec = { group: 'toys.example.com', scope: 'Namespaced', names, versions: [version] }
  const definitions = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions'
  const body = { metadata: { name: 'toys.toys.example.com' }, spec }
  expect((await server.ask(definitions, { method: 'POST', body })).status).toBe(201)
  expect(await condition('v1.toys.example.com')).toMatchObject({ status: 'True', reason: 'Local' })
  await server.ask(`${definitions}/toys.toys.example.com`, { method: 'DELETE' })
  for (;;) {
    const { status } = await server.ask(`${services}/v1.toys.example.com`)
    if (status === 404) break
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  expect((await server.ask(`${services}/v1.apps`)).status).toBe(200)
})
