import { afterAll, beforeAll, expect, it } from 'vitest'
import { kinds } from '../registry/index.ts'
import { smallServer, type SmallServer } from '../testing/small-server.ts'

let server: SmallServer
beforeAll(async () => {
  server = await smallServer({ kinds })
})
afterAll(() => server[Symbol.asyncDispose]())

const apply = (body: string, fieldValidation: string) =>
  server.ask(`/api/v1/namespaces/default/configmaps/twice?fieldManager=me&fieldValidation=${fieldValidation}`, {
    method: 'PATCH',
    headers: { 'content-type': 'application/apply-patch+yaml' },
    body,
  })

it.each([
  ['YAML', '\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: twice}\ndata:\n  k: a\n  k: b\n', 7],
  ['JSON', '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"twice"},"data":{"k":"a","k":"b"}}', 1],
])('tells of keys that stand twice in a configuration in %s', async (_, body, line) => {
  const problem = `line ${line}: key "k" already set in map`
  expect((await apply(body, 'Strict')).body).toMatchObject({
    code: 400,
    message: `error strict decoding YAML: error converting YAML to JSON: yaml: unmarshal errors:\n  ${problem}`,
  })
  const { body: applied, headers } = await apply(body, 'Warn')
  expect(applied).toMatchObject({ data: { k: 'b' } })
  expect(headers.warning).toBe(`299 - ${JSON.stringify(problem)}`)
})

it('says what does not fit when what was applied cannot be converted', async () => {
  const send = (plural: string, kind: string, more: object) =>
    server.ask(`/api/v1/namespaces/default/${plural}/odd?fieldManager=me`, {
      method: 'PATCH',
      headers: { 'content-type': 'application/apply-patch+yaml' },
      body: { apiVersion: 'v1', kind, metadata: { name: 'odd', namespace: 'default' }, ...more },
    })
  const message = (kind: string, why: string) =>
    `failed to convert new object (default/odd; /v1, Kind=${kind}) to proper version: unable to convert unstructured object to /v1, Kind=${kind}: ${why}`
  expect((await send('secrets', 'Secret', { data: { a: '!' } })).body).toMatchObject({
    code: 500,
    message: message('Secret', 'error decoding from json: illegal base64 data at input byte 0'),
  })
  const port = { port: 1, nodePort: 1.5 }
  expect((await send('services', 'Service', { spec: { ports: [port] } })).body).toMatchObject({
    code: 500,
    message: message('Service', 'cannot convert float64 to int32'),
  })
})

it.each([
  ['v1', 'Pod', '/v1, Kind=Pod'],
  ['apps/v1', 'ConfigMap', 'apps/v1, Kind=ConfigMap'],
  [undefined, undefined, '/, Kind='],
])('refuses a configuration of %s %s', async (apiVersion, kind, type) => {
  const { body } = await apply(JSON.stringify({ apiVersion, kind, metadata: { name: 'twice' } }), 'Strict')
  expect(body).toMatchObject({ code: 400, message: `invalid object type: ${type}` })
})
