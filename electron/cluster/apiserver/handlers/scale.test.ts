import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { kinds } from '../registry/index.ts'
import { smallServer, type SmallServer } from '../testing/small-server.ts'

let server: SmallServer
beforeAll(async () => {
  server = await smallServer({ kinds })
})
afterAll(() => server[Symbol.asyncDispose]())

const template = { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', image: 'i' }] } }
const pods = { selector: { matchLabels: { a: 'b' } }, template }
let web = ''
let count = 0

const make = async (path: string, query: string, body: object) => {
  const name = `web-${++count}`
  const made = await server.ask(`${path}?${query}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: { metadata: { name }, ...body },
  })
  expect(made.status).toBe(201)
  return `${path}/${name}`
}

beforeEach(async () => {
  web = await make('/apis/apps/v1/namespaces/default/deployments', 'fieldManager=maker', {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    spec: { replicas: 1, ...pods },
  })
})

const apply = (at: string, manager: string, config: object, query = '') =>
  server.ask(`${at}?fieldManager=${manager}${query}`, {
    method: 'PATCH',
    headers: { 'content-type': 'application/apply-patch+yaml' },
    body: JSON.stringify({ metadata: { name: at.split('/').at(-2) }, ...config }),
  })
const scale = { apiVersion: 'autoscaling/v1', kind: 'Scale' }
const scaleTo = (manager: string, replicas: number, query = '') =>
  apply(`${web}/scale`, manager, { ...scale, spec: { replicas } }, query)

interface Table {
  metadata: { resourceVersion: string }
  columnDefinitions: { name: string; type: string; format: string; description: string }[]
  rows: { cells: unknown[]; object: { metadata: { resourceVersion: string } } }[]
}

interface Owned {
  metadata: { managedFields: { manager: string; time?: string; fieldsV1: { 'f:spec'?: object } }[] }
  spec: { replicas: number }
}
const stored = async (at = web) => (await server.ask(at)).body as unknown as Owned
const ownersOfReplicas = async () =>
  (await stored()).metadata.managedFields.filter(({ fieldsV1 }) => 'f:replicas' in (fieldsV1['f:spec'] ?? {}))
const byScale = (manager: string, apiVersion = 'apps/v1') => ({
  manager,
  operation: 'Apply',
  apiVersion,
  fieldsType: 'FieldsV1',
  fieldsV1: { 'f:spec': { 'f:replicas': {} } },
  subresource: 'scale',
})

describe('a scale', () => {
  const as = (view: string, query = '') =>
    server.ask(`${web}/scale${query}`, { headers: { accept: `application/json;as=${view};v=v1;g=meta.k8s.io` } })

  it('is shown as a table of its own', async () => {
    const { status, body } = await as('Table')
    const { columnDefinitions, rows, metadata } = body as unknown as Table
    expect({ status, kind: body['kind'] }).toEqual({ status: 200, kind: 'Table' })
    expect(columnDefinitions.map(({ name, type, format }) => [name, type, format])).toEqual([
      ['Name', 'string', ''],
      ['Desired', 'integer', ''],
      ['Available', 'integer', ''],
      ['Age', 'string', ''],
    ])
    expect(columnDefinitions[1]!.description).toBe('replicas is the desired number of instances for the scaled object.')
    const name = web.split('/').at(-1)
    expect(rows).toMatchObject([
      { cells: [name, 1, 0, expect.any(String)], object: { kind: 'PartialObjectMetadata', metadata: { name } } },
    ])
    expect(rows[0]!.object.metadata.resourceVersion).toBe(metadata.resourceVersion)
    const whole = (await as('Table', '?includeObject=Object')).body as unknown as Table
    expect(whole.rows).toMatchObject([{ object: { kind: 'Scale', spec: { replicas: 1 } } }])
    expect((await as('Table', '?includeObject=All')).status).toBe(422)
  })

  it('is shown by its metadata, and not as a list', async () => {
    const { body } = await as('PartialObjectMetadata')
    expect(body).toMatchObject({ kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1' })
    expect(body).not.toHaveProperty('spec')
    expect((await as('PartialObjectMetadataList')).status).toBe(406)
  })
})

describe('server-side apply to a scale', () => {
  it('conflicts with the owner of the replicas, as the scale names both', async () => {
    const message = 'conflict with "maker" using autoscaling/v1'
    expect((await scaleTo('me', 3)).body).toMatchObject({
      code: 409,
      message: `Apply failed with 1 conflict: ${message}: .spec.replicas`,
      details: { causes: [{ reason: 'FieldManagerConflict', message, field: '.spec.replicas' }] },
    })
    expect((await stored()).spec.replicas).toBe(1)
  })

  it('takes the replicas by force, as a field of the object and without a time', async () => {
    const { status, body } = await scaleTo('me', 3, '&force=true')
    expect({ status, body }).toMatchObject({ status: 200, body: { kind: 'Scale', spec: { replicas: 3 } } })
    expect(body['metadata']).not.toHaveProperty('managedFields')
    expect((await stored()).spec.replicas).toBe(3)
    expect(await ownersOfReplicas()).toEqual([byScale('me')])
  })

  it('shares what is wanted alike, and conflicts with both owners after', async () => {
    await scaleTo('me', 3, '&force=true')
    expect((await scaleTo('you', 3)).status).toBe(200)
    expect(await ownersOfReplicas()).toEqual([byScale('me'), byScale('you')])
    expect((await scaleTo('you', 4)).body).toMatchObject({
      message: 'Apply failed with 1 conflict: conflict with "me" with subresource "scale": .spec.replicas',
    })
  })

  it('leaves the rest to the updater that had the replicas', async () => {
    await scaleTo('me', 3, '&force=true')
    const { managedFields } = (await stored()).metadata
    expect(managedFields.find(({ manager }) => manager === 'maker')!.fieldsV1['f:spec']).toHaveProperty('f:template')
  })

  it('conflicts with an applier of the whole object, who conflicts with it', async () => {
    const whole = (replicas: number, query = '') =>
      server.ask(`${web}?fieldManager=whole${query}`, {
        method: 'PATCH',
        headers: { 'content-type': 'application/apply-patch+yaml' },
        body: JSON.stringify({ apiVersion: 'apps/v1', kind: 'Deployment', spec: { replicas } }),
      })
    await whole(2, '&force=true')
    expect((await scaleTo('me', 3)).body['message']).toContain('conflict with "whole": .spec.replicas')
    await scaleTo('me', 3, '&force=true')
    expect(await ownersOfReplicas()).toEqual([byScale('me')])
    expect((await whole(2)).body['message']).toContain('conflict with "me" with subresource "scale": .spec.replicas')
  })

  it('gives up what it no longer wants, which sets it to zero where nobody else does', async () => {
    await scaleTo('me', 3, '&force=true')
    await scaleTo('you', 3)
    await apply(`${web}/scale`, 'you', scale)
    expect(await ownersOfReplicas()).toEqual([byScale('me')])
    expect((await stored()).spec.replicas).toBe(3)
    await apply(`${web}/scale`, 'me', scale)
    expect(await ownersOfReplicas()).toEqual([])
    expect((await stored()).spec.replicas).toBe(0)
  })

  it('writes nothing where nothing changes', async () => {
    await scaleTo('me', 3, '&force=true')
    const before = await stored()
    await scaleTo('me', 3)
    expect(await stored()).toEqual(before)
  })

  it('refuses other versions, fields that a scale lacks, what is no count, and what does not exist', async () => {
    expect((await apply(`${web}/scale`, 'me', { apiVersion: 'apps/v1', kind: 'Scale' })).body).toMatchObject({
      code: 400,
      message: 'invalid object type: apps/v1, Kind=Scale',
    })
    expect((await apply(`${web}/scale`, 'me', { ...scale, spec: { paused: true } })).body['message']).toContain(
      '.spec.paused: field not declared in schema',
    )
    expect((await scaleTo('me', -1, '&force=true')).status).toBe(422)
    expect((await apply(`${web}-not/scale`, 'me', { ...scale, spec: { replicas: 1 } })).status).toBe(404)
  })

  it.each([
    ['replicasets', '/apis/apps/v1', { apiVersion: 'apps/v1', kind: 'ReplicaSet', spec: { replicas: 1, ...pods } }],
    [
      'statefulsets',
      '/apis/apps/v1',
      { apiVersion: 'apps/v1', kind: 'StatefulSet', spec: { replicas: 1, serviceName: 's', ...pods } },
    ],
    [
      'replicationcontrollers',
      '/api/v1',
      { apiVersion: 'v1', kind: 'ReplicationController', spec: { replicas: 1, selector: { a: 'b' }, template } },
    ],
  ])('is served for %s', async (plural, group, body) => {
    web = await make(`${group}/namespaces/default/${plural}`, 'fieldManager=maker', body)
    expect((await scaleTo('me', 2, '&force=true')).status).toBe(200)
    expect(await ownersOfReplicas()).toEqual([byScale('me', body.apiVersion)])
  })
})
