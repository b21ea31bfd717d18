import { connect as connectHttp2 } from 'node:http2'
import type { IncomingMessage } from 'node:http'
import { request } from 'node:https'
import { gunzipSync, gzipSync } from 'node:zlib'
import { connect } from 'node:tls'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { configMaps, namespaces } from '#shared/kube/resources.ts'
import { smallServer, type SmallServer } from './testing/small-server.ts'

let server: SmallServer
const maps = '/api/v1/namespaces/default/configmaps'
const jane = { user: 'jane', groups: ['devs'] }

beforeAll(async () => {
  server = await smallServer()
})
afterAll(() => server[Symbol.asyncDispose]())

const create = (name: string, more: object = {}) =>
  server.ask(maps, { method: 'POST', body: { metadata: { name }, ...more } })

it('creates, reads, changes and deletes over HTTP/1.1', async () => {
  const created = await create('one', { data: { k: 'v' } })
  expect(created).toMatchObject({ status: 201, body: { kind: 'ConfigMap', apiVersion: 'v1', data: { k: 'v' } } })
  expect(Object.keys(created.body).slice(0, 3)).toEqual(['kind', 'apiVersion', 'metadata'])
  const read = await server.ask(`${maps}/one`)
  expect(read.body).toEqual(created.body)
  const patched = await server.ask(`${maps}/one`, {
    method: 'PATCH',
    headers: { 'content-type': 'application/merge-patch+json' },
    body: { data: { k: 'w' } },
  })
  expect(patched).toMatchObject({ status: 200, body: { data: { k: 'w' } } })
  const put = await server.ask(`${maps}/one`, { method: 'PUT', body: { ...patched.body, data: { k: 'x' } } })
  expect(put.body).toMatchObject({ data: { k: 'x' }, metadata: { managedFields: [{ operation: 'Update' }] } })
  expect(await server.ask(`${maps}/one`, { method: 'DELETE' })).toMatchObject({
    status: 200,
    body: { kind: 'Status', status: 'Success' },
  })
  expect(await server.ask(`${maps}/one`)).toMatchObject({
    status: 404,
    body: { reason: 'NotFound', message: 'configmaps "one" not found' },
  })
})

it('answers the same over HTTP/2', async () => {
  await create('two')
  const session = server.http2()
  const stream = session.request({ ':path': `${maps}/two` })
  let text = ''
  let status = 0
  stream.on('response', (headers) => (status = headers[':status'] ?? 0))
  stream.on('data', (chunk: Buffer) => (text += chunk.toString()))
  await new Promise((resolve) => stream.once('end', resolve))
  expect(status).toBe(200)
  expect(JSON.parse(text)).toEqual((await server.ask(`${maps}/two`)).body)
})

it('lists items without kind and apiVersion, as typed clients expect', async () => {
  await create('listed', { metadata: { name: 'listed', labels: { list: 'yes' } } })
  const { body } = await server.ask(`${maps}?labelSelector=list%3Dyes`)
  expect(body).toMatchObject({ kind: 'ConfigMapList', apiVersion: 'v1', items: [{ metadata: { name: 'listed' } }] })
  expect((body.items as object[])[0]).not.toHaveProperty('kind')
})

it.each(['1.1', '2'])('streams a watch over HTTP/%s', async (version) => {
  const name = `watched-${version.replace('.', '-')}`
  const path = `${maps}?watch=true&fieldSelector=metadata.name%3D${name}&timeoutSeconds=60`
  const events: { type: string; object: { kind: string; metadata: { name: string } } }[] = []
  let close = () => {}
  const got = (count: number) => new Promise<void>((resolve) => (check = () => events.length >= count && resolve()))
  let check = () => {}
  let rest = ''
  const read = (chunk: Buffer) => {
    const lines = (rest + chunk.toString()).split('\n')
    rest = lines.pop()!
    for (const line of lines) events.push(JSON.parse(line) as (typeof events)[0])
    check()
  }
  await new Promise<void>((resolve) => {
    if (version === '2') {
      const stream = server.http2().request({ ':path': path })
      stream.once('response', () => resolve())
      stream.on('data', read)
      close = () => stream.close()
    } else {
      const asking = request({ ...server.tls(), path }, (answer) => {
        answer.on('data', read)
        resolve()
      })
      asking.on('error', () => {})
      asking.end()
      close = () => asking.destroy()
    }
  })
  const three = got(3)
  await create(name)
  await server.ask(`${maps}/${name}`, {
    method: 'PATCH',
    headers: { 'content-type': 'application/merge-patch+json' },
    body: { data: { a: 'b' } },
  })
  await server.ask(`${maps}/${name}`, { method: 'DELETE' })
  await three
  close()
  expect(events.map(({ type, object }) => `${type} ${object.kind} ${object.metadata.name}`)).toEqual(
    ['ADDED', 'MODIFIED', 'DELETED'].map((type) => `${type} ConfigMap ${name}`),
  )
})

it('shows rows of a table, or metadata only, to who asks for them', async () => {
  await create('shown', { metadata: { name: 'shown', labels: { shown: 'yes' } } })
  const path = `${maps}?labelSelector=shown`
  const table = await server.ask(path, {
    headers: { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json' },
  })
  expect(table.body).toMatchObject({
    kind: 'Table',
    rows: [
      { cells: ['shown', expect.anything()], object: { kind: 'PartialObjectMetadata', metadata: { name: 'shown' } } },
    ],
  })
  const metadata = await server.ask(path, {
    headers: { accept: 'application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io' },
  })
  expect(metadata.body).toMatchObject({
    kind: 'PartialObjectMetadataList',
    items: [{ kind: 'PartialObjectMetadata', metadata: { name: 'shown' } }],
  })
  expect(await server.ask(path, { headers: { accept: 'text/html' } })).toMatchObject({ status: 406 })
  expect((await server.ask(`${maps}/shown`, { headers: { accept: 'application/yaml' } })).text).toMatch(
    /^apiVersion: v1\nkind: ConfigMap\n/,
  )
})

it('warns of unknown fields, refuses them when strict, and keeps quiet when told to', async () => {
  const body = { metadata: { name: 'odd' }, bogus: 1 }
  const ask = (validation: string) =>
    server.ask(`${maps}?dryRun=All&fieldValidation=${validation}`, { method: 'POST', body })
  expect((await ask('Warn')).headers.warning).toBe('299 - "unknown field \\"bogus\\""')
  expect(await ask('Strict')).toMatchObject({
    status: 400,
    body: {
      message:
        'ConfigMap in version "v1" cannot be handled as a ConfigMap: strict decoding error: unknown field "bogus"',
    },
  })
  expect((await ask('Ignore')).headers.warning).toBeUndefined()
})

it('lets nobody see health and version, and refuses what is no certificate or token', async () => {
  expect(await server.ask('/api/v1/namespaces', { as: null })).toMatchObject({
    status: 403,
    body: {
      message:
        'namespaces is forbidden: User "system:anonymous" cannot list resource "namespaces" in API group "" at the cluster scope',
    },
  })
  expect(await server.ask('/readyz', { as: null })).toMatchObject({ status: 200, text: 'ok' })
  expect((await server.ask('/readyz?verbose&exclude=etcd&exclude=moon', { as: null })).text).toMatch(
    /\[\+\]etcd excluded: ok\n(.*\n)*warn: some health checks cannot be excluded: no matches for "moon"\nreadyz check passed\n$/,
  )
  expect((await server.ask('/version', { as: null })).body).toMatchObject({ gitVersion: 'v1.36.2+wheelhouse' })
  expect(
    await server.ask('/api/v1/namespaces', { as: null, headers: { authorization: 'Bearer nonsense' } }),
  ).toMatchObject({ status: 401, body: { reason: 'Unauthorized', message: 'Unauthorized' } })
})

it('lets users do what RBAC lets them, from the moment it does', async () => {
  const path = '/api/v1/nodes'
  expect(await server.ask(path, { as: jane })).toMatchObject({
    status: 403,
    body: {
      reason: 'Forbidden',
      message: 'nodes is forbidden: User "jane" cannot list resource "nodes" in API group "" at the cluster scope',
      details: { kind: 'nodes' },
    },
  })
  const rbac = '/apis/rbac.authorization.k8s.io/v1'
  await server.ask(`${rbac}/clusterroles`, {
    method: 'POST',
    body: { metadata: { name: 'see-nodes' }, rules: [{ apiGroups: [''], resources: ['nodes'], verbs: ['list'] }] },
  })
  await server.ask(`${rbac}/clusterrolebindings`, {
    method: 'POST',
    body: {
      metadata: { name: 'see-nodes' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'see-nodes' },
      subjects: [{ kind: 'Group', apiGroup: 'rbac.authorization.k8s.io', name: 'devs' }],
    },
  })
  expect(await server.ask(path, { as: jane })).toMatchObject({ status: 200, body: { kind: 'NodeList' } })
})

it('takes service-account tokens, and answers reviews about them', async () => {
  const account = await server.ask('/api/v1/namespaces/default/serviceaccounts', {
    method: 'POST',
    body: { metadata: { name: 'builder' } },
  })
  const { token } = server.api.tokens.issue({
    namespace: 'default',
    serviceAccount: 'builder',
    serviceAccountUid: (account.body.metadata as { uid: string }).uid,
    audiences: [],
    expirationSeconds: 600,
  })
  const who = await server.ask('/apis/authentication.k8s.io/v1/selfsubjectreviews', {
    method: 'POST',
    body: {},
    as: null,
    headers: { authorization: `Bearer ${token}` },
  })
  expect(who).toMatchObject({
    status: 201,
    body: {
      status: {
        userInfo: {
          username: 'system:serviceaccount:default:builder',
          groups: ['system:serviceaccounts', 'system:serviceaccounts:default', 'system:authenticated'],
        },
      },
    },
  })
  const review = await server.ask('/apis/authentication.k8s.io/v1/tokenreviews', {
    method: 'POST',
    body: { spec: { token } },
  })
  expect(review.body).toMatchObject({
    status: { authenticated: true, user: { username: 'system:serviceaccount:default:builder' } },
  })
})

it('lets the admin speak for others, and nobody else', async () => {
  const headers = { 'impersonate-user': 'jane', 'impersonate-group': 'devs' }
  const access = {
    method: 'POST',
    body: { spec: { resourceAttributes: { verb: 'delete', resource: 'nodes' } } },
    headers,
  }
  expect((await server.ask('/apis/authorization.k8s.io/v1/selfsubjectaccessreviews', access)).body).toMatchObject({
    status: { allowed: false },
  })
  const table = { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' }
  expect(
    await server.ask('/apis/authorization.k8s.io/v1/selfsubjectaccessreviews', { ...access, headers: table }),
  ).toMatchObject({ status: 406, body: { reason: 'NotAcceptable' } })
  expect(await server.ask('/api/v1/nodes', { as: jane, headers: { 'impersonate-user': 'admin' } })).toMatchObject({
    status: 403,
    body: {
      message:
        'nodes is forbidden: User "jane" cannot impersonate-on:user-info:list resource "nodes" in API group "" at the cluster scope',
    },
  })
})

it('sends large lists in chunks, and nothing of them to who asks for the head', async () => {
  for (let i = 0; i < 3; i++) await create(`large-${i}`, { data: { text: 'é'.repeat(100_000) } })
  const list = await server.ask(`${maps}?labelSelector=`)
  const texts = (list.body['items'] as { data?: { text?: string } }[]).filter(({ data }) => data?.text)
  expect(list.headers['transfer-encoding']).toBe('chunked')
  expect(texts.filter(({ data }) => data!.text === 'é'.repeat(100_000))).toHaveLength(3)
  const head = await server.ask(maps, { method: 'HEAD' })
  expect([head.status, head.text]).toEqual([200, ''])
  expect((await server.ask(`${maps}/large-0`)).status).toBe(200)
  for (let i = 0; i < 3; i++) await server.ask(`${maps}/large-${i}`, { method: 'DELETE' })
})

it('compresses large answers for who can read them', async () => {
  await create('large', { data: { text: 'x'.repeat(200_000) } })
  const plain = await server.ask(`${maps}/large`)
  expect(plain.headers['content-encoding']).toBeUndefined()
  const zipped = await new Promise<Buffer>((resolve) =>
    request({ ...server.tls(), path: `${maps}/large`, headers: { 'accept-encoding': 'gzip' } }, (answer) => {
      const chunks: Buffer[] = []
      answer.on('data', (chunk: Buffer) => chunks.push(chunk)).once('end', () => resolve(Buffer.concat(chunks)))
    }).end(),
  )
  expect(zipped.length).toBeLessThan(20_000)
  expect(gunzipSync(zipped).toString()).toBe(plain.text)
})

it('reads compressed bodies, and no body that is too large', async () => {
  const body = gzipSync(JSON.stringify({ metadata: { name: 'zipped' } }))
  expect(await server.ask(maps, { method: 'POST', body, headers: { 'content-encoding': 'gzip' } })).toMatchObject({
    status: 201,
  })
  expect(
    await server.ask(maps, {
      method: 'POST',
      body: JSON.stringify({ metadata: { name: 'big' }, data: { x: 'x'.repeat(3_200_000) } }),
    }),
  ).toMatchObject({ status: 413, body: { reason: 'RequestEntityTooLarge' } })
})

it('tells what it serves, in the old and in the aggregated form, and only when it has changed', async () => {
  expect((await server.ask('/apis/apps/v1')).body).toMatchObject({
    kind: 'APIResourceList',
    groupVersion: 'apps/v1',
    resources: [{ name: 'deployments', kind: 'Deployment' }],
  })
  for (const version of ['v2', 'v2beta1']) {
    const accept = `application/json;g=apidiscovery.k8s.io;v=${version};as=APIGroupDiscoveryList,application/json`
    const first = await server.ask('/apis', { headers: { accept } })
    expect(first.headers['content-type']).toBe(
      `application/json;g=apidiscovery.k8s.io;v=${version};as=APIGroupDiscoveryList`,
    )
    expect(first.body).toMatchObject({ kind: 'APIGroupDiscoveryList', apiVersion: `apidiscovery.k8s.io/${version}` })
    expect(await server.ask('/apis', { headers: { accept, 'if-none-match': first.headers.etag! } })).toMatchObject({
      status: 304,
      text: '',
    })
  }
  expect(await server.ask('/apis/nope')).toMatchObject({ status: 404, text: '404 page not found\n' })
  expect(await server.ask('/apis/apps/v9')).toMatchObject({
    status: 404,
    body: { message: 'the server could not find the requested resource' },
  })
})

it('lists the checks of a kube-apiserver, and does not say to everybody why one fails', async () => {
  const of = async (root: string) => (await server.ask(`/${root}?verbose`, { as: null })).text.trim().split('\n')
  const [live, ready] = [await of('livez'), await of('readyz')]
  expect(ready.filter((line) => !line.startsWith('[+]'))).toEqual(['readyz check passed'])
  expect(await of('healthz')).toEqual([...live.slice(0, -1), 'healthz check passed'])
  const names = ready.slice(0, -1).map((line) => /^\[\+\](.*) ok$/.exec(line)?.[1])
  expect(names.slice(0, 6)).toEqual([
    'ping',
    'log',
    'etcd',
    'etcd-readiness',
    'informer-sync',
    'poststarthook/start-apiserver-admission-initializer',
  ])
  expect(names.slice(-5)).toEqual([
    'poststarthook/kube-apiserver-autoregistration',
    'autoregister-completion',
    'poststarthook/apiservice-openapi-controller',
    'poststarthook/apiservice-openapiv3-controller',
    'shutdown',
  ])
  const ofReadiness = ['etcd-readiness', 'informer-sync', 'shutdown']
  expect(live.map((line) => line.slice(3))).toEqual([
    ...names.filter((name) => !ofReadiness.includes(name!)).map((name) => `${name} ok`),
    'ez check passed',
  ])
  expect(await server.ask('/readyz/poststarthook/rbac/bootstrap-roles')).toMatchObject({ status: 200, text: 'ok' })
  for (const unknown of ['/readyz/nope', '/livez/shutdown', '/healthz/poststarthook'])
    expect(await server.ask(unknown)).toMatchObject({ status: 404, text: '404 page not found\n' })
})

it('says how it is', async () => {
  expect((await server.ask('/readyz?verbose')).text).toContain('[+]etcd ok\n')
  expect(await server.ask('/livez/ping')).toMatchObject({ status: 200, text: 'ok' })
  expect((await server.ask('/metrics')).text).toMatch(
    /apiserver_request_total\{verb="LIST".*resource="configmaps".*\} \d+/,
  )
})

it('serves its own components without a network, with the same rules', async () => {
  const client = server.api.client({ name: 'system:kube-scheduler', groups: [] })
  await expect(client.delete(namespaces, { name: 'default' })).rejects.toMatchObject({ status: { code: 403 } })
  const admin = server.api.client({ name: 'admin', groups: ['system:masters'] })
  const stop = new AbortController()
  const watch = admin
    .watch(configMaps, { namespace: 'default', signal: stop.signal, fieldSelector: 'metadata.name=inside' })
    [Symbol.asyncIterator]()
  const next = watch.next()
  const made = await admin.create(configMaps, { metadata: { name: 'inside', namespace: 'default' }, data: { a: 'b' } })
  const event = (await next).value!
  expect(event.type).toBe('ADDED')
  expect(event.object).toBe(made)
  expect(await admin.get(configMaps, { namespace: 'default', name: 'inside' })).toBe(made)
  const over = await server.ask(`${maps}/inside`)
  expect(over.body).toEqual(JSON.parse(JSON.stringify(made)))
  const merged = await admin.patch(configMaps, { namespace: 'default', name: 'inside' }, 'merge', { data: { a: 'c' } })
  expect(merged.data).toEqual({ a: 'c' })
  stop.abort()
  await watch.return?.()
  await admin.delete(configMaps, { namespace: 'default', name: 'inside' })
  await expect(admin.get(configMaps, { namespace: 'default', name: 'inside' })).rejects.toMatchObject({
    status: { code: 404 },
  })
})

it('ends watches and connections when it stops', async () => {
  const other = await smallServer()
  const { port, ca, cert, key } = other.tls()
  const idle = connect({ ca, cert, key, port: Number(port), host: '127.0.0.1' })
  await new Promise((resolve) => idle.once('secureConnect', resolve))
  const watch = await new Promise<IncomingMessage>((resolve) =>
    request({ ...other.tls(), path: '/api/v1/pods?watch=true' }, (answer) => resolve(answer)).end(),
  )
  const ended = new Promise((resolve) => watch.resume().once('close', resolve))
  const closed = new Promise((resolve) => idle.once('close', resolve))
  await other[Symbol.asyncDispose]()
  await expect(Promise.all([ended, closed])).resolves.toHaveLength(2)
})

it('takes large headers, and says which are too large', async () => {
  const large = (length: number) => ({ 'x-large': 'a'.repeat(length) })
  expect((await server.ask('/version', { headers: large(1_000_000) })).status).toBe(200)
  const tooLarge = await server.ask('/version', { headers: large(1_200_000) })
  expect([tooLarge.status, tooLarge.text]).toEqual([431, '431 Request Header Fields Too Large'])
  const { port, ca, cert, key } = server.tls()
  const secure = { ca, cert, key, maxSendHeaderBlockLength: 1 << 20 }
  const session = connectHttp2(`https://127.0.0.1:${port}`, secure)
  const stream = session.request({ ':path': '/version', ...large(100_000) })
  const status = await new Promise((resolve, reject) => {
    stream.on('response', (headers) => resolve(headers[':status']))
    stream.on('error', reject)
  })
  session.close()
  expect(status).toBe(200)
})
