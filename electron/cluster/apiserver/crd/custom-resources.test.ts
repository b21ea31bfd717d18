import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { kinds as apiextensions } from '../registry/apiextensions/index.ts'
import type { Schema, Version } from '../registry/apiextensions/types.ts'
import { smallKinds } from '../testing/kinds.ts'
import { smallServer, type Asking, type SmallServer } from '../testing/small-server.ts'

let server: SmallServer
beforeAll(async () => {
  server = await smallServer({ kinds: [...smallKinds, ...apiextensions] })
})
afterAll(() => server[Symbol.asyncDispose]())

const definitions = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions'
const spec = (properties: Record<string, Schema>): Schema => ({
  type: 'object',
  properties: {
    spec: { type: 'object', properties },
    status: { type: 'object', properties: { n: { type: 'integer' } } },
  },
})
const version = (name: string, schema: Schema, more: Partial<Version> = {}): Version => ({
  name,
  served: true,
  storage: true,
  schema: { openAPIV3Schema: schema },
  ...more,
})
const crd = (plural: string, versions: Version[]) => ({
  metadata: { name: `${plural}.example.com` },
  spec: {
    group: 'example.com',
    scope: 'Namespaced',
    names: { plural, kind: plural[0]!.toUpperCase() + plural.slice(1, -1), shortNames: [plural.slice(0, 2)] },
    versions,
  },
})
const merge = { 'content-type': 'application/merge-patch+json' }

/** Creates a definition and waits for it to be established. */
async function define(plural: string, ...versions: Version[]) {
  const { status, body } = await server.ask(definitions, { method: 'POST', body: crd(plural, versions) })
  expect([status, body['message']]).toEqual([201, undefined])
  const path = `${definitions}/${plural}.example.com`
  const conditions = async () =>
    ((await server.ask(path)).body['status'] as { conditions: { type: string; status: string }[] | null }).conditions
  await vi.waitFor(async () =>
    expect(await conditions()).toContainEqual(expect.objectContaining({ type: 'Established', status: 'True' })),
  )
  const kind = plural[0]!.toUpperCase() + plural.slice(1, -1)
  const at = (name = '', served = versions[0]!.name) =>
    `/apis/example.com/${served}/namespaces/default/${plural}${name && `/${name}`}`
  return {
    path,
    at,
    ask: (name: string, asking?: Asking) => server.ask(at(name), asking),
    create: (name: string, more: object = {}, query = '') =>
      server.ask(at() + query, {
        method: 'POST',
        body: { apiVersion: `example.com/${versions[0]!.name}`, kind, metadata: { name }, ...more },
      }),
    change: (...to: Version[]) =>
      server.ask(path, { method: 'PATCH', headers: merge, body: { spec: { versions: to } } }),
  }
}

it('serves a resource as soon as its being established can be read', async () => {
  const boats = await define('boats', version('v1', spec({ n: { type: 'integer', default: 2 } })))
  const { status, body } = await boats.create('a', { spec: { bogus: 1 } })
  expect(status).toBe(201)
  expect(body).toMatchObject({ kind: 'Boats'.slice(0, 4), spec: { n: 2 }, metadata: { generation: 1 } })
  expect(body['spec']).not.toHaveProperty('bogus')
  const list = await boats.ask('')
  expect(list.body).toMatchObject({ kind: 'BoatList', metadata: { continue: '' }, items: [{ kind: 'Boat' }] })
})

describe('field validation', () => {
  it('refuses, warns of or ignores what the schema does not know', async () => {
    const { create } = await define('casks', version('v1', spec({})))
    const more = { spec: { x: 1 } }
    expect((await create('a', more, '?fieldValidation=Strict')).body['message']).toBe(
      'Cask in version "v1" cannot be handled as a Cask: strict decoding error: unknown field "spec.x"',
    )
    expect((await create('b', more, '?fieldValidation=Warn')).headers['warning']).toBe(
      String.raw`299 - "unknown field \"spec.x\""`,
    )
    expect((await create('c', more, '?fieldValidation=Ignore')).headers['warning']).toBeUndefined()
  })

  it('says what is wrong with kind and version', async () => {
    const { at, create } = await define('dories', version('v1', spec({})))
    expect((await create('a', { kind: 'Other' })).body['message']).toBe(
      'Other.example.com "a" is invalid: kind: Invalid value: "Other": must be Dorie',
    )
    const ask = (body: object) => server.ask(at(), { method: 'POST', body })
    expect((await ask({ apiVersion: 'example.com/v9', kind: 'Dorie', metadata: { name: 'a' } })).body['message']).toBe(
      'the API version in the data (example.com/v9) does not match the expected API version (example.com/v1)',
    )
    expect((await ask({ metadata: { name: 'a' } })).body['message']).toContain("Object 'Kind' is missing in")
  })
})

it('is patched in any version that is served, and stays of its kind', async () => {
  const ferries = await define('ferries', version('v1', spec({})), version('v1beta1', spec({}), { storage: false }))
  await ferries.create('a')
  const patch = async (body: object) => {
    const answer = await ferries.ask('a', { method: 'PATCH', headers: merge, body })
    return (answer.body['message'] ?? answer.body['apiVersion']) as string
  }
  expect(await patch({ apiVersion: 'example.com/v1beta1' })).toBe('example.com/v1')
  expect(await patch({ apiVersion: 'example.com/v9' })).toContain(
    'request to convert CR from an invalid group/version: example.com/v9',
  )
  for (const [apiVersion, named] of [
    ['v1', '/v1'],
    [null, '/'],
    ['x.io/v1', 'x.io/v1'],
  ])
    expect(await patch({ apiVersion })).toContain(
      `${named}, Kind=Ferrie is unstructured and is not suitable for converting to "example.com/v1"`,
    )
  for (const kind of [null, 5]) expect(await patch({ kind })).toContain("Object 'Kind' is missing in '")
  expect(await patch({ kind: 'Boat' })).toBe(
    'Boat.example.com "a" is invalid: kind: Invalid value: "Boat": must be Ferrie',
  )
})

describe('a schema that changes', () => {
  it('prunes and defaults what was stored before, in lists too, and ends watches', async () => {
    const eels = await define('eels', version('v1', spec({ a: { type: 'string' }, b: { type: 'string' } })))
    await eels.create('x', { spec: { a: 'a', b: 'b' } })
    const before = (await eels.ask('x')).body['metadata'] as { resourceVersion: string }
    const watch = server.ask(`${eels.at()}?watch=true&resourceVersion=${before.resourceVersion}&timeoutSeconds=50`)
    const changed = await eels.change(
      version('v1', spec({ b: { type: 'string' }, c: { type: 'string', default: 'c' } })),
    )
    expect(changed.body['message']).toBeUndefined()
    expect((await watch).status).toBe(200)
    expect((await eels.ask('x')).body['spec']).toEqual({ b: 'b', c: 'c' })
    const list = await eels.ask('')
    expect(list.body['items']).toMatchObject([{ spec: { b: 'b', c: 'c' }, metadata: before }])
  })

  it('leaves objects alone that still fit it', async () => {
    const flats = await define('flats', version('v1', spec({ a: { type: 'string' } })))
    const { text } = await flats.create('x', { spec: { a: 'a' } })
    await flats.change(version('v1', spec({ a: { type: 'string' }, b: { type: 'string' } })))
    expect((await flats.ask('x')).text).toBe(text)
  })
})

it('serves several versions, each by its own schema and with its warning', async () => {
  const old = version('v1beta1', spec({ a: { type: 'string' } }), { storage: false, deprecated: true })
  const gulls = await define('gulls', version('v1', spec({ a: { type: 'string' }, b: { type: 'string' } })), old)
  await gulls.create('x', { spec: { a: 'a', b: 'b' } })
  const seen = await server.ask(gulls.at('x', 'v1beta1'))
  expect(seen.body).toMatchObject({ apiVersion: 'example.com/v1beta1', spec: { a: 'a' } })
  expect(seen.body['spec']).not.toHaveProperty('b')
  expect(seen.headers['warning']).toBe('299 - "example.com/v1beta1 Gull is deprecated; use example.com/v1 Gull"')
  const { body } = await server.ask('/apis/example.com')
  expect(body['preferredVersion']).toEqual({ groupVersion: 'example.com/v1', version: 'v1' })
})

describe('subresources', () => {
  const subresources = {
    status: {},
    scale: { specReplicasPath: '.spec.n', statusReplicasPath: '.status.n', labelSelectorPath: '.status.s' },
  }

  it('keep spec and status apart, and count generations of the spec', async () => {
    const hulls = await define('hulls', version('v1', spec({ n: { type: 'integer' } }), { subresources }))
    expect((await hulls.create('x', { spec: { n: 1 }, status: { n: 9 } })).body).not.toHaveProperty('status')
    const patch = (path: string, body: object) => hulls.ask(path, { method: 'PATCH', headers: merge, body })
    const ofStatus = await patch('x/status', { spec: { n: 5 }, status: { n: 3 }, metadata: { labels: { a: 'b' } } })
    expect(ofStatus.body).toMatchObject({ spec: { n: 1 }, status: { n: 3 }, metadata: { generation: 1 } })
    expect(ofStatus.body['metadata']).not.toHaveProperty('labels')
    expect((await patch('x', { spec: { n: 2 }, status: { n: 7 } })).body).toMatchObject({
      spec: { n: 2 },
      status: { n: 3 },
      metadata: { generation: 2 },
    })
    expect((await patch('x/scale', { spec: { replicas: 4 } })).body).toMatchObject({
      kind: 'Scale',
      spec: { replicas: 4 },
      status: { replicas: 3 },
    })
    expect((await hulls.ask('x')).body).toMatchObject({ spec: { n: 4 }, metadata: { generation: 3 } })
    const headers = { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' }
    expect((await hulls.ask('x/scale', { headers })).body).toMatchObject({
      columnDefinitions: [{ name: 'Name' }, { name: 'Desired' }, { name: 'Available' }, { name: 'Age', type: 'date' }],
      rows: [{ cells: ['x', 4, 3, expect.any(String)] }],
    })
  })

  it('let a scale be applied to, whose replicas are owned where the version written has them', async () => {
    const other = { ...subresources, scale: { ...subresources.scale, specReplicasPath: '.spec.m' } }
    const schema = spec({ n: { type: 'integer' }, m: { type: 'integer' } })
    const spars = await define(
      'spars',
      version('v1', schema, { subresources }),
      version('v2', schema, { subresources: other, storage: false }),
    )
    await spars.create('x', { spec: { n: 1, m: 1 } })
    const apply = async (manager: string, replicas: number, name = 'v1') => {
      const { body } = await server.ask(`${spars.at('x/scale', name)}?fieldManager=${manager}&force=true`, {
        method: 'PATCH',
        headers: { 'content-type': 'application/apply-patch+yaml' },
        body: { apiVersion: 'autoscaling/v1', kind: 'Scale', spec: { replicas } },
      })
      expect(body).toMatchObject({ kind: 'Scale', spec: { replicas } })
      const { metadata } = (await spars.ask('x')).body as { metadata: { managedFields: { subresource?: string }[] } }
      return metadata.managedFields.filter(({ subresource }) => subresource === 'scale')
    }
    expect(await apply('me', 4)).toMatchObject([
      { manager: 'me', operation: 'Apply', apiVersion: 'example.com/v1', fieldsV1: { 'f:spec': { 'f:n': {} } } },
    ])
    expect((await spars.ask('x')).body).toMatchObject({ spec: { n: 4, m: 1 }, metadata: { generation: 2 } })
    expect(await apply('you', 5, 'v2')).toMatchObject([
      { manager: 'you', operation: 'Apply', apiVersion: 'example.com/v2', fieldsV1: { 'f:spec': { 'f:m': {} } } },
    ])
    expect((await spars.ask('x')).body).toMatchObject({ spec: { n: 4, m: 5 } })
  })

  it('know no strategic patch', async () => {
    const irons = await define('irons', version('v1', spec({}), { subresources }))
    await irons.create('x')
    const headers = { 'content-type': 'application/strategic-merge-patch+json' }
    for (const path of ['x', 'x/status', 'x/scale'])
      expect((await irons.ask(path, { method: 'PATCH', headers, body: {} })).status).toBe(415)
  })
})

it('shows the columns of the definition, and selects by its fields', async () => {
  const jars = await define(
    'jars',
    version('v1', spec({ n: { type: 'integer' }, s: { type: 'string' } }), {
      additionalPrinterColumns: [{ name: 'N', type: 'integer', jsonPath: '.spec.n', priority: 1 }],
      selectableFields: [{ jsonPath: '.spec.s' }],
    }),
  )
  await jars.create('a', { spec: { n: 1, s: 'x' } })
  await jars.create('b', { spec: { s: 'y' } })
  const headers = { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' }
  const { body } = await jars.ask('', { headers })
  expect(body).toMatchObject({ rows: [{ cells: ['a', 1] }, { cells: ['b', null] }] })
  const selected = await server.ask(`${jars.at()}?fieldSelector=spec.s%3Dy`)
  expect(selected.body['items']).toMatchObject([{ metadata: { name: 'b' } }])
  expect((await server.ask(`${jars.at()}?fieldSelector=spec.n%3D1`)).body['message']).toContain(
    'field label not supported: spec.n',
  )
})

it('applies by the list types of the schema', async () => {
  const ports: Schema = {
    type: 'array',
    'x-kubernetes-list-type': 'map',
    'x-kubernetes-list-map-keys': ['k'],
    items: { type: 'object', required: ['k'], properties: { k: { type: 'string' }, v: { type: 'integer' } } },
  }
  const kegs = await define('kegs', version('v1', spec({ ports })))
  const apply = (manager: string, entries: object[]) =>
    kegs.ask(`x?fieldManager=${manager}`, {
      method: 'PATCH',
      headers: { 'content-type': 'application/apply-patch+yaml' },
      body: { apiVersion: 'example.com/v1', kind: 'Keg', metadata: { name: 'x' }, spec: { ports: entries } },
    })
  await apply('one', [{ k: 'a', v: 1 }])
  expect((await apply('two', [{ k: 'b', v: 2 }])).body['spec']).toEqual({
    ports: [
      { k: 'a', v: 1 },
      { k: 'b', v: 2 },
    ],
  })
  expect((await apply('two', [{ k: 'a', v: 3 }])).body['message']).toContain('.spec.ports[k="a"].v')
})

it('publishes the resource in discovery and OpenAPI while it is served', async () => {
  const url = async () =>
    ((await server.ask('/openapi/v3')).body['paths'] as Record<string, { serverRelativeURL: string }>)[
      'apis/example.com/v1'
    ]?.serverRelativeURL
  const before = await url()
  const logs = await define('logs', version('v1', spec({ n: { type: 'integer', nullable: true } })))
  const { text } = await server.ask('/openapi/v3/apis/example.com/v1')
  expect(text).toContain('"com.example.v1.Log"')
  expect(await url()).not.toBe(before)
  expect((await server.ask('/openapi/v2')).text).toContain('"com.example.v1.Log"')
  const resources = (await server.ask('/apis/example.com/v1')).body['resources'] as { name: string }[]
  expect(resources).toContainEqual(expect.objectContaining({ name: 'logs', shortNames: ['lo'], kind: 'Log' }))
  await server.ask(logs.path, { method: 'DELETE' })
  await vi.waitFor(async () => expect((await logs.ask('')).status).toBe(404))
  expect((await server.ask('/openapi/v3/apis/example.com/v1')).text).not.toContain('"com.example.v1.Log"')
})

describe('deletion', () => {
  it('takes instances along, waits for their finalizers, and lets nothing new be made', async () => {
    const masts = await define('masts', version('v1', spec({})))
    await masts.create('free')
    await masts.create('held')
    await masts.ask('held', { method: 'PATCH', headers: merge, body: { metadata: { finalizers: ['example.com/x'] } } })
    const { status, body } = await server.ask(masts.path, { method: 'DELETE' })
    expect([status, body['kind']]).toEqual([200, 'CustomResourceDefinition'])
    await vi.waitFor(async () =>
      expect((await masts.ask('')).body['items']).toMatchObject([{ metadata: { name: 'held' } }]),
    )
    expect((await masts.create('new')).body).toMatchObject({
      code: 405,
      message: 'create not allowed while custom resource definition is terminating',
    })
    await masts.ask('held', { method: 'PATCH', headers: merge, body: { metadata: { finalizers: null } } })
    await vi.waitFor(async () => expect((await server.ask(masts.path)).status).toBe(404))
    expect((await masts.ask('')).status).toBe(404)
  })

  it('frees the names for a definition that waits for them', async () => {
    const nets = await define('nets', version('v1', spec({})))
    const late = crd('nests', [version('v1', spec({}))])
    await server.ask(definitions, {
      method: 'POST',
      body: { ...late, spec: { ...late.spec, names: { ...late.spec.names, kind: 'Net' } } },
    })
    const path = '/apis/example.com/v1/namespaces/default/nests'
    expect((await server.ask(path)).status).toBe(404)
    await server.ask(nets.path, { method: 'DELETE' })
    await vi.waitFor(async () => expect((await server.ask(path)).status).toBe(200))
  })
})
