import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, expect, it } from 'vitest'
import * as resources from '#shared/kube/resources.ts'
import { isGone, isNotFound } from '#shared/kube/status.ts'
import { systemClock } from '../base/clock.ts'
import { HttpsClient } from './https-client.ts'
import { loopbackCertificate } from './testing/tls.ts'
import { lines } from './watch-stream.ts'

let server: Server
let client: HttpsClient
let answer: (request: IncomingMessage, response: ServerResponse, body: string) => void

beforeEach(async () => {
  const { cert, key } = loopbackCertificate
  server = createServer({ cert, key }, (request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => answer(request, response, Buffer.concat(chunks).toString()))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  client = new HttpsClient({
    server: `https://127.0.0.1:${port}`,
    ca: cert,
    token: 'secret',
    userAgent: 'test',
    clock: systemClock,
  })
})
afterEach(async () => {
  await client[Symbol.asyncDispose]()
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
})

const reply = (response: ServerResponse, code: number, body: unknown, headers: Record<string, string> = {}) => {
  response.writeHead(code, headers)
  response.end(JSON.stringify(body))
}
const status = (code: number, reason: string) => ({
  kind: 'Status',
  apiVersion: 'v1',
  status: 'Failure',
  reason,
  message: reason,
  code,
})

it('addresses objects and subresources as the API does, with its credentials', async () => {
  const seen: unknown[] = []
  answer = (request, response, body) => {
    seen.push([request.method, request.url, request.headers['content-type'], request.headers.authorization, body])
    reply(response, 200, {})
  }
  const key = { namespace: 'a', name: 'b' }
  await client.patch(resources.deployments, key, 'strategic', { x: 1 }, { subresource: 'status', fieldManager: 'me' })
  await client.list(resources.pods, { labelSelector: 'a=b', limit: 5 })
  const strategic = 'application/strategic-merge-patch+json'
  expect(seen).toEqual([
    ['PATCH', '/apis/apps/v1/namespaces/a/deployments/b/status?fieldManager=me', strategic, 'Bearer secret', '{"x":1}'],
    ['GET', '/api/v1/pods?labelSelector=a%3Db&limit=5', undefined, 'Bearer secret', ''],
  ])
})

it('reads a list of metadata alone that has no items as empty', async () => {
  answer = (_, response) => reply(response, 200, { metadata: { resourceVersion: '7' }, items: null })
  const list = await client.list(resources.nodes, { metadataOnly: true })
  expect(list).toEqual({ metadata: { resourceVersion: '7' }, items: [] })
})

it('does not read what nobody will, but hears of failures and of an answer that breaks off', async () => {
  const key = { namespace: 'a', name: 'b' }
  const patch = () => client.patch(resources.pods, key, 'merge', {}, { unread: true })
  answer = (_, response) => response.writeHead(200).end('{"no": JSON')
  expect(await patch()).toEqual({})
  answer = (_, response) => reply(response, 404, status(404, 'NotFound'))
  expect(isNotFound(await patch().catch((error: unknown) => error))).toBe(true)
  answer = (_, response) => {
    response.writeHead(200, { 'content-length': '100' }).write('{')
    setImmediate(() => response.destroy())
  }
  await expect(patch()).rejects.toMatchObject({ reason: 'ServiceUnavailable' })
})

it('turns a Status answer into a StatusError and an unreachable server into ServiceUnavailable', async () => {
  answer = (_, response) => reply(response, 404, status(404, 'NotFound'))
  await expect(client.get(resources.nodes, { name: 'x' })).rejects.toSatisfy(isNotFound)
  answer = (request) => request.socket.destroy()
  await expect(client.create(resources.nodes, { metadata: { name: 'x' } })).rejects.toMatchObject({ code: 503 })
})

it('makes a request that was turned away with Retry-After again', async () => {
  let calls = 0
  answer = (_, response) =>
    calls++ ? reply(response, 200, {}) : reply(response, 429, status(429, 'TooManyRequests'), { 'retry-after': '0.01' })
  await client.get(resources.nodes, { name: 'x' })
  expect(calls).toBe(2)
})

it('yields events as their lines complete, and throws what an ERROR event says', async () => {
  answer = (_, response) => {
    response.writeHead(200)
    response.write('{"type":"ADDED","object":{"metadata":{"name":"ä"}}}\n{"type":"MODI')
    response.write('FIED","object":{"metadata":{"name":"b"}}}\n')
    response.end(`${JSON.stringify({ type: 'ERROR', object: status(410, 'Expired') })}\n`)
  }
  const seen: string[] = []
  const watching = async () => {
    const options = { signal: new AbortController().signal }
    for await (const event of client.watch(resources.pods, options))
      seen.push(`${event.type} ${event.object.metadata?.name}`)
  }
  await expect(watching()).rejects.toSatisfy(isGone)
  expect(seen).toEqual(['ADDED ä', 'MODIFIED b'])
})

it('ends a watch quietly when it is aborted', async () => {
  answer = (_, response) => void response.write('{"type":"ADDED","object":{}}\n')
  const stop = new AbortController()
  let count = 0
  for await (const _ of client.watch(resources.pods, { signal: stop.signal })) {
    count++
    stop.abort()
  }
  expect(count).toBe(1)
})

it('splits lines at any byte, inside of characters too', async () => {
  const bytes = Buffer.from('{"a":"é"}\n\n{"b":"ü"}\nrest')
  for (let cut = 0; cut <= bytes.length; cut++) {
    const chunks = (async function* () {
      yield bytes.subarray(0, cut)
      yield bytes.subarray(cut)
    })()
    const seen: string[] = []
    for await (const line of lines(chunks)) seen.push(line)
    expect(seen).toEqual(['{"a":"é"}', '{"b":"ü"}', 'rest'])
  }
})

it('reads aggregated discovery: each resource once, in the preferred version', async () => {
  const resource = (name: string, kind: string, scope: string) => ({
    resource: name,
    responseKind: { kind },
    scope,
    verbs: ['list'],
  })
  answer = (request, response) =>
    reply(response, 200, {
      items:
        request.url === '/api'
          ? [{ versions: [{ version: 'v1', resources: [resource('nodes', 'Node', 'Cluster')] }] }]
          : [
              {
                metadata: { name: 'autoscaling' },
                versions: [
                  {
                    version: 'v2',
                    resources: [resource('horizontalpodautoscalers', 'HorizontalPodAutoscaler', 'Namespaced')],
                  },
                  {
                    version: 'v1',
                    freshness: 'Stale',
                    resources: [resource('horizontalpodautoscalers', 'HorizontalPodAutoscaler', 'Namespaced')],
                  },
                ],
              },
            ],
    })
  const { resources: served, failures } = await client.resources()
  expect(served.map((r) => `${r.group}/${r.version} ${r.plural} ${r.namespaced}`)).toEqual([
    '/v1 nodes false',
    'autoscaling/v2 horizontalpodautoscalers true',
  ])
  expect(failures.map((f) => f.groupVersion)).toEqual(['autoscaling/v1'])
})
