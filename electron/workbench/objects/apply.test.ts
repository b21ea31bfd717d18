import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { ApplyOutcome } from '#shared/ipc/objects.ts'
import type { ResourceInfo } from '#shared/ipc/contexts.ts'
import type { KubeObject } from '#shared/kube/object.ts'
import { notFound, statusFailure } from '#shared/kube/status.ts'
import { ApiConnection } from '../connections/api-connection.ts'
import { discover } from '../connections/discovery.ts'
import { FakeApiServer } from '../testing/fake-api-server.ts'
import { applyYaml, type ApplyRequest } from './apply.ts'

let server: FakeApiServer
let connection: ApiConnection
let known: ResourceInfo[] | undefined
beforeEach(async () => {
  server = await FakeApiServer.start()
  connection = new ApiConnection(server.access())
  known = undefined
  server.resources = [
    { group: '', version: 'v1', plural: 'configmaps', kind: 'ConfigMap', namespaced: true },
    { group: '', version: 'v1', plural: 'namespaces', kind: 'Namespace', namespaced: false },
    {
      group: 'autoscaling',
      version: 'v2',
      plural: 'horizontalpodautoscalers',
      kind: 'HorizontalPodAutoscaler',
      namespaced: true,
    },
    {
      group: 'autoscaling',
      version: 'v1',
      plural: 'horizontalpodautoscalers',
      kind: 'HorizontalPodAutoscaler',
      namespaced: true,
    },
    {
      group: 'apiextensions.k8s.io',
      version: 'v1',
      plural: 'customresourcedefinitions',
      kind: 'CustomResourceDefinition',
      namespaced: false,
    },
  ]
})
afterEach(() => server[Symbol.asyncDispose]())

const maps = { group: '', version: 'v1', plural: 'configmaps', namespace: 'default' }
const apply = (yaml: string, wish: Partial<ApplyRequest> = {}): Promise<ApplyOutcome[]> =>
  applyYaml(
    { yaml, namespace: 'default', dryRun: false, ...wish },
    {
      connection,
      kinds: async (fresh) => (known = (fresh ? undefined : known) ?? (await discover(connection))),
      signal: new AbortController().signal,
    },
  )
const map = (name: string, data = 'a: b', more = '') =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: ${name}\n${more}data:\n  ${data}\n`
const words = (outcomes: ApplyOutcome[]) => outcomes.map(({ name, outcome }) => `${name} ${outcome}`)

it('says of each document what came of it, before and after', async () => {
  server.store.put(maps, {
    kind: 'ConfigMap',
    metadata: { name: 'old', managedFields: [{ manager: 'x' }] },
    data: { a: 'b' },
  } as never)
  server.store.put(maps, { kind: 'ConfigMap', metadata: { name: 'changed' }, data: { a: 'x' } } as never)
  server.warnings = ['be careful']
  const outcomes = await apply([map('new'), map('old'), map('changed')].join('---\n'))
  expect(words(outcomes)).toEqual(['new created', 'old unchanged', 'changed configured'])
  expect(outcomes[0]).toMatchObject({ namespace: 'default', line: 1, warnings: ['be careful'], kind: 'ConfigMap' })
  expect(outcomes[0]!.before).toBeUndefined()
  expect(outcomes[2]!.before).toContain('a: x')
  expect(outcomes[2]!.after).toContain('a: b')
  expect(outcomes[1]!.before).not.toContain('managedFields')
})

it('asks for server-side apply, strictly, as itself, and takes over only when told to', async () => {
  await apply(map('a'))
  await apply(map('a'), { force: true, dryRun: true })
  const patches = server.asked(/^PATCH/)
  expect(patches.map(({ query }) => Object.fromEntries(query))).toEqual([
    { fieldManager: 'wheelhouse', fieldValidation: 'Strict' },
    { fieldManager: 'wheelhouse', fieldValidation: 'Strict', dryRun: 'All', force: 'true' },
  ])
  expect(patches[0]!.headers['content-type']).toBe('application/apply-patch+yaml')
})

it('tells whose fields are in the way', async () => {
  const message = 'Apply failed with 1 conflict: conflict with "kubectl" using v1: .data.a'
  server.fault = ({ method }) =>
    method === 'PATCH'
      ? statusFailure(409, 'Conflict', message, {
          causes: [{ reason: 'FieldManagerConflict', message: 'conflict with "kubectl" using v1', field: '.data.a' }],
        })
      : undefined
  const [outcome] = await apply(map('a'))
  expect(outcome).toMatchObject({
    outcome: 'failed',
    error: { code: 409, message, cure: expect.stringMatching(/overwrite/) as string, causes: [{ field: '.data.a' }] },
  })
})

it('goes on after a document that fails, and names the fields', async () => {
  const outcomes = await apply([map('bad', 'a: b', 'bad: true\n'), map('good')].join('---\n'))
  expect(words(outcomes)).toEqual(['bad failed', 'good created'])
  expect(outcomes[0]!.error).toMatchObject({ code: 422, reason: 'Invalid', causes: [{ field: 'bad' }] })
})

it('leaves out what belongs to one state of an object, so that a pasted `get -o yaml` applies', async () => {
  await apply(
    'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, uid: u, resourceVersion: "7", creationTimestamp: "2020-01-01T00:00:00Z", generation: 3, managedFields: [], labels: {x: z}}\nstatus: {}\n',
  )
  expect(JSON.parse(server.asked(/^PATCH/)[0]!.body)).toEqual({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'a', labels: { x: 'z' }, namespace: 'default' },
  })
})

it('knows every version that the server has, not only the preferred one', async () => {
  const outcomes = await apply('apiVersion: autoscaling/v1\nkind: HorizontalPodAutoscaler\nmetadata: {name: a}\n')
  expect(words(outcomes)).toEqual(['a created'])
  expect(server.asked(/PATCH \/apis\/autoscaling\/v1\//)).toHaveLength(1)
})

it('puts cluster-wide objects into no namespace', async () => {
  const [outcome] = await apply('apiVersion: v1\nkind: Namespace\nmetadata: {name: team}\n')
  expect(outcome!.namespace).toBeUndefined()
  expect(server.asked(/PATCH \/api\/v1\/namespaces\/team\?/)).toHaveLength(1)
})

it.each(['..', '.', 'a/b', '""', '{}'])('refuses the name %s before it becomes a path', async (name) => {
  const outcomes = await apply(map(name))
  expect(outcomes).toMatchObject([{ outcome: 'failed', error: { reason: 'BadYaml' } }])
  expect(server.asked(/^(PATCH|PUT|DELETE)/)).toEqual([])
})

it('sends nothing when the text is broken', async () => {
  await expect(apply(`${map('a')}---\na: [`)).rejects.toMatchObject({ reason: 'BadYaml' })
  await expect(apply('# nothing\n')).rejects.toMatchObject({ message: 'There is no object in the text.' })
  expect(server.requests).toEqual([])
})

it('keeps what came of the others when the server goes away in between', async () => {
  server.fault = ({ path }) => (path.endsWith('/b') ? 'cut' : undefined)
  const outcomes = await apply([map('a'), map('b'), map('c')].join('---\n'))
  expect(words(outcomes)).toEqual(['a created', 'b failed', 'c created'])
  expect(outcomes[1]!.error).toMatchObject({ reason: 'Unreachable' })
})

describe('editing one object', () => {
  const stored = () =>
    server.store.put(maps, { kind: 'ConfigMap', metadata: { name: 'a' }, data: { a: 'b', c: 'd' } } as KubeObject)

  it('replaces it, so that what was removed is removed', async () => {
    const { metadata } = stored()
    const outcomes = await apply(map('a', 'a: x'), { resourceVersion: metadata!.resourceVersion })
    expect(words(outcomes)).toEqual(['a configured'])
    expect(server.store.get(maps, 'a')).toMatchObject({ data: { a: 'x' } })
    expect(outcomes[0]!.after).not.toContain('c: d')
  })

  it('is refused when the object changed since, or is gone', async () => {
    const { metadata } = stored()
    stored()
    const conflict = {
      outcome: 'failed',
      error: { code: 409, reason: 'Conflict', cure: expect.stringContaining('reload') as string },
    }
    expect(await apply(map('a'), { resourceVersion: metadata!.resourceVersion })).toMatchObject([conflict])
    server.store.remove(maps, 'a')
    expect(await apply(map('a'), { resourceVersion: metadata!.resourceVersion })).toMatchObject([
      { outcome: 'failed', error: { code: 409 } },
    ])
    expect(server.asked(/^PUT/)).toEqual([])
  })

  it('means one object', async () => {
    await expect(apply([map('a'), map('b')].join('---\n'), { resourceVersion: '1' })).rejects.toMatchObject({
      reason: 'BadYaml',
    })
  })
})

describe('what a text brings along', () => {
  const crd =
    'apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: widgets.x.io}\nspec: {group: x.io, names: {kind: Widget, plural: widgets}, versions: [{name: v1}]}\n'
  const widget = 'apiVersion: x.io/v1\nkind: Widget\nmetadata: {name: w}\n'

  it('a kind: is waited for, and in a dry run taken on trust', async () => {
    const [, dry] = await apply(`${crd}---\n${widget}`, { dryRun: true })
    expect(dry).toMatchObject({ outcome: 'created', warnings: [expect.stringContaining('kind comes with this text')] })
    server.fault = ({ path, method }) => {
      if (method === 'PATCH' && path.includes('customresourcedefinitions'))
        setTimeout(
          () =>
            server.resources.push({
              group: 'x.io',
              version: 'v1',
              plural: 'widgets',
              kind: 'Widget',
              namespaced: true,
            }),
          300,
        )
      return undefined
    }
    expect(words(await apply(`${crd}---\n${widget}`))).toEqual(['widgets.x.io created', 'w created'])
  })

  it('a namespace: in a dry run what is in it cannot be checked', async () => {
    server.fault = ({ path, method }) =>
      method === 'PATCH' && path.includes('/namespaces/team/')
        ? notFound({ group: '', plural: 'namespaces' }, 'team')
        : undefined
    const text = `apiVersion: v1\nkind: Namespace\nmetadata: {name: team}\n---\n${map('a', 'a: b', '  namespace: team\n')}`
    expect(await apply(text, { dryRun: true })).toMatchObject([
      { outcome: 'created' },
      { outcome: 'created', warnings: [expect.stringContaining('namespace comes with this text')] },
    ])
    expect(await apply(map('a', 'a: b', '  namespace: team\n'), { dryRun: true })).toMatchObject([
      { outcome: 'failed', error: { code: 404 } },
    ])
  })

  it('of which the server has never heard is named', async () => {
    expect(await apply(widget)).toMatchObject([
      {
        outcome: 'failed',
        error: { message: 'The cluster has no kind Widget in x.io/v1.', cure: expect.any(String) as string },
      },
    ])
  })
})
