import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import type { KubeObject } from '#shared/kube/object.ts'
import { kinds as apiextensions } from '../registry/apiextensions/index.ts'
import type { Schema } from '../registry/apiextensions/types.ts'
import { smallKinds } from '../testing/kinds.ts'
import { smallServer, type SmallServer } from '../testing/small-server.ts'
import { webhookServer, type WebhookServer } from '../testing/webhook-server.ts'

interface Cron extends KubeObject {
  spec: { host?: string; port?: string; hostPort?: string }
}

let server: SmallServer
let webhook: WebhookServer
let failing = ''

/** v1 has hostPort, v2 has host and port apart. */
function convert(object: Cron, apiVersion: string): Cron {
  const { host, port, hostPort = '' } = object.spec
  const [h = '', p = ''] = hostPort.split(':')
  const spec = apiVersion.endsWith('/v2') ? { host: h, port: p } : { hostPort: `${host}:${port}` }
  return { ...object, apiVersion, spec }
}

beforeAll(async () => {
  server = await smallServer({ kinds: [...smallKinds, ...apiextensions] })
  webhook = await webhookServer(({ body: { request } }) => {
    if (failing) return { result: { status: 'Failed', message: failing } }
    const { objects, desiredAPIVersion } = request as unknown as { objects: Cron[]; desiredAPIVersion: string }
    const convertedObjects = objects.map((object) => convert(object, desiredAPIVersion))
    return { result: { status: 'Success' }, convertedObjects }
  })
})
afterAll(async () => {
  await server[Symbol.asyncDispose]()
  await webhook[Symbol.asyncDispose]()
})

const definition = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions'
const at = (version: string, name = '') => `/apis/example.com/${version}/namespaces/default/crons${name && `/${name}`}`
const text: Schema = { type: 'string' }
const version = (name: string, storage: boolean, properties: Record<string, Schema>) => ({
  name,
  served: true,
  storage,
  selectableFields: Object.keys(properties).map((field) => ({ jsonPath: `.spec.${field}` })),
  schema: { openAPIV3Schema: { type: 'object', properties: { spec: { type: 'object', properties } } } },
})
const versions = (stored: string) => [
  version('v1', stored === 'v1', { hostPort: text }),
  version('v2', stored === 'v2', { host: text, port: text }),
]

it('reads, writes and watches each version in its own form, whichever is stored', async () => {
  const { url, caBundle } = webhook
  await server.ask(definition, {
    method: 'POST',
    body: {
      metadata: { name: 'crons.example.com' },
      spec: {
        group: 'example.com',
        scope: 'Namespaced',
        names: { plural: 'crons', kind: 'Cron' },
        versions: versions('v1'),
        conversion: {
          strategy: 'Webhook',
          webhook: { clientConfig: { url, caBundle }, conversionReviewVersions: ['v1'] },
        },
      },
    },
  })
  const create = (apiVersion: string, name: string, spec: object) =>
    server.ask(at(apiVersion), {
      method: 'POST',
      body: { apiVersion: `example.com/${apiVersion}`, kind: 'Cron', metadata: { name }, spec },
    })
  await vi.waitFor(async () => expect((await create('v1', 'one', { hostPort: 'a:1' })).status).toBe(201))
  expect(webhook.asked).toEqual([])
  const two = await create('v2', 'two', { host: 'b', port: '2' })
  expect(two.body).toMatchObject({ apiVersion: 'example.com/v2', spec: { host: 'b', port: '2' } })
  expect((await server.ask(at('v1', 'two'))).body['spec']).toEqual({ hostPort: 'b:2' })
  expect((await server.ask(at('v2'))).body['items']).toMatchObject([
    { apiVersion: 'example.com/v2', spec: { host: 'a', port: '1' } },
    { apiVersion: 'example.com/v2', spec: { host: 'b', port: '2' } },
  ])
  const watch = await server.ask(`${at('v2')}?watch=true&timeoutSeconds=1`)
  expect(watch.text).toContain('"spec":{"host":"a","port":"1"}')

  // What is stored already stays in the version in which it was.
  const merge = { 'content-type': 'application/merge-patch+json' }
  const { body } = await server.ask(`${definition}/crons.example.com`, {
    method: 'PATCH',
    headers: merge,
    body: { spec: { versions: versions('v2') } },
  })
  expect(body).toMatchObject({ status: { storedVersions: ['v1', 'v2'] } })
  await create('v2', 'three', { host: 'c', port: '3' })
  const items = (await server.ask(at('v1'))).body['items'] as Cron[]
  expect(items.map(({ apiVersion, spec }) => [apiVersion, spec.hostPort])).toEqual([
    ['example.com/v1', 'a:1'],
    ['example.com/v1', 'c:3'],
    ['example.com/v1', 'b:2'],
  ])
  const patched = await server.ask(at('v2', 'one'), { method: 'PATCH', headers: merge, body: { spec: { port: '9' } } })
  expect(patched.body['spec']).toEqual({ host: 'a', port: '9' })
  expect((await server.ask(at('v1', 'one'))).body['spec']).toEqual({ hostPort: 'a:9' })
})

it('selects by the fields of the version that is asked for', async () => {
  const select = (selector: string) => `?fieldSelector=${encodeURIComponent(selector)}`
  const names = async (selector: string) =>
    ((await server.ask(at('v2') + select(selector))).body['items'] as Cron[]).map(({ metadata }) => metadata!.name)
  expect(await names('spec.host=b')).toEqual(['two'])
  expect(await names('spec.host!=b')).toEqual(['one', 'three'])
  const { body } = await server.ask(at('v2'))
  const { resourceVersion } = body['metadata'] as { resourceVersion: string }
  const change = (name: string, host: string) =>
    server.ask(at('v2', name), {
      method: 'PATCH',
      headers: { 'content-type': 'application/merge-patch+json' },
      body: { spec: { host } },
    })
  await change('two', 'x')
  await change('one', 'b')
  await change('three', 'y')
  await change('one', 'b2')
  await change('one', 'b')
  const watched = async (query: string) => {
    const { text } = await server.ask(`${at('v2')}${select('spec.host=b')}&watch=true${query}`)
    const events = text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { type: string; object: Cron })
    return events.map(({ type, object }) => `${type} ${object.metadata!.name} ${object.spec.host}`)
  }
  expect(await watched(`&timeoutSeconds=3&resourceVersion=${resourceVersion}`)).toEqual([
    'DELETED two b',
    'ADDED one b',
    'DELETED one b',
    'ADDED one b',
  ])
  expect(await watched('&timeoutSeconds=1')).toEqual(['ADDED one b'])
  expect(await server.ask(at('v2') + select('spec.host=b'), { method: 'DELETE' })).toMatchObject({
    status: 200,
    body: { items: [{ metadata: { name: 'one' }, spec: { host: 'b' } }] },
  })
  expect(await names('spec.host!=b')).toEqual(['three', 'two'])
  expect(await names('spec.host=b')).toEqual([])
})

it('says what the webhook said when it fails, and needs none for what is stored', async () => {
  failing = 'not today'
  await server.ask(at('v2', 'fresh'), { method: 'DELETE' })
  const create = await server.ask(at('v1'), {
    method: 'POST',
    body: { apiVersion: 'example.com/v1', kind: 'Cron', metadata: { name: 'fresh' }, spec: { hostPort: 'x:1' } },
  })
  expect([create.status, create.body['message']]).toEqual([
    500,
    'conversion webhook for example.com/v1, Kind=Cron failed: not today',
  ])
  expect((await server.ask(at('v2', 'three'))).status).toBe(200)
})

it('takes what lies in the store for the version that is stored now when nobody converts any more', async () => {
  const merge = { 'content-type': 'application/merge-patch+json' }
  const patch = (path: string, body: object) => server.ask(path, { method: 'PATCH', headers: merge, body })
  const loose = versions('v1').map((each) => ({ ...each, selectableFields: null }))
  const spec = { versions: loose, conversion: { strategy: 'None', webhook: null } }
  expect((await patch(`${definition}/crons.example.com`, { spec })).status).toBe(200)
  await vi.waitFor(async () => {
    const { status, body } = await patch(at('v1', 'three'), { metadata: { labels: { a: 'b' } } })
    expect([status, body]).toMatchObject([200, { apiVersion: 'example.com/v1' }])
  })
  expect((await server.ask(at('v2', 'three'))).body).toMatchObject({ apiVersion: 'example.com/v2' })
})
