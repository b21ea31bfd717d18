import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { KubeObject } from '#shared/kube/object.ts'
import { namespaces, type ResourceType } from '#shared/kube/resources.ts'
import { fullServer, type FullServer } from '../../testing/full-server.ts'
import { bindPolicy, object } from './testing.ts'

const definitions: ResourceType = {
  group: 'apiextensions.k8s.io',
  version: 'v1',
  plural: 'customresourcedefinitions',
  kind: 'CustomResourceDefinition',
  namespaced: false,
}
const widgets = (version: string): ResourceType => ({
  group: 'example.com',
  version,
  plural: 'widgets',
  kind: 'Widget',
  namespaced: true,
})

const schema = {
  openAPIV3Schema: {
    type: 'object',
    properties: {
      spec: {
        type: 'object',
        properties: {
          size: { type: 'integer' },
          mode: { type: 'string', default: 'auto' },
          tags: { type: 'array', items: { type: 'string' }, 'x-kubernetes-list-type': 'set' },
        },
      },
    },
  },
}

let server: FullServer
beforeEach(async () => {
  server = await fullServer()
  await server.client.create(namespaces, object('v1', 'Namespace', { name: 'a' }))
  const version = (name: string, storage: boolean) => ({ name, served: true, storage, schema })
  await server.client.create(
    definitions,
    object(
      'apiextensions.k8s.io/v1',
      'CustomResourceDefinition',
      { name: 'widgets.example.com' },
      {
        spec: {
          group: 'example.com',
          scope: 'Namespaced',
          names: { plural: 'widgets', kind: 'Widget' },
          versions: [version('v1', true), version('v2', false)],
        },
      },
    ),
  )
})
afterEach(() => server[Symbol.asyncDispose]())

const on = (versions: readonly string[]) => ({
  resourceRules: [
    { apiGroups: ['example.com'], apiVersions: versions, resources: ['widgets'], operations: ['CREATE'] },
  ],
})

async function create(version: string, spec: object): Promise<KubeObject> {
  const widget = object(`example.com/${version}`, 'Widget', { name: 'w', namespace: 'a' }, { spec })
  for (;;) {
    try {
      return await server.client.create(widgets(version), widget)
    } catch (error) {
      // Kinds are served a moment after they are defined.
      if ((error as { code?: number }).code !== 404) throw error
      await new Promise((resolve) => setImmediate(resolve))
    }
  }
}

describe('policies on custom resources', () => {
  it('validate them in the version that their rules name', async () => {
    await bindPolicy(server.client, 'validating', {
      spec: {
        matchConstraints: on(['v2']),
        validations: [{ expression: 'object.apiVersion == "example.com/v2" && object.spec.size < 3' }],
      },
    })
    await expect(create('v1', { size: 3 })).rejects.toThrow('failed expression')
    await create('v1', { size: 2 })
  })

  it('mutate them by their schema, which then defaults and prunes', async () => {
    const expression = 'Object{spec: Object.spec{tags: ["b"], size: object.spec.size + 1, unknown: "x"}}'
    await bindPolicy(server.client, 'mutating', {
      spec: {
        reinvocationPolicy: 'Never',
        matchConstraints: on(['v1']),
        mutations: [{ patchType: 'ApplyConfiguration', applyConfiguration: { expression } }],
      },
    })
    const made = await create('v1', { size: 1, tags: ['a'] })
    expect(made).toMatchObject({ spec: { size: 2, mode: 'auto', tags: ['a', 'b'] } })
    expect((made as KubeObject & { spec: object }).spec).not.toHaveProperty('unknown')
  })
})
