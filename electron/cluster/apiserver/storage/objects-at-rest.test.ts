import { describe, expect, it } from 'vitest'
import type { KubeObject } from '#shared/kube/object.ts'
import { decodeProtobuf, encodeProtobuf, openEnvelope } from '../../schema/protobuf.ts'
import { typeNamed } from '../../schema/table.ts'
import { kinds } from '../registry/index.ts'
import { encodeStored } from './codec.ts'
import { ObjectsAtRest } from './objects-at-rest.ts'

const atRest = new ObjectsAtRest(kinds)
const stored = (object: object, revision = 7) => encodeStored(structuredClone(object) as KubeObject, revision).value
const parsed = (value: Buffer) => JSON.parse(value.toString()) as Record<string, unknown>

const defined = (strategy: 'None' | 'Webhook') => {
  const versions = [
    { name: 'v1alpha1', storage: false },
    { name: 'v1', storage: true },
  ]
  const spec = { group: 'x.io', names: { kind: 'Thing', plural: 'things' }, versions, conversion: { strategy } }
  return stored({ metadata: { name: 'things.x.io' }, spec })
}

const map = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'x', namespace: 'a' }, data: { k: 'v' } }

it('keeps built-in kinds as protobuf in an envelope that names them, without a resourceVersion', () => {
  const bytes = atRest.encode('/registry/configmaps/a/x', stored(map))
  expect(bytes.subarray(0, 4).toString()).toBe('k8s\0')
  const envelope = openEnvelope(bytes)
  expect(envelope).toMatchObject({ apiVersion: 'v1', kind: 'ConfigMap', contentType: '' })
  expect(decodeProtobuf(typeNamed('io.k8s.api.core.v1.ConfigMap'), envelope).object).toEqual(map)
})

it('gives back what was written, as of the revision that etcd says', () => {
  const key = '/registry/configmaps/a/x'
  expect(parsed(atRest.decode(key, atRest.encode(key, stored(map, 7)), 9))).toEqual(parsed(stored(map, 9)))
  expect(parsed(atRest.restamp(key, stored(map, 7), 9))).toEqual(parsed(stored(map, 9)))
})

it.each([
  ['apiextensions.k8s.io/v1', 'CustomResourceDefinition', 'apiextensions.k8s.io/customresourcedefinitions/things.x.io'],
  ['apiregistration.k8s.io/v1', 'APIService', 'apiregistration.k8s.io/apiservices/v1.x.io'],
])('keeps a %s %s as JSON, as upstream does', (apiVersion, kind, key) => {
  const object = { apiVersion, kind, metadata: { name: 'x' }, spec: { group: 'x.io' } }
  const bytes = atRest.encode(`/registry/${key}`, stored(object))
  expect(parsed(bytes)).toEqual(object)
  expect(parsed(atRest.decode(`/registry/${key}`, bytes, 7))).toMatchObject({ metadata: { resourceVersion: '7' } })
})

it('keeps custom resources as JSON under their group, once it has been told of their kind', () => {
  const own = new ObjectsAtRest(kinds)
  const key = '/registry/x.io/things/a/one'
  expect(() => own.encode(key, stored({ metadata: { name: 'one' } }))).toThrow('belongs to no kind')
  own.explaining.explain(defined('None'))
  const object = { apiVersion: 'x.io/v1', kind: 'Thing', metadata: { name: 'one' }, spec: { any: [1.5, null] } }
  const bytes = own.encode(key, stored(object))
  expect(parsed(bytes)).toEqual(object)
  expect(parsed(own.decode(key, bytes, 7))).toEqual(parsed(stored(object)))
})

it('has custom resources that a webhook converts say in memory too which version they lie in', () => {
  const key = '/registry/x.io/things/a/one'
  const bytes = Buffer.from(JSON.stringify({ apiVersion: 'x.io/v1alpha1', kind: 'Thing', metadata: { name: 'one' } }))
  const versions = (['None', 'Webhook'] as const).map((strategy) => {
    const own = new ObjectsAtRest(kinds)
    own.explaining.explain(defined(strategy))
    const value = own.decode(key, bytes, 7)
    return [
      parsed(value)['apiVersion'],
      parsed(own.restamp(key, value, 8))['apiVersion'],
      parsed(own.encode(key, value)),
    ]
  })
  const written = (apiVersion: string) => ({ apiVersion, kind: 'Thing', metadata: { name: 'one' } })
  expect(versions).toEqual([
    [undefined, undefined, written('x.io/v1')],
    ['x.io/v1alpha1', 'x.io/v1alpha1', written('x.io/v1alpha1')],
  ])
})

it('keeps built-in kinds as they are kept, whatever a definition says', () => {
  const own = new ObjectsAtRest(kinds)
  const names = { kind: 'Odd', plural: 'apiservices' }
  const spec = { group: 'apiregistration.k8s.io', names, versions: [{ name: 'v9', storage: true }] }
  own.explaining.explain(stored({ metadata: { name: 'x' }, spec }))
  const bytes = own.encode('/registry/apiregistration.k8s.io/apiservices/v1.x.io', stored({ metadata: { name: 'x' } }))
  expect(parsed(bytes)).toMatchObject({ apiVersion: 'apiregistration.k8s.io/v1', kind: 'APIService' })
})

it('reads another version than the one stored here, with the defaults of today', () => {
  const old = {
    metadata: { name: 'x', namespace: 'a' },
    spec: { maxReplicas: 3, scaleTargetRef: { kind: 'Deployment', name: 'd' }, targetCPUUtilizationPercentage: 40 },
    status: { currentReplicas: 0, desiredReplicas: 0 },
  }
  const meta = { apiVersion: 'autoscaling/v1', kind: 'HorizontalPodAutoscaler' }
  const bytes = encodeProtobuf(typeNamed('io.k8s.api.autoscaling.v1.HorizontalPodAutoscaler'), old, meta)
  const value = parsed(atRest.decode('/registry/horizontalpodautoscalers/a/x', bytes, 7)) as { spec: object }
  expect(value.spec).toMatchObject({
    minReplicas: 1,
    metrics: [{ type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 40 } } }],
  })
})

it('refuses kinds that it does not know, and bytes that are no object', () => {
  const foreign = encodeProtobuf(typeNamed('io.k8s.api.core.v1.ConfigMap'), map, { apiVersion: 'v9', kind: 'Odd' })
  expect(() => atRest.decode('/registry/odds/x', foreign, 1)).toThrow('v9 Odd are not known here')
  expect(() => atRest.decode('/registry/pods/a/x', Buffer.from('k8s:enc:aescbc:v1:'), 1)).toThrow()
})

describe('keys', () => {
  /** Source: kube-apiserver's SpecialDefaultResourcePrefixes, and the group prefixes of its two delegates. */
  const special: Record<string, string> = {
    replicationcontrollers: 'controllers',
    endpoints: 'services/endpoints',
    nodes: 'minions',
    services: 'services/specs',
    ingresses: 'ingress',
    customresourcedefinitions: 'apiextensions.k8s.io/customresourcedefinitions',
    apiservices: 'apiregistration.k8s.io/apiservices',
  }
  it('are those of upstream for every kind', () => {
    const own = kinds.map(({ plural, storagePrefix }) => [plural, storagePrefix ?? plural])
    expect(own).toEqual(kinds.map(({ plural }) => [plural, special[plural] ?? plural]))
  })
})
