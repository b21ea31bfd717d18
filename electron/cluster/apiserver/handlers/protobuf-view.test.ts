import { expect, it, vi } from 'vitest'
import { decodeProtobuf, openEnvelope } from '../../schema/protobuf.ts'
import { typeNamed } from '../../schema/table.ts'
import { kinds } from '../registry/index.ts'
import { listEntries } from '../storage/list.ts'
import { configMap, smallCore } from '../testing/small-core.ts'
import { gather } from '../transport/gather.ts'
import { protobufMetadataView, protobufView } from './protobuf-view.ts'

const everything = { namespace: 'a', labels: [], fields: [], limit: 0, continue: '', revision: undefined, exact: false }

/** Ten config maps of a kilobyte, and a page of them. */
async function tenMaps() {
  const small = smallCore({ kinds })
  for (let i = 0; i < 10; i++) await small.create(configMap(`m${i}`, { data: { text: 'x'.repeat(1000) } }))
  const kind = small.kind('configmaps')
  return { ...small, configMaps: kind, page: await listEntries(kind, everything, small.clock) }
}

const itemsOf = (parts: Iterable<Buffer | string>, type: string): object[] => {
  const bytes = Buffer.concat([...gather(parts)])
  return (decodeProtobuf(typeNamed(type), openEnvelope(bytes)).object as { items: object[] }).items
}

it('encodes the items of a list while it is sent, once their lengths are known', async () => {
  const { configMaps, page, clock } = await tenMaps()
  const view = protobufView(configMaps, clock)
  const encoded = vi.spyOn(configMaps, 'message')
  const first = itemsOf(await view.list(page), 'io.k8s.api.core.v1.ConfigMapList')
  expect(first).toHaveLength(10)
  encoded.mockClear()
  const parts = (await view.list(page))[Symbol.iterator]()
  expect(encoded).not.toHaveBeenCalled()
  // The envelope, the metadata of the list in two parts, and of each item its head and the item.
  for (let i = 0; i < 7; i++) parts.next()
  expect(encoded).toHaveBeenCalledTimes(2)
})

it('lists metadata alone in the same way', async () => {
  const { configMaps, page, clock } = await tenMaps()
  const view = protobufMetadataView(configMaps, 'v1', clock)
  const type = 'io.k8s.apimachinery.pkg.apis.meta.v1.PartialObjectMetadataList'
  const first = itemsOf(await view.list(page), type)
  const encoded = vi.spyOn(configMaps, 'metadataMessage')
  const second = await view.list(page)
  expect(encoded).not.toHaveBeenCalled()
  expect(itemsOf(second, type)).toEqual(first)
})

it('breaks a list off whose items are not as long as it has said', async () => {
  const { configMaps, page, clock } = await tenMaps()
  const view = protobufView(configMaps, clock)
  await view.list(page)
  vi.spyOn(configMaps, 'messageLength').mockReturnValue(3)
  const parts = await view.list(page)
  expect(() => [...gather(parts)]).toThrow('in another length than before')
})
