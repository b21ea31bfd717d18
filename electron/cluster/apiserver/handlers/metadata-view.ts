import type { KubeObject } from '#shared/kube/object.ts'
import type { Entry } from '../../store/api.ts'
import type { ServedKind } from '../kinds/served-kind.ts'
import { joined, listParts, type View } from './view.ts'

/** Objects without anything but their metadata. */
export function metadataView(kind: ServedKind, version: string): View {
  const apiVersion = `meta.k8s.io/${version}`
  const head = `{"kind":"PartialObjectMetadata","apiVersion":"${apiVersion}","metadata":`
  const partial = (object: KubeObject): object => ({
    kind: 'PartialObjectMetadata',
    apiVersion,
    metadata: kind.metadataOf(object),
  })
  const parts = (entry: Entry) => [head, kind.metadata(entry), '}']
  return {
    key: `${kind.apiVersion}|metadata|${version}`,
    format: 'json',
    one: (entry) => joined(parts(entry)),
    object: (object) => Buffer.from(JSON.stringify(partial(object))),
    objects: (objects) =>
      Buffer.from(
        JSON.stringify({ kind: 'PartialObjectMetadataList', apiVersion, metadata: {}, items: objects.map(partial) }),
      ),
    list: (page) => listParts(`"kind":"PartialObjectMetadataList","apiVersion":"${apiVersion}"`, page, parts, 'null'),
    bookmark: (metadata) => Buffer.from(JSON.stringify({ kind: 'PartialObjectMetadata', apiVersion, metadata })),
  }
}
