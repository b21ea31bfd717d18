import { afterAll, beforeAll, expect, it } from 'vitest'
import { kinds } from '../registry/index.ts'
import { smallServer, type SmallServer } from '../testing/small-server.ts'

let server: SmallServer
beforeAll(async () => {
  server = await smallServer({ kinds })
  await server.ask(maps, { method: 'POST', body: JSON.stringify({ metadata: { name: 'a' } }) })
})
afterAll(() => server[Symbol.asyncDispose]())

const maps = '/api/v1/namespaces/default/configmaps'
const patch = (format: string, body: object) =>
  server.ask(`${maps}/a`, {
    method: 'PATCH',
    headers: { 'content-type': `application/${format}-patch+json` },
    body: JSON.stringify(body),
  })

it.each([
  [{ kind: 'Pod' }, 'converting (v1.Pod) to (core.ConfigMap): unknown conversion'],
  [
    { apiVersion: 'v7' },
    'no kind "ConfigMap" is registered for version "v7" in scheme "pkg/api/legacyscheme/scheme.go:30"',
  ],
])('makes no other kind of an object: %j', async (change, reason) => {
  const { body } = await patch('merge', change)
  expect(body).toMatchObject({ code: 422, details: { causes: [{ reason: 'FieldValueInvalid', field: 'patch' }] } })
  expect(body['message']).toContain(reason)
})

it('takes the kind from the object where the patch removes it or changes it strategically', async () => {
  expect((await patch('merge', { kind: null, data: { a: 'b' } })).body).toMatchObject({ kind: 'ConfigMap' })
  expect((await patch('strategic-merge', { kind: 'Pod', data: { a: 'c' } })).body).toMatchObject({ kind: 'ConfigMap' })
})
