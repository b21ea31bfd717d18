import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { configMaps, deployments, namespaces, type ResourceType } from '#shared/kube/resources.ts'
import { fullServer, type FullServer } from '../../testing/full-server.ts'
import { bindPolicy, configMap, object, registrations } from './testing.ts'

let server: FullServer
beforeEach(async () => {
  server = await fullServer()
  await server.client.create(namespaces, object('v1', 'Namespace', { name: 'a' }))
})
afterEach(() => server[Symbol.asyncDispose]())

const apply = (expression: string) => ({ patchType: 'ApplyConfiguration', applyConfiguration: { expression } })
const patch = (expression: string) => ({ patchType: 'JSONPatch', jsonPatch: { expression } })
const policy = (spec: object, binding: object = {}, name = 'p') =>
  bindPolicy(server.client, 'mutating', { name, spec: { reinvocationPolicy: 'Never', ...spec }, binding })
const create = (data: Record<string, string> = { a: '1' }, metadata: object = {}) =>
  server.client.create(configMaps, configMap(data, metadata))

describe('a mutating policy', () => {
  it('merges an apply configuration into the object', async () => {
    await policy({
      mutations: [
        apply('Object{metadata: Object.metadata{labels: {"made-by": "policy"}}, data: {"b": object.data.a + "!"}}'),
      ],
    })
    const made = await create({ a: '1' }, { labels: { own: 'x' } })
    expect(made).toMatchObject({
      metadata: { labels: { own: 'x', 'made-by': 'policy' } },
      data: { a: '1', b: '1!' },
    })
  })

  it('merges lists by their keys', async () => {
    const matchConstraints = {
      resourceRules: [{ apiGroups: ['apps'], apiVersions: ['v1'], resources: ['deployments'], operations: ['CREATE'] }],
    }
    const expression =
      'Object{spec: Object.spec{template: Object.spec.template{spec: Object.spec.template.spec{containers: ' +
      '[Object.spec.template.spec.containers{name: "c", imagePullPolicy: "Always"}, Object.spec.template.spec.containers{name: "side", image: "s"}]}}}}'
    await policy({ matchConstraints, mutations: [apply(expression)] })
    const made = await server.client.create(
      deployments as ResourceType,
      object(
        'apps/v1',
        'Deployment',
        { name: 'd', namespace: 'a' },
        {
          spec: {
            selector: { matchLabels: { a: 'b' } },
            template: { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', image: 'i' }] } },
          },
        },
      ),
    )
    expect(made).toMatchObject({
      spec: {
        template: {
          spec: {
            containers: [
              { name: 'c', image: 'i', imagePullPolicy: 'Always' },
              // Defaulted like what clients send.
              { name: 'side', image: 's', imagePullPolicy: 'Always', terminationMessagePath: '/dev/termination-log' },
            ],
          },
        },
      },
    })
  })

  it('applies JSON patches, whose failing test changes nothing', async () => {
    await policy({
      variables: [{ name: 'key', expression: '"example.com/by"' }],
      mutations: [
        patch(
          '[JSONPatch{op: "test", path: "/data/a", value: "1"}, JSONPatch{op: "add", path: "/data/b", value: "2"}, ' +
            'JSONPatch{op: "add", path: "/metadata/annotations", value: {"x": "y"}}, ' +
            'JSONPatch{op: "add", path: "/metadata/annotations/" + jsonpatch.escapeKey(variables.key), value: string(1 + 1)}]',
        ),
      ],
    })
    expect(await create({ a: '1' })).toMatchObject({
      data: { a: '1', b: '2' },
      metadata: { annotations: { x: 'y', 'example.com/by': '2' } },
    })
    const other = await create({ a: '0' }, { name: 'd' })
    expect((other as unknown as { data: object }).data).toEqual({ a: '0' })
  })

  it('is run again when a later one changed the object, if it asks to', async () => {
    const count = (name: string, reinvocationPolicy: string) =>
      policy(
        {
          reinvocationPolicy,
          mutations: [
            apply(`Object{data: {"${name}": "ran" + (has(object.data.${name}) ? object.data.${name} : "")}}`),
          ],
        },
        {},
        name,
      )
    await count('a1', 'IfNeeded')
    await count('a2', 'Never')
    const made = await create({ x: '1' })
    expect(made).toMatchObject({ data: { a1: 'ranran', a2: 'ran' } })
  })

  it('refuses what would replace atomic fields, and what does not fit its place', async () => {
    const matchConstraints = {
      resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], resources: ['pods'], operations: ['CREATE'] }],
    }
    await policy({
      matchConstraints,
      mutations: [apply('Object{spec: Object.spec{nodeSelector: Object.spec.nodeSelector{a: "b"}}}')],
    })
    const pod = object(
      'v1',
      'Pod',
      { name: 'p', namespace: 'a' },
      { spec: { containers: [{ name: 'c', image: 'i' }] } },
    )
    await server.client.create(
      { group: '', version: 'v1', plural: 'serviceaccounts', kind: 'ServiceAccount', namespaced: true },
      object('v1', 'ServiceAccount', { name: 'default', namespace: 'a' }),
    )
    const pods = { group: '', version: 'v1', plural: 'pods', kind: 'Pod', namespaced: true }
    await expect(server.client.create(pods, pod)).rejects.toThrow(
      `policy 'p' with binding 'p-b' denied request: error applying patch: invalid ApplyConfiguration: may not mutate atomic arrays, maps or structs: .spec.nodeSelector`,
    )
    await server.client.delete(registrations.mutatingBindings, { name: 'p-b' })
    await policy({ mutations: [apply('Object{metadata: Object.spec{}}')] }, {}, 'wrong')
    await expect(create()).rejects.toThrow('unexpected type name "Object.spec", expected "Object.metadata"')
  })
})

describe('what is wrong with an expression', () => {
  it('is said when the policy is written', async () => {
    await expect(policy({ mutations: [apply('Object{x')] })).rejects.toThrow(
      `spec.mutations[0].applyConfiguration.expression: Invalid value: "Object{x": compilation failed: ERROR: <input>:1:9: Syntax error: mismatched input '<EOF>' expecting ':'`,
    )
    await expect(policy({ mutations: [patch('1')] })).rejects.toThrow('must evaluate to list(JSONPatch) but got int')
    await expect(
      bindPolicy(server.client, 'validating', {
        spec: {
          variables: [{ name: 'v', expression: '1' }],
          validations: [{ expression: 'variables.v + "a" == "1a"' }],
        },
      }),
    ).rejects.toThrow("found no matching overload for '_+_' applied to '(int, string)'")
  })
})
