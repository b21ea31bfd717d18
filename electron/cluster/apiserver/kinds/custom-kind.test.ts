import { expect, it } from 'vitest'
import { openMemoryStore } from '../../store/memory.ts'
import { customKinds } from '../crd/definition.ts'
import type { Crd, Schema } from '../registry/apiextensions/types.ts'
import { KindIndex } from './kind-index.ts'

const crd = (properties: Record<string, Schema>): Crd => ({
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'boats.example.com' },
  spec: {
    group: 'example.com',
    scope: 'Namespaced',
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        schema: { openAPIV3Schema: { type: 'object', properties: { spec: { type: 'object', properties } } } },
      },
    ],
  },
  status: { acceptedNames: { plural: 'boats', singular: 'boat', kind: 'Boat', listKind: 'BoatList' } },
})

it('brings up to date what a writer that began under the older schema stored late', async () => {
  const store = openMemoryStore()
  const index = new KindIndex({ store, kinds: [], freeze: true })
  const serve = (properties: Record<string, Schema>) => {
    index.replace('example.com', 'boats', customKinds(crd(properties), { since: store.revision }).served)
    return index.find('example.com', 'v1', 'boats')!
  }
  const before = serve({ a: { type: 'string' } })
  const after = serve({ b: { type: 'string', default: 'b' } })
  const late = { metadata: { name: 'x', namespace: 'n' }, spec: { a: 'a' } }
  const entry = await before.objects.put(before.objects.keyOf('n', 'x'), late, 0)
  expect(JSON.parse(after.bytes(entry).toString())).toMatchObject({ spec: { b: 'b' } })
})

it('answers with the very bytes that are stored, and makes others only where the schema became another', async () => {
  const store = openMemoryStore()
  const index = new KindIndex({ store, kinds: [], freeze: true })
  const serve = (properties: Record<string, Schema>) => {
    index.replace('example.com', 'boats', customKinds(crd(properties), { since: store.revision }).served)
    return index.find('example.com', 'v1', 'boats')!
  }
  const first = serve({ a: { type: 'string' } })
  const object = { metadata: { name: 'x', namespace: 'n' }, spec: { a: 'a' } }
  const entry = await first.objects.put(first.objects.keyOf('n', 'x'), object, 0)
  expect(first.bytes(entry)).toBe(entry.value)
  const same = serve({ a: { type: 'string' }, b: { type: 'string' } })
  expect(same.bytes(entry)).toBe(entry.value)
  const other = serve({ b: { type: 'string', default: 'b' } })
  expect(JSON.parse(other.bytes(entry).toString())).toMatchObject({ spec: { b: 'b' } })
  expect(other.bytes(entry)).toBe(other.bytes(entry))
  expect(other.object(entry)).toMatchObject({ apiVersion: 'example.com/v1', kind: 'Boat', spec: { b: 'b' } })
})
