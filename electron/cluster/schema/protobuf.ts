import type { Decoded, TypeDef } from './api.ts'
import { DecodeError } from './json/decoder.ts'
import { readMessage } from './wire/decode.ts'
import { writeMessage } from './wire/encode.ts'
import { ProtoReader } from './wire/reader.ts'
import { ProtoWriter } from './wire/writer.ts'
import { typeNamed } from './table.ts'

export { hasProtobuf } from './wire/plan.ts'

/** The media type of bodies in Kubernetes' protobuf envelope. */
export const protobufType = 'application/vnd.kubernetes.protobuf'

const magic = Buffer.from('k8s\0')

export interface Envelope {
  apiVersion: string
  kind: string
  contentType: string
  /** The object: protobuf, unless contentType says JSON. */
  raw: Buffer
}

export const isProtobuf = (body: Uint8Array): boolean => magic.every((byte, index) => body[index] === byte)

/** Opens the envelope: `k8s\0` and a runtime.Unknown. Throws DecodeError. */
export function openEnvelope(body: Uint8Array): Envelope {
  if (!isProtobuf(body))
    throw new DecodeError('provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]')
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength)
  const envelope: Envelope = { apiVersion: '', kind: '', contentType: '', raw: Buffer.alloc(0) }
  const reader = new ProtoReader(bytes, magic.length)
  while (reader.more) {
    const { number, wire } = reader.tag()
    if (number === 1 && wire === 2) Object.assign(envelope, readTypeMeta(reader.message()))
    else if (number === 2 && wire === 2) envelope.raw = reader.bytes()
    else if (number === 4 && wire === 2) envelope.contentType = reader.string()
    else reader.skip(wire)
  }
  return envelope
}

function readTypeMeta(reader: ProtoReader): { apiVersion: string; kind: string } {
  const meta = { apiVersion: '', kind: '' }
  while (reader.more) {
    const { number, wire } = reader.tag()
    if (number === 1) meta.apiVersion = reader.string()
    else if (number === 2) meta.kind = reader.string()
    else reader.skip(wire)
  }
  return meta
}

/** The object in an opened envelope, as decodeJson would give it. Throws DecodeError. */
export function decodeProtobuf(type: TypeDef, { apiVersion, kind, raw }: Envelope): Decoded {
  const fields = readMessage(type, new ProtoReader(raw))
  // TypeMeta travels in the envelope; a `kind` with a number is a field like any other.
  const meta = type.fields.get('kind')
  const object = meta && !meta.number ? { kind, apiVersion, ...fields } : fields
  return { object, strict: [] }
}

/** What an object is, beside its message. */
export interface Meta {
  readonly apiVersion: string
  readonly kind: string
}

/** The message of an object, without its envelope. */
export function encodeMessage(type: TypeDef, object: object): Buffer {
  const writer = cleared()
  writeMessage(type, object as Readonly<Record<string, unknown>>, writer)
  return writer.take()
}

/** Used again and again: nothing is awaited while it is written to. */
const scratch = new ProtoWriter()

/** Empty even where writing the message before broke off. */
function cleared(): ProtoWriter {
  scratch.clear()
  return scratch
}

/** An object of the table in its envelope. */
export const encodeProtobuf = (type: TypeDef, object: object, meta: Meta): Buffer =>
  Buffer.concat(sealed(meta, [encodeMessage(type, object)]))

/** A message in its envelope, in parts as it is given. */
export function sealed(meta: Meta, message: readonly Buffer[]): Buffer[] {
  let length = 0
  for (const part of message) length += part.length
  const { before, after } = envelopeOf(meta, length)
  return [before, ...message, after]
}

/**
 * What stands around a message of that length: the magic number and a runtime.Unknown, whose contentEncoding and
 * contentType are written though they are empty.
 */
export function envelopeOf(meta: Meta, length: number): { before: Buffer; after: Buffer } {
  const writer = cleared()
  writer.varint(length)
  writer.tag(2, 2)
  const before = writer.length
  writeMessage(typeNamed('io.k8s.apimachinery.pkg.runtime.TypeMeta'), { ...meta }, writer)
  writer.close(1, before)
  writer.raw(magic)
  return { before: writer.take(), after: unknownEnd }
}

const unknownEnd = Buffer.from([0x1a, 0, 0x22, 0])

/** What stands in front of a message that is a field of another. */
export function fieldHead(number: number, length: number): Buffer {
  const writer = cleared()
  writer.varint(length)
  writer.tag(number, 2)
  return writer.take()
}

/** One event of a watch: the length of a WatchEvent in four bytes, and the event with the object in its envelope. */
export function watchFrame(type: string, object: Buffer): Buffer {
  const writer = cleared()
  writer.bytes(object)
  writer.tag(1, 2)
  writer.close(2, 0)
  writer.string(type)
  writer.tag(1, 2)
  const length = Buffer.alloc(4)
  length.writeUInt32BE(writer.length)
  writer.raw(length)
  return writer.take()
}
