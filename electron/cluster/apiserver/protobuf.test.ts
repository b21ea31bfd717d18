import { gunzipSync } from 'node:zlib'
import { request } from 'node:https'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { decodeProtobuf, encodeProtobuf, openEnvelope } from '../schema/protobuf.ts'
import { metaTypes, typeNamed } from '../schema/table.ts'
import { smallServer, type SmallServer } from './testing/small-server.ts'

const protobuf = 'application/vnd.kubernetes.protobuf'
const maps = '/api/v1/namespaces/default/configmaps'
const mapType = typeNamed('io.k8s.api.core.v1.ConfigMap')
const inProtobuf = { accept: protobuf }

let server: SmallServer
beforeAll(async () => {
  server = await smallServer()
})
afterAll(() => server[Symbol.asyncDispose]())

const opened = (bytes: Buffer, type: string) => {
  const envelope = openEnvelope(bytes)
  return { ...envelope, object: decodeProtobuf(typeNamed(type), envelope).object }
}
const create = (name: string, data: object = { k: 'v' }) =>
  server.ask(maps, { method: 'POST', body: { metadata: { name }, data }, headers: inProtobuf })

it('takes protobuf, and answers writes and reads with the object that JSON shows', async () => {
  const body = encodeProtobuf(
    mapType,
    { metadata: { name: 'a' }, data: { k: 'v' } },
    { apiVersion: 'v1', kind: 'ConfigMap' },
  )
  const made = await server.ask(maps, { method: 'POST', body, headers: { ...inProtobuf, 'content-type': protobuf } })
  expect([made.status, made.headers['content-type']]).toEqual([201, protobuf])
  const got = await server.ask(`${maps}/a`, { headers: { accept: `${protobuf},application/json` } })
  expect(got.bytes).toEqual(made.bytes)
  const { body: json } = await server.ask(`${maps}/a`)
  expect(opened(got.bytes, mapType.name)).toMatchObject({ apiVersion: 'v1', kind: 'ConfigMap', object: json })
  const patched = await server.ask(`${maps}/a`, {
    method: 'PATCH',
    body: { data: { k: 'w' } },
    headers: { ...inProtobuf, 'content-type': 'application/merge-patch+json' },
  })
  expect(opened(patched.bytes, mapType.name).object).toMatchObject({ data: { k: 'w' } })
  const deleted = await server.ask(`${maps}/a`, { method: 'DELETE', headers: inProtobuf })
  expect(opened(deleted.bytes, metaTypes.status)).toMatchObject({ kind: 'Status', object: { status: 'Success' } })
})

it('fails in protobuf, and in JSON where nothing that was asked for can be had', async () => {
  const missing = await server.ask(`${maps}/missing`, { headers: inProtobuf })
  expect(missing.status).toBe(404)
  expect(opened(missing.bytes, metaTypes.status).object).toMatchObject({ reason: 'NotFound', code: 404 })
  const table = await server.ask(maps, { headers: { accept: `${protobuf};as=Table;v=v1;g=meta.k8s.io` } })
  expect([table.status, table.body.reason]).toEqual([406, 'NotAcceptable'])
})

it('lists what JSON lists, as objects and as their metadata, compressed where that is wanted', async () => {
  for (let i = 0; i < 450; i++) await create(`m${i}`, { k: 'v'.repeat(500) })
  const { body: json } = await server.ask(maps)
  const list = await server.ask(maps, { headers: { ...inProtobuf, 'accept-encoding': 'gzip' } })
  expect(list.headers['content-encoding']).toBe('gzip')
  const { kind, object } = opened(gunzipSync(list.bytes), `${mapType.name}List`)
  expect([kind, object.items]).toEqual(['ConfigMapList', json.items])
  expect(object.metadata).toEqual(json.metadata)
  const metadata = await server.ask(`${maps}?limit=2`, {
    headers: { accept: `${protobuf};as=PartialObjectMetadataList;v=v1;g=meta.k8s.io,application/json` },
  })
  const partial = opened(metadata.bytes, 'io.k8s.apimachinery.pkg.apis.meta.v1.PartialObjectMetadataList')
  expect([partial.apiVersion, partial.kind]).toEqual(['meta.k8s.io/v1', 'PartialObjectMetadataList'])
  expect(partial.object.metadata).toHaveProperty('continue')
  const [first] = json.items as { metadata: object }[]
  expect((partial.object.items as object[])[0]).toMatchObject({ metadata: first!.metadata })
})

/** Frames of a watch, until there are so many. */
const watched = (query: string, count: number): Promise<{ contentType: string; frames: Buffer[] }> =>
  new Promise((resolve, reject) => {
    const asking = request(
      { ...server.tls(), path: `${maps}?watch=1&${query}`, headers: inProtobuf, agent: false },
      (answer) => {
        let rest = Buffer.alloc(0)
        const frames: Buffer[] = []
        answer.on('error', () => {})
        answer.on('data', (chunk: Buffer) => {
          rest = Buffer.concat([rest, chunk])
          while (rest.length >= 4 && rest.length >= 4 + rest.readUInt32BE()) {
            frames.push(rest.subarray(4, 4 + rest.readUInt32BE()))
            rest = rest.subarray(4 + rest.readUInt32BE())
          }
          if (frames.length < count) return
          asking.destroy()
          resolve({ contentType: answer.headers['content-type']!, frames })
        })
      },
    )
    asking.on('error', reject)
    asking.end()
  })

/** A WatchEvent: its type, and the object's envelope. */
function eventOf(frame: Buffer, type: string) {
  const typeLength = frame[1]!
  const start = frame.indexOf('k8s\0')
  return { type: frame.toString('utf8', 2, 2 + typeLength), ...opened(frame.subarray(start), type) }
}

it('watches in frames: what there is, its end, and what comes then', async () => {
  await create('watched')
  const query = 'sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true'
  const selected = `${query}&fieldSelector=metadata.name%3Dwatched`
  const watching = watched(selected, 3)
  // Whether the change is seen as one or as part of what there is, it comes third or never: so it is made again and again.
  let enough = false
  void watching.finally(() => (enough = true))
  for (let i = 0; !enough; i++)
    await server.ask(`${maps}/watched`, { method: 'PUT', body: { metadata: { name: 'watched' }, data: { k: `${i}` } } })
  const { contentType, frames } = await watching
  expect(contentType).toBe(`${protobuf};stream=watch`)
  const events = frames.slice(0, 3).map((frame) => eventOf(frame, mapType.name))
  expect(events.map(({ type }) => type)).toEqual(['ADDED', 'BOOKMARK', 'MODIFIED'])
  expect(events[1]!.object).toMatchObject({ metadata: { annotations: { 'k8s.io/initial-events-end': 'true' } } })
  expect(events[2]!.object).toMatchObject({ metadata: { name: 'watched' } })
})

it('serves discovery in protobuf under an ETag of its own', async () => {
  const versions = await server.ask('/api', { headers: inProtobuf })
  expect(opened(versions.bytes, 'io.k8s.apimachinery.pkg.apis.meta.v1.APIVersions')).toMatchObject({
    kind: 'APIVersions',
    object: { versions: ['v1'] },
  })
  const again = await server.ask('/api', { headers: { ...inProtobuf, 'if-none-match': versions.headers.etag! } })
  expect(again.status).toBe(304)
  expect((await server.ask('/api')).headers.etag).not.toBe(versions.headers.etag)
  const aggregated = await server.ask('/apis', {
    headers: { accept: `${protobuf};g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList` },
  })
  expect(aggregated.headers['content-type']).toBe(`${protobuf};g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList`)
  const { body: json } = await server.ask('/apis', {
    headers: { accept: 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList' },
  })
  const { items } = opened(aggregated.bytes, 'io.k8s.api.apidiscovery.v2.APIGroupDiscoveryList').object
  expect((items as object[]).length).toBe((json.items as object[]).length)
})
