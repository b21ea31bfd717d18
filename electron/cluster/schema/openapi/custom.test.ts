import { expect, it } from 'vitest'
import { noDescriptions } from '../descriptions.ts'
import type { ServedKind } from './api.ts'
import { customSchemas } from './custom.ts'

const kind = (schema: object, more: Partial<ServedKind> = {}): ServedKind => ({
  group: 'example.com',
  version: 'v1',
  kind: 'Boat',
  plural: 'boats',
  namespaced: true,
  type: 'com.example.v1.Boat',
  schema: { type: 'object', ...schema },
  ...more,
})
const published = (of: ServedKind, dialect: 'v2' | 'v3') => customSchemas([of], dialect, noDescriptions)[of.type]!

it('leaves out of the old document what it cannot say', () => {
  const spec = {
    type: 'object',
    required: ['a', 'b'],
    oneOf: [{ required: ['a'] }],
    properties: {
      a: { type: 'string', nullable: true },
      b: { 'x-kubernetes-int-or-string': true, anyOf: [{ type: 'integer' }, { type: 'string' }] },
      c: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true, properties: { d: { type: 'string' } } },
    },
  }
  const { spec: inV2 } = published(kind({ properties: { spec } }), 'v2')['properties'] as Record<string, unknown>
  expect(inV2).toEqual({
    type: 'object',
    required: ['b'],
    properties: {
      a: {},
      b: { 'x-kubernetes-int-or-string': true },
      c: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
    },
  })
  const { spec: inV3 } = published(kind({ properties: { spec } }), 'v3')['properties'] as Record<string, unknown>
  expect(inV3).toEqual(spec)
})

it('names no fields in the old document where others are preserved at the root', () => {
  const open = kind({ 'x-kubernetes-preserve-unknown-fields': true, properties: { spec: { type: 'object' } } })
  expect(published(open, 'v2')).not.toHaveProperty('properties')
  expect(published(open, 'v3')).toHaveProperty('properties.spec')
})

it('gives embedded resources metadata, and says what is selectable', () => {
  const template = { type: 'object', 'x-kubernetes-embedded-resource': true, properties: { x: { type: 'string' } } }
  const schema = published(kind({ properties: { template } }, { selectableFields: { 'spec.x': () => '' } }), 'v3')
  expect(schema).toMatchObject({
    properties: { template: { properties: { x: {}, kind: {}, apiVersion: {}, metadata: {} } } },
    'x-kubernetes-selectable-fields': [{ fieldPath: 'spec.x' }],
  })
})

it('describes the fields of every object in the words of the built-in kinds', () => {
  // The typed client has no class PartialObjectMetadata.
  const field = (type: string, name: string) => (type.startsWith('io.k8s.api.') ? `${name} as in ${type}` : '')
  const schemas = customSchemas([kind({})], 'v3', { ...noDescriptions, field })
  const described = (name: string) => ({ description: expect.stringMatching(`^${name} as in `) })
  const head = { apiVersion: described('apiVersion'), kind: described('kind'), metadata: described('metadata') }
  expect(schemas['com.example.v1.Boat']).toMatchObject({ properties: head })
  expect(schemas['com.example.v1.BoatList']).toMatchObject({ properties: head })
})
