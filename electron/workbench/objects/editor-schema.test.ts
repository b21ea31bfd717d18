import { afterEach, beforeEach, expect, it } from 'vitest'
import { ApiConnection } from '../connections/api-connection.ts'
import { FakeApiServer } from '../testing/fake-api-server.ts'
import { editorSchema } from './editor-schema.ts'

let server: FakeApiServer
beforeEach(async () => void (server = await FakeApiServer.start()))
afterEach(() => server[Symbol.asyncDispose]())

const kind = (group: string, version: string, name: string) => ({
  'x-kubernetes-group-version-kind': [{ group, version, kind: name }],
})

it('joins the documents of all groups into one schema, in which apiVersion and kind choose the rest', async () => {
  server.openapi = {
    'api/v1': {
      components: {
        schemas: {
          'v1.Pod': { ...kind('', 'v1', 'Pod'), properties: { spec: { $ref: '#/components/schemas/v1.PodSpec' } } },
          'v1.PodSpec': {},
        },
      },
    },
    'apis/apps/v1': { components: { schemas: { 'v1.Deployment': kind('apps', 'v1', 'Deployment') } } },
    version: { components: { schemas: { BuildInfo: {} } } },
  }
  const connection = new ApiConnection(server.access())
  const signal = new AbortController().signal
  const { schema, kinds } = await editorSchema(connection, signal)
  expect(kinds).toEqual(
    expect.arrayContaining([
      { apiVersion: 'v1', kind: 'Pod' },
      { apiVersion: 'apps/v1', kind: 'Deployment' },
    ]),
  )
  expect(schema).toMatchObject({
    properties: { apiVersion: { enum: ['apps/v1', 'v1'] }, kind: { enum: ['Deployment', 'Pod'] } },
    definitions: { 'v1.Pod': { properties: { spec: { $ref: '#/definitions/v1.PodSpec' } } } },
  })
  expect(JSON.stringify(schema)).not.toContain('BuildInfo')
  const before = server.requests.length
  await editorSchema(connection, signal)
  expect(server.requests.length - before).toBe(1)
})

it('does not offer what belongs to every group', async () => {
  const everywhere = {
    'x-kubernetes-group-version-kind': [
      { group: '', version: 'v1', kind: 'DeleteOptions' },
      { group: 'apps', version: 'v1', kind: 'DeleteOptions' },
    ],
  }
  server.openapi = { 'api/v1': { components: { schemas: { DeleteOptions: everywhere } } } }
  expect((await editorSchema(new ApiConnection(server.access()), new AbortController().signal)).kinds).toEqual([])
})
