import { gunzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { noDescriptions } from '../descriptions.ts'
import { ProtoReader } from '../wire/reader.ts'
import type { JsonSchema, ServedKind } from './api.ts'
import { createOpenApi } from './open-api.ts'

const kinds: ServedKind[] = [
  {
    group: '',
    version: 'v1',
    kind: 'Pod',
    plural: 'pods',
    namespaced: true,
    type: 'io.k8s.api.core.v1.Pod',
    subresources: [
      { name: 'status', kind: 'Pod', verbs: ['get', 'patch', 'update'] },
      { name: 'log', kind: 'Pod', verbs: ['get'], connect: 'log' },
    ],
  },
  {
    group: '',
    version: 'v1',
    kind: 'Binding',
    plural: 'bindings',
    namespaced: true,
    type: 'io.k8s.api.core.v1.Binding',
    verbs: ['create'],
  },
  {
    group: 'apps',
    version: 'v1',
    kind: 'Deployment',
    plural: 'deployments',
    namespaced: true,
    type: 'io.k8s.api.apps.v1.Deployment',
    subresources: [
      {
        name: 'scale',
        kind: 'Scale',
        group: 'autoscaling',
        version: 'v1',
        type: 'io.k8s.api.autoscaling.v1.Scale',
        verbs: ['get', 'patch', 'update'],
      },
    ],
  },
  {
    group: 'apiextensions.k8s.io',
    version: 'v1',
    kind: 'CustomResourceDefinition',
    plural: 'customresourcedefinitions',
    namespaced: false,
    type: 'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceDefinition',
  },
  {
    group: 'sea.example.com',
    version: 'v1',
    kind: 'Boat',
    plural: 'boats',
    namespaced: true,
    type: 'com.example.sea.v1.Boat',
    schema: { type: 'object', properties: { spec: { type: 'object' } } },
  },
]
const api = createOpenApi({
  kinds: () => kinds,
  changes: () => 0,
  descriptions: { type: (name) => `about ${name}`, field: () => '' },
  version: 'v1.36.2',
})
// Documents are plain JSON; the tests look into them freely.
type Json = { [key: string]: Json } & { length?: number }
const v3 = (path: string) => JSON.parse(api.groupVersion(path)!.bytes.toString()) as Json
const v2 = JSON.parse(api.v2('json').bytes.toString()) as Json

function referencesIn(value: unknown, found = new Set<string>()): Set<string> {
  if (value && typeof value === 'object')
    for (const [key, item] of Object.entries(value)) {
      if (key === '$ref' && typeof item === 'string') found.add(item.split('/').at(-1)!)
      else referencesIn(item, found)
    }
  return found
}

describe('/openapi/v3', () => {
  it('lists each group and version with a URL that changes with its content', () => {
    const { paths } = JSON.parse(api.index.bytes.toString()) as { paths: Record<string, { serverRelativeURL: string }> }
    expect(Object.keys(paths)).toEqual([
      'api/v1',
      'apis/apiextensions.k8s.io/v1',
      'apis/apps/v1',
      'apis/sea.example.com/v1',
    ])
    expect(paths['apis/apps/v1']!.serverRelativeURL).toBe(
      `/openapi/v3/apis/apps/v1?hash=${api.groupVersion('apis/apps/v1')!.hash}`,
    )
    const other = createOpenApi({
      kinds: () => kinds.slice(2),
      changes: () => 0,
      descriptions: noDescriptions,
      version: 'v1.36.2',
    })
    expect(other.groupVersion('apis/apps/v1')!.hash).toBe(api.groupVersion('apis/apps/v1')!.hash)
    expect(other.index.hash).not.toBe(api.index.hash)
    expect(api.groupVersion('apis/apps/v9')).toBeUndefined()
  })

  it('says on PATCH what kubectl apply looks for: the kind, fieldValidation, strategic merge', () => {
    const patch = v3('apis/apps/v1')['paths']!['/apis/apps/v1/namespaces/{namespace}/deployments/{name}']!['patch']!
    expect(patch['x-kubernetes-group-version-kind']).toEqual({ group: 'apps', kind: 'Deployment', version: 'v1' })
    expect((patch['parameters'] as unknown as { name: string }[]).map(({ name }) => name)).toEqual([
      'dryRun',
      'fieldManager',
      'fieldValidation',
      'force',
    ])
    expect(patch['requestBody']!['content']).toHaveProperty(['application/strategic-merge-patch+json'])
    const custom =
      v3('apis/sea.example.com/v1')['paths']!['/apis/sea.example.com/v1/namespaces/{namespace}/boats/{name}']!['patch']!
    expect(custom['requestBody']!['content']).not.toHaveProperty(['application/strategic-merge-patch+json'])
  })

  it('publishes merge keys, list keys, atomic maps, defaults and enumerations', () => {
    const schemas = v3('api/v1')['components']!['schemas']!
    const spec = schemas['io.k8s.api.core.v1.PodSpec']!['properties']!
    expect(spec['containers']).toMatchObject({
      type: 'array',
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['name'],
      'x-kubernetes-patch-strategy': 'merge',
      'x-kubernetes-patch-merge-key': 'name',
    })
    expect(spec['volumes']).toMatchObject({ 'x-kubernetes-patch-strategy': 'merge,retainKeys' })
    expect(spec['nodeSelector']).toMatchObject({
      'x-kubernetes-map-type': 'atomic',
      additionalProperties: { type: 'string' },
    })
    expect(spec['restartPolicy']).toMatchObject({ enum: ['Always', 'Never', 'OnFailure'] })
    expect(schemas['io.k8s.api.core.v1.Pod']).toMatchObject({
      description: 'about io.k8s.api.core.v1.Pod',
      'x-kubernetes-group-version-kind': [{ group: '', kind: 'Pod', version: 'v1' }],
      properties: {
        metadata: {
          default: {},
          allOf: [{ $ref: '#/components/schemas/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta' }],
        },
      },
    })
  })

  it('serves the verbs of a kind and no others', () => {
    const paths = v3('api/v1')['paths']!
    expect(Object.keys(paths)).toEqual([
      '/api/v1/namespaces/{namespace}/bindings',
      '/api/v1/namespaces/{namespace}/pods',
      '/api/v1/namespaces/{namespace}/pods/{name}',
      '/api/v1/namespaces/{namespace}/pods/{name}/log',
      '/api/v1/namespaces/{namespace}/pods/{name}/status',
      '/api/v1/pods',
    ])
    expect(Object.keys(paths['/api/v1/namespaces/{namespace}/bindings']!)).toEqual(['parameters', 'post'])
    expect(paths['/api/v1/namespaces/{namespace}/pods']!['delete']).toMatchObject({
      'x-kubernetes-action': 'deletecollection',
      operationId: 'deleteCoreV1CollectionNamespacedPod',
    })
    expect(
      v3('apis/apps/v1')['paths']!['/apis/apps/v1/namespaces/{namespace}/deployments/{name}/scale']!['get'],
    ).toMatchObject({ 'x-kubernetes-group-version-kind': { group: 'autoscaling', kind: 'Scale', version: 'v1' } })
  })

  it.each(['api/v1', 'apis/apps/v1', 'apis/apiextensions.k8s.io/v1', 'apis/sea.example.com/v1'])(
    'defines in %s everything that it refers to',
    (path) => {
      const document = v3(path)
      const defined = new Set(Object.keys(document['components']!['schemas']!))
      expect([...referencesIn(document)].filter((name) => !defined.has(name))).toEqual([])
    },
  )

  it('gives no operation id twice', () => {
    const ids = Object.values(v3('api/v1')['paths']!).flatMap((path) =>
      Object.values(path as JsonSchema).flatMap((operation) => (operation as JsonSchema)['operationId'] ?? []),
    )
    expect(new Set(ids).size).toBe(ids.length)
  })
})

describe('/openapi/v2', () => {
  it('defines everything that it refers to', () => {
    const defined = new Set(Object.keys(v2['definitions']!))
    expect([...referencesIn(v2)].filter((name) => !defined.has(name))).toEqual([])
    expect(v2['definitions']!['io.k8s.apimachinery.pkg.api.resource.Quantity']).toMatchObject({ type: 'string' })
  })

  it('says the same in gnostic protobuf', () => {
    const definitions: string[] = []
    const paths: string[] = []
    for (const document = new ProtoReader(api.v2('protobuf').bytes); document.more;) {
      const { number, wire } = document.tag()
      if (number === 8 || number === 9) readNames(document.message(), number === 8 ? paths : definitions)
      else document.skip(wire)
    }
    expect(definitions).not.toEqual([])
    expect(definitions).toEqual(Object.keys(v2['definitions']!))
    expect(paths).toEqual(Object.keys(v2['paths']!))
  })

  function readNames(members: ProtoReader, into: string[]): void {
    while (members.more) {
      members.tag()
      const member = members.message()
      member.tag()
      into.push(member.string())
    }
  }
})

it('keeps documents as bytes, and compresses them once', () => {
  const document = api.groupVersion('api/v1')!
  expect(api.groupVersion('api/v1')).toBe(document)
  expect(document.gzipped).toBe(document.gzipped)
  expect(gunzipSync(document.gzipped).equals(document.bytes)).toBe(true)
})
