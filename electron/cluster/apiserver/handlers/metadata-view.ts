import type { KubeObject } from '#shared/kube/object.ts'
import type { ServedKind } from '../kinds/served-kind.ts'
import { itemParts, joined, listMetadata, listParts, type Item, type View } from './view.ts'

/** Objects without anything but their metadata. */
export function metadataView(kind: ServedKind, version: string): View {
  const apiVersion = `meta.k8s.io/${version}`
  const head = `{"kind":"PartialObjectMetadata","apiVersion":"${apiVersion}","metadata":`
  const partial = (object: KubeObject): object => ({
    kind: 'PartialObjectMetadata',
    apiVersion,
    metadata: kind.metadataOf(object),
  })
  const item: Item = { before: () => head, bytes: (entry) => kind.metadata(entry), after: '}' }
  const listHead = `{"kind":"PartialObjectMetadataList","apiVersion":"${apiVersion}","metadata":`
  return {
    key: `${kind.apiVersion}|metadata|${version}`,
    format: 'json',
    one: (entry) => joined(itemParts(item, entry)),
    object: (object) => Buffer.from(JSON.stringify(partial(object))),
    objects: (objects) =>
      Buffer.from(
        JSON.stringify({ kind: 'PartialObjectMetadataList', apiVersion, metadata: {}, items: objects.map(partial) }),
      ),
    list: (page) => listParts(`${listHead}${JSON.stringify(listMetadata(page))},"items":`, page, item, 'null', '}\n'),
    bookmark: (metadata) => Buffer.from(JSON.stringify({ kind: 'PartialObjectMetadata', apiVersion, metadata })),
  }
}
