import type { Decoded, TypeDef } from './api.ts'
import { DecodeError, Decoder } from './json/decoder.ts'
import { countParsedKeys, countWrittenKeys, mayMisreadIntegers, parsePairs } from './json/duplicates.ts'
import { isTooDeep } from './json/depth.ts'
import { overflowingNumber, parseExactly } from './json/exact.ts'
import { goSyntaxError } from './json/syntax-error.ts'

export { DecodeError } from './json/decoder.ts'
export { canonicalize } from './json/zero.ts'

/** The body is no JSON at all, or says no kind. The message is upstream's, without the summary of the body. */
export class SyntaxFailure extends Error {
  override readonly name = 'SyntaxFailure'
}

/** Parses the text. Throws SyntaxFailure worded as Go words it, such as `unexpected end of JSON input`. */
export function parseJson(text: string): unknown {
  if (isTooDeep(text)) throw new SyntaxFailure('exceeded max depth')
  let value: unknown
  try {
    value = parseExactly(text)
  } catch {
    throw new SyntaxFailure(goSyntaxError(text))
  }
  const overflowing = overflowingNumber(text)
  if (overflowing !== undefined)
    throw new SyntaxFailure(`json: cannot unmarshal number ${overflowing} into Go value of type float64`)
  return value
}

export interface TypeMeta {
  apiVersion: string
  kind: string
}

/** apiVersion and kind of a parsed body. Throws DecodeError where they are not strings or the body is no object. */
export function typeMetaOf(value: unknown): TypeMeta {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    if (value === null) return { apiVersion: '', kind: '' }
    const kind = Array.isArray(value) ? 'array' : typeof value === 'boolean' ? 'bool' : typeof value
    throw new DecodeError(
      `json: cannot unmarshal ${kind} into Go value of type struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }`,
    )
  }
  const read = (key: 'apiVersion' | 'kind'): string => {
    const found = (value as Record<string, unknown>)[key] ?? ''
    if (typeof found === 'string') return found
    const kind = Array.isArray(found) ? 'array' : typeof found === 'boolean' ? 'bool' : typeof found
    throw new DecodeError(`json: cannot unmarshal ${kind} into Go struct field .${key} of type string`)
  }
  return { apiVersion: read('apiVersion'), kind: read('kind') }
}

/**
 * Decodes a parsed value by the table. `text` is the JSON it was parsed from: with it, duplicate keys are reported
 * too, and floats refused where integers belong. `known`: a decoded object of which `value` has parts; the result shares them. Throws DecodeError.
 */
export function decodeValue(type: TypeDef, value: unknown, text?: string, known?: object): Decoded {
  const decoder = new Decoder()
  try {
    const closely =
      text !== undefined && (countWrittenKeys(text) !== countParsedKeys(value) || mayMisreadIntegers(text))
    const object = decoder.decode(type, closely ? parsePairs(text) : value, known)
    return { object, strict: decoder.strict }
  } catch (error) {
    if (error instanceof RangeError) throw new DecodeError('exceeded max depth')
    throw error
  }
}

/**
 * The same for what is made of an object and not read: by strategic merge patches and server-side apply, which Go
 * decodes otherwise. Throws DecodeError, worded as apimachinery's converter words it.
 */
export function convertValue(type: TypeDef, value: unknown, known?: object): Decoded {
  const decoder = new Decoder(true)
  return { object: decoder.decode(type, value, known), strict: decoder.strict }
}

/** Bytes to object. Throws SyntaxFailure or DecodeError. */
export function decodeJson(type: TypeDef, body: Uint8Array): Decoded {
  const text = Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString()
  return decodeValue(type, parseJson(text), text)
}

/** The message of a 400 for strict errors, after `… cannot be handled as a …: `. */
export const strictMessage = (errors: readonly string[]): string => `strict decoding error: ${errors.join(', ')}`

/** How upstream shows the start of a body that it could not read: text for JSON, hexadecimal for the rest. */
export function summarizeBody(body: Uint8Array): string {
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength)
  if (!bytes.length) return '<empty>'
  const start = bytes.subarray(0, 30)
  return `${start.toString(bytes[0] === 0x7b ? 'utf8' : 'hex')}${bytes.length > 30 ? ' ...' : ''}`
}
