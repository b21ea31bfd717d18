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
