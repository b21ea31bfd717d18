import type { Clock } from '../../base/clock.ts'
import { encodeMessage, encodeProtobuf, envelopeOf, fieldHead, sealed, type Meta } from '../../schema/protobuf.ts'
import { metaTypes, typeNamed } from '../../schema/table.ts'
import type { Entry } from '../../store/api.ts'
import type { ServedKind } from '../kinds/served-kind.ts'
import type { ListPage } from '../storage/list.ts'
import { listMetadata, type Parts, type View } from './view.ts'

/** Objects of a kind in protobuf, each in its envelope. */
export function protobufView(kind: ServedKind, clock: Clock): View {
  const type = typeNamed(kind.definition.type)
  const meta = { apiVersion: kind.apiVersion, kind: kind.kind }
  const item: Item = { message: (entry) => kind.message(entry), length: (entry) => kind.messageLength(entry) }
  return {
    key: `${kind.apiVersion}|protobuf`,
    format: 'protobuf',
    one: (entry) => Buffer.concat(sealed(meta, [kind.message(entry)])),
    object: (object) => encodeProtobuf(type, object, meta),
    objects: (objects) => {
      const messages = objects.map((object) => encodeMessage(type, object))
      return Buffer.concat(sealed({ ...meta, kind: kind.listKind }, listOf({}, messages)))
    },
    list: (page) => messageList({ ...meta, kind: kind.listKind }, page, item, clock),
    bookmark: (metadata) => encodeProtobuf(type, { metadata }, meta),
  }
}

/** Objects without anything but their metadata, in protobuf. */
export function protobufMetadataView(kind: ServedKind, version: string, clock: Clock): View {
  const type = typeNamed(metaTypes.partialObjectMetadata)
  const meta = { apiVersion: `meta.k8s.io/${version}`, kind: 'PartialObjectMetadata' }
  const item: Item = { message: (entry) => kind.metadataMessage(entry), length: (entry) => kind.metadataLength(entry) }
  return {
    key: `${kind.apiVersion}|metadata|${version}|protobuf`,
    format: 'protobuf',
    one: (entry) => Buffer.concat(sealed(meta, [kind.metadataMessage(entry)])),
    object: (object) => encodeProtobuf(type, { metadata: kind.metadataOf(object) }, meta),
    objects: (objects) => {
      const messages = objects.map((object) => encodeMessage(type, { metadata: kind.metadataOf(object) }))
      return Buffer.concat(sealed({ ...meta, kind: 'PartialObjectMetadataList' }, listOf({}, messages)))
    },
    list: (page) => messageList({ ...meta, kind: 'PartialObjectMetadataList' }, page, item, clock),
    bookmark: (metadata) => encodeProtobuf(type, { metadata }, meta),
  }
}

interface Item {
  message(entry: Entry): Buffer
  /** Of the message, where it has been made before. */
  length(entry: Entry): number | undefined
}

/** So many messages are made in one go: others are served in between. */
const inOneGo = 200

/**
 * A list states its length before its items, which are encoded while they are sent. Those whose length nobody has asked
 * for yet are encoded once more, to know it.
 */
async function messageList(meta: Meta, page: ListPage, item: Item, clock: Clock): Promise<Parts> {
  const first = listOf(listMetadata(page), [])
  const lengths: number[] = []
  let total = first.reduce((sum, part) => sum + part.length, 0)
  let made = 0
  for (const entry of page.entries) {
    let length = item.length(entry)
    if (length === undefined) {
      if (++made % inOneGo === 0) await new Promise<void>((resolve) => void clock.after(0, resolve))
      length = item.message(entry).length
    }
    lengths.push(length)
    total += fieldHead(2, length).length + length
  }
  return listParts(envelopeOf(meta, total), first, page, item, lengths)
}

function* listParts(
  { before, after }: ReturnType<typeof envelopeOf>,
  first: readonly Buffer[],
  page: ListPage,
  item: Item,
  lengths: readonly number[],
): Parts {
  yield before
  yield* first
  for (const [i, entry] of page.entries.entries()) {
    const message = item.message(entry)
    // Better an answer that breaks off than one whose lengths are wrong.
    if (message.length !== lengths[i]) throw new Error(`${entry.key} was encoded in another length than before`)
    yield fieldHead(2, message.length)
    yield message
  }
  yield after
}

function listOf(metadata: object, messages: readonly Buffer[]): Buffer[] {
  const head = encodeMessage(typeNamed(metaTypes.listMeta), metadata)
  return [fieldHead(1, head.length), head, ...messages.flatMap((bytes) => [fieldHead(2, bytes.length), bytes])]
}
