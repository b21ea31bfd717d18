import type { Clock } from '../../base/clock.ts'
import { encodeMessage, encodeProtobuf, fieldHead, sealed, type Meta } from '../../schema/protobuf.ts'
import { metaTypes, typeNamed } from '../../schema/table.ts'
import type { Entry } from '../../store/api.ts'
import type { ServedKind } from '../kinds/served-kind.ts'
import type { ListPage } from '../storage/list.ts'
import { listMetadata, type View } from './view.ts'

/** Objects of a kind in protobuf, each in its envelope. */
export function protobufView(kind: ServedKind, clock: Clock): View {
  const type = typeNamed(kind.definition.type)
  const meta = { apiVersion: kind.apiVersion, kind: kind.kind }
  return {
    key: `${kind.apiVersion}|protobuf`,
    format: 'protobuf',
    one: (entry) => Buffer.concat(sealed(meta, [kind.message(entry)])),
    object: (object) => encodeProtobuf(type, object, meta),
    objects: (objects) => {
      const messages = objects.map((object) => encodeMessage(type, object))
      return Buffer.concat(sealed({ ...meta, kind: kind.listKind }, listOf({}, messages)))
    },
    list: (page) => messageList({ ...meta, kind: kind.listKind }, page, (entry) => kind.message(entry), clock),
    bookmark: (metadata) => encodeProtobuf(type, { metadata }, meta),
  }
}

/** Objects without anything but their metadata, in protobuf. */
export function protobufMetadataView(kind: ServedKind, version: string, clock: Clock): View {
  const type = typeNamed(metaTypes.partialObjectMetadata)
  const meta = { apiVersion: `meta.k8s.io/${version}`, kind: 'PartialObjectMetadata' }
  const message = (entry: Entry) =>
    encodeMessage(type, { metadata: JSON.parse(kind.metadata(entry).toString()) as object })
  return {
    key: `${kind.apiVersion}|metadata|${version}|protobuf`,
    format: 'protobuf',
    one: (entry) => Buffer.concat(sealed(meta, [message(entry)])),
    object: (object) => encodeProtobuf(type, { metadata: kind.metadataOf(object) }, meta),
    objects: (objects) => {
      const messages = objects.map((object) => encodeMessage(type, { metadata: kind.metadataOf(object) }))
      return Buffer.concat(sealed({ ...meta, kind: 'PartialObjectMetadataList' }, listOf({}, messages)))
    },
    list: (page) => messageList({ ...meta, kind: 'PartialObjectMetadataList' }, page, message, clock),
    bookmark: (metadata) => encodeProtobuf(type, { metadata }, meta),
  }
}

/** So many messages are made in one go: others are served in between. */
const inOneGo = 200

/** A list states its length before its items, so that all of them are made before the first is sent. */
async function messageList(
  meta: Meta,
  page: ListPage,
  message: (entry: Entry) => Buffer,
  clock: Clock,
): Promise<Buffer[]> {
  const messages: Buffer[] = []
  for (const [i, entry] of page.entries.entries()) {
    if (i > 0 && i % inOneGo === 0) await new Promise<void>((resolve) => void clock.after(0, resolve))
    messages.push(message(entry))
  }
  return sealed(meta, listOf(listMetadata(page), messages))
}

function listOf(metadata: object, messages: readonly Buffer[]): Buffer[] {
  const head = encodeMessage(typeNamed(metaTypes.listMeta), metadata)
  return [fieldHead(1, head.length), head, ...messages.flatMap((bytes) => [fieldHead(2, bytes.length), bytes])]
}
