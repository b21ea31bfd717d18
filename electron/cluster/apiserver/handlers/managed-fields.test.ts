import { afterAll, beforeAll, expect, it } from 'vitest'
import { kinds } from '../registry/index.ts'
import { smallServer, type SmallServer } from '../testing/small-server.ts'

let server: SmallServer
beforeAll(async () => {
  server = await smallServer({ kinds })
})
afterAll(() => server[Symbol.asyncDispose]())

const entry = (more: object) => ({
  manager: 'before',
  operation: 'Update',
  apiVersion: 'v1',
  fieldsType: 'FieldsV1',
  fieldsV1: { 'f:data': { 'f:elsewhere': {} } },
  ...more,
})
const path = '/api/v1/namespaces/default/configmaps'
const create = (entries: object[], query = '') =>
  server.ask(`${path}?dryRun=All${query}`, {
    method: 'POST',
    body: { metadata: { name: 'x', managedFields: entries }, data: { k: 'v' } },
  })
const managers = ({ body }: Awaited<ReturnType<typeof create>>) =>
  (body['metadata'] as { managedFields: { manager: string }[] }).managedFields.map(({ manager }) => manager)

it('keeps what a creator says of the fields of others, as far as it can be read', async () => {
  expect(managers(await create([entry({})], '&fieldManager=me'))).toEqual(['before', 'me'])
  for (const unreadable of [{ operation: 'Guess' }, { apiVersion: '' }, { fieldsType: 'V2' }, { fieldsV1: { k: {} } }])
    expect(managers(await create([entry(unreadable)], '&fieldManager=me'))).toEqual(['me'])
})

it('gives to the creator what the object has, whoever was said to own it', async () => {
  const owned = entry({ operation: 'Apply', fieldsV1: { 'f:data': { 'f:k': {} } } })
  expect(managers(await create([owned], '&fieldManager=me'))).toEqual(['me'])
})

it('checks how managers and subresources are named', async () => {
  const long = entry({ manager: 'a'.repeat(129), subresource: 'b'.repeat(257) })
  expect((await create([long, entry({ manager: 'be\u0007ll' })])).body).toMatchObject({
    code: 422,
    details: {
      causes: [
        {
          field: 'metadata.managedFields[0].manager',
          message: expect.stringMatching(/may not be more than 128 bytes/),
        },
        { field: 'metadata.managedFields[0].subresource' },
        {
          field: 'metadata.managedFields[1].manager',
          message: expect.stringMatching(/invalid character U\+0007 \(at position 2\)/),
        },
      ],
    },
  })
  expect((await create([], '&fieldManager=%07')).body['message']).toBe(
    'CreateOptions.meta.k8s.io "" is invalid: fieldManager: Invalid value: "\\a": invalid character U+0007 (at position 0)',
  )
})

it('tracks an object no more whose list of managers was emptied, until somebody applies', async () => {
  const at = `${path}/emptied`
  const ask = async (method: string, body: object, type?: string) => {
    const headers = type ? { 'content-type': `application/${type}` } : undefined
    const { body: object } = await server.ask(`${at}?fieldManager=me`, {
      method,
      body,
      ...(headers ? { headers } : {}),
    })
    return (object['metadata'] as { managedFields?: { manager: string }[] }).managedFields?.map(
      ({ manager }) => manager,
    )
  }
  await server.ask(path, { method: 'POST', body: { metadata: { name: 'emptied' }, data: { a: '1' } } })
  expect(await ask('PUT', { metadata: { name: 'emptied', managedFields: [] }, data: { a: '1' } })).toBeUndefined()
  expect(await ask('PATCH', { data: { b: '2' } }, 'merge-patch+json')).toBeUndefined()
  const config = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'emptied' }, data: { c: '3' } }
  expect(await ask('PATCH', config, 'apply-patch+yaml')).toEqual(['me', 'before-first-apply'])
})
