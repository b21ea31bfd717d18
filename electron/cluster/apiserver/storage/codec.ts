import type { KubeObject } from '#shared/kube/object.ts'
import { bigintsWritten, parseExactly } from '../../schema/json/exact.ts'
import { metadataOf } from '../metadata/metadata.ts'

/**
 * Stored bytes are the JSON of an object in its storage version without `kind` and `apiVersion`, which are spliced in
 * front when answering (items of lists carry none), and with its resourceVersion in it: what is stored is what is sent.
 * `metadata` comes first, so that it can be read without the rest. With `marked` they say their version at their end:
 * for types whose objects lie in the store in several. A blank at the end says that there are integers in them which
 * only parseExactly reads.
 */
export function encodeStored(object: KubeObject, revision: number, marked = false): Stored {
  metadataOf(object).resourceVersion = String(revision)
  return encodeBare(object, marked)
}

export interface Stored {
  readonly value: Buffer
  /** Where the metadata ends in it. */
  readonly metadataEnd: number
}

const start = '{"metadata":'

/** The JSON of an object without its kind and apiVersion. */
export function encodeBare({ apiVersion, kind: _kind, metadata = {}, ...rest }: KubeObject, marked = false): Stored {
  const before = bigintsWritten()
  const head = start + JSON.stringify(metadata)
  const tail = JSON.stringify(marked ? { ...rest, apiVersion } : rest)
  const end = bigintsWritten() === before ? '' : ' '
  return {
    value: Buffer.from(tail === '{}' ? `${head}}${end}` : `${head},${tail.slice(1)}${end}`),
    metadataEnd: Buffer.byteLength(head),
  }
}

/** The bytes of the metadata alone, which are not copied. */
export const metadataIn = (value: Buffer, end: number): Buffer => value.subarray(start.length, end)

const quote = 0x22
const backslash = 0x5c

/** Finds where the metadata of stored bytes ends. Nothing is decoded. */
export function endOfMetadata(value: Buffer): number {
  let depth = 0
  for (let i = start.length; i < value.length; i++) {
    const byte = value[i]
    if (byte === quote) i = endOfString(value, i)
    else if (byte === 0x7b) depth++
    else if (byte === 0x7d && --depth === 0) return i + 1
  }
  throw new Error('stored bytes do not begin with metadata')
}

function endOfString(value: Buffer, from: number): number {
  let end = value.indexOf(quote, from + 1)
  for (;;) {
    let slashes = 0
    while (value[end - 1 - slashes] === backslash) slashes++
    if (slashes % 2 === 0) return end
    end = value.indexOf(quote, end + 1)
  }
}

const blank = 0x20

const parsed = (value: Buffer): KubeObject =>
  (value.at(-1) === blank ? parseExactly(value.toString()) : JSON.parse(value.toString())) as KubeObject

/** A new object from stored bytes; the caller owns it. `apiVersion` is that of objects which do not say it. */
export function decodeStored(value: Buffer, apiVersion: string, kind: string): KubeObject {
  const object = parsed(value)
  object.apiVersion ??= apiVersion
  object.kind = kind
  return object
}

/** `{"kind":"Pod","apiVersion":"v1",`: what goes in front of stored bytes, in place of their brace. */
export const headOf = (apiVersion: string, kind: string): Buffer =>
  Buffer.from(`{"kind":${JSON.stringify(kind)},"apiVersion":${JSON.stringify(apiVersion)},`)

/** The JSON of a whole object. */
export const spliceHead = (head: Buffer, value: Buffer, tail?: Buffer): Buffer =>
  tail ? Buffer.concat([head, value.subarray(1), tail]) : Buffer.concat([head, value.subarray(1)])

/** A copy that its holder may change. */
export function cloneObject<T>(object: T): T {
  const before = bigintsWritten()
  const text = JSON.stringify(object)
  return (bigintsWritten() === before ? JSON.parse(text) : parseExactly(text)) as T
}
