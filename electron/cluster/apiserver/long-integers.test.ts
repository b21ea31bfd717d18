import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { decodeProtobuf, encodeProtobuf, openEnvelope } from '../schema/protobuf.ts'
import { typeNamed } from '../schema/table.ts'
import { kinds } from './registry/index.ts'
import { decodeStored, encodeStored } from './storage/codec.ts'
import { smallServer, type Answered, type Asking, type SmallServer } from './testing/small-server.ts'

let server: SmallServer
beforeAll(async () => {
  server = await smallServer({ kinds })
  const free = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true }
  const schema = {
    type: 'object',
    properties: { spec: { ...free, properties: { even: { type: 'integer', multipleOf: 2, maximum: 9e18 } } } },
  }
  const definition = {
    metadata: { name: 'counters.example.com' },
    spec: {
      group: 'example.com',
      scope: 'Namespaced',
      names: { plural: 'counters', kind: 'Counter' },
      versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: schema } }],
    },
  }
  await server.ask('/apis/apiextensions.k8s.io/v1/customresourcedefinitions', { method: 'POST', body: definition })
  await vi.waitFor(async () => {
    if ((await server.ask(counters)).status !== 200) throw new Error('not served yet')
  })
})
afterAll(() => server[Symbol.asyncDispose]())

const counters = '/apis/example.com/v1/namespaces/default/counters'
const largest = '9223372036854775807'
const odd = '9007199254740993'
const counter = (name: string, spec: string) =>
  `{"apiVersion":"example.com/v1","kind":"Counter","metadata":{"name":"${name}"},"spec":${spec}}`
const create = (name: string, spec: string) => server.ask(counters, { method: 'POST', body: counter(name, spec) })
const patched = (name: string, type: string, body: string, query = ''): Promise<Answered> =>
  server.ask(`${counters}/${name}${query}`, { method: 'PATCH', headers: { 'content-type': type }, body })
const read = async (name: string, asking: Asking = {}) => (await server.ask(`${counters}/${name}`, asking)).text

it('keeps integers beyond 2^53 of a custom resource through every write', async () => {
  const { status, text } = await create('a', `{"n":${largest},"list":[${odd}],"short":1}`)
  expect([status, text]).toEqual([201, expect.stringContaining(`"spec":{"n":${largest},"list":[${odd}],"short":1}`)])
  await patched('a', 'application/merge-patch+json', `{"spec":{"m":-${odd}}}`)
  await patched('a', 'application/json-patch+json', `[{"op":"add","path":"/spec/list/-","value":${largest}}]`)
  expect(await read('a')).toContain(`"list":[${odd},${largest}],`)
  expect(await read('a')).toContain(`"m":-${odd}`)
  expect((await server.ask(counters)).text).toContain(`"n":${largest}`)
})

it('reads and writes them in YAML, and prettily', async () => {
  const yaml = `apiVersion: example.com/v1\nkind: Counter\nmetadata: {name: written}\nspec:\n  count: ${largest}\n  k: 3\n`
  await patched('written', 'application/apply-patch+yaml', yaml, '?fieldManager=me')
  expect(await read('written', { headers: { accept: 'application/yaml' } })).toContain(`count: ${largest}\n`)
  expect((await server.ask(`${counters}/written?pretty=true`)).text).toContain(`"count": ${largest}`)
  expect(await read('written')).toContain('"k":3')
})

it('checks them against a schema as the integers that they are', async () => {
  expect((await create('b', '{"even":9007199254740994}')).status).toBe(201)
  const { status, text } = await create('c', `{"even":${odd}}`)
  expect([status, text]).toEqual([422, expect.stringContaining('should be a multiple of 2')])
  expect((await create('d', `{"even":${largest}}`)).text).toContain('should be less than or equal to')
})

it('keeps them in fields of built-in kinds, and refuses what is too large for the field', async () => {
  const pods = '/api/v1/namespaces/default/pods'
  const pod = (field: string) =>
    `{"metadata":{"name":"p"},"spec":{"containers":[{"name":"c","image":"i"}],"tolerations":[{"operator":"Exists","effect":"NoExecute","tolerationSeconds":${largest}}]${field}}}`
  const made = await server.ask(pods, { method: 'POST', body: pod('') })
  expect([made.status, made.text]).toEqual([201, expect.stringContaining(`"tolerationSeconds":${largest}`)])
  const relabelled = { method: 'PATCH', headers: { 'content-type': 'application/strategic-merge-patch+json' } }
  const after = await server.ask(`${pods}/p`, { ...relabelled, body: { metadata: { labels: { a: 'b' } } } })
  expect(after.text).toContain(`"tolerationSeconds":${largest}`)
  const wrong = await server.ask(pods, { method: 'POST', body: pod(`,"priority":${odd}`) })
  expect(wrong.body['message']).toContain(`cannot unmarshal number ${odd} into Go struct field PodSpec.spec.priority`)
})

it('deletes with a grace period beyond all time', async () => {
  const pods = '/api/v1/namespaces/default/pods'
  const spec = `{"nodeName":"n","terminationGracePeriodSeconds":${largest},"containers":[{"name":"c","image":"i"}]}`
  for (const name of ['patient', 'asked'])
    await server.ask(pods, { method: 'POST', body: `{"metadata":{"name":"${name}"},"spec":${spec}}` })
  const plain = await server.ask(`${pods}/patient`, { method: 'DELETE' })
  expect([plain.status, plain.text]).toEqual([200, expect.stringContaining('"deletionTimestamp":"9999-12-31T23:59')])
  const body = `{"gracePeriodSeconds":${odd}}`
  expect((await server.ask(`${pods}/asked`, { method: 'DELETE', body })).status).toBe(200)
})

it.each([largest, `-${largest}`, odd, '5', '-1'])('carries %s through protobuf and back', (digits) => {
  const type = typeNamed('io.k8s.api.core.v1.Toleration')
  const long = BigInt(digits)
  const value = Number.isSafeInteger(Number(long)) ? Number(long) : long
  const bytes = encodeProtobuf(type, { tolerationSeconds: value }, { apiVersion: '', kind: '' })
  expect(decodeProtobuf(type, openEnvelope(bytes)).object).toMatchObject({ tolerationSeconds: value })
})

it('marks stored bytes that hold them, and no others', () => {
  const bytes = (n: unknown) => encodeStored({ metadata: { name: 'x' }, spec: { n } } as object, 1).value
  expect(bytes(1).at(-1)).toBe('}'.charCodeAt(0))
  const long = bytes(9007199254740993n)
  expect(long.toString()).toMatch(/\} $/)
  expect(decodeStored(long, 'v1', 'X')).toMatchObject({ spec: { n: 9007199254740993n } })
})
