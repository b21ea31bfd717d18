import { StatusError, badRequest, requestEntityTooLarge, statusFailure } from '#shared/kube/status.ts'
import type { Decoded, StrictError, TypeDef } from '../api.ts'
import { DecodeError, SyntaxFailure, convertValue, decodeValue, parseJson } from '../decode-json.ts'
import { countParsedKeys, countWrittenKeys, parsePairs, Pairs } from '../json/duplicates.ts'
import { JsonPatchError, applyJsonPatch, type JsonPatchOperation } from './json-patch.ts'
import { applyMergePatch } from './merge-patch.ts'
import { StrategicPatchError, applyStrategicPatch } from './strategic.ts'
import { goFormat, isObject, type JsonObject } from './values.ts'

export interface PatchInput {
  format: 'json' | 'merge' | 'strategic'
  body: Uint8Array
  /** The object as clients see it, in the version of the request. Not changed. */
  current: JsonObject
  /** The type in the table. Kinds that have none (custom resources) give `decode` and know no strategic patch. */
  type?: TypeDef | undefined
  decode?: (value: unknown) => Decoded
  /** What the patch leaves alone is handed on as part of the result: for who goes on to change none of it. */
  sharing?: boolean
}

export interface Patched {
  object: JsonObject
  /** Strict errors of the patch and of its result. Warn warns of them; Strict throws `refuse(strictMessage(strict))`. */
  strict: StrictError[]
  /** The 422 with which upstream answers when the result is no object of the kind. */
  refuse(message: string): StatusError
}

const mostOperations = 10_000
const mostStrictErrors = 100

/** Applies a patch and decodes the result. Throws StatusError as upstream's patch handler does. */
export function patchObject({ format, body, current, type, decode, sharing }: PatchInput): Patched {
  const text = Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString()
  const patch = parse(text, format)
  const strict = strictErrors(text, patch, format)
  const result = apply(format, patch, current, type)
  const shown = () => (format === 'strategic' ? goFormat(patch) : JSON.stringify(result))
  const refuse = (reason: string): StatusError => {
    const message = `Invalid value: ${JSON.stringify(shown())}: ${reason}`
    // Upstream names neither kind nor object here, which leaves the blanks in the text.
    return statusFailure(422, 'Invalid', ` "" is invalid: patch: ${message}`, {
      causes: [{ reason: 'FieldValueInvalid', message, field: 'patch' }],
    })
  }
  try {
    const known = sharing ? current : entriesIn(current)
    const decoded = decode
      ? decode(result)
      : format === 'strategic'
        ? convertValue(type!, result, known)
        : decodeValue(type!, result, undefined, known)
    return { object: decoded.object, strict: [...strict, ...decoded.strict], refuse }
  } catch (error) {
    throw error instanceof DecodeError ? refuse(error.message) : error
  }
}

/** Of an object its managedFields alone, which nobody changes in place: they are the greater part of a small object. */
function entriesIn({ metadata }: JsonObject): JsonObject {
  return isObject(metadata) ? { metadata: { managedFields: metadata['managedFields'] } } : {}
}

function parse(text: string, format: PatchInput['format']): unknown {
  const prefix = format === 'strategic' ? '' : 'error decoding patch: '
  let patch: unknown
  try {
    patch = parseJson(text)
  } catch (error) {
    throw error instanceof SyntaxFailure ? badRequest(prefix + error.message) : error
  }
  if (format === 'json') return operationsOf(patch)
  if (patch === null) {
    if (format === 'merge') throw badRequest('Invalid JSON Patch')
    return {}
  }
  if (!isObject(patch))
    throw badRequest(`${prefix}json: cannot unmarshal ${kindOf(patch)} into Go value of type map[string]interface {}`)
  return patch
}

/** No operations where the patch is null. Throws 400. */
function operationsOf(patch: unknown): readonly (JsonPatchOperation | null)[] {
  const wrong = (kind: string, type: string) =>
    badRequest(`error decoding patch: json: cannot unmarshal ${kind} into Go ${type}`)
  if (patch === null) return []
  if (!Array.isArray(patch)) throw wrong(kindOf(patch), 'value of type []handlers.jsonPatchOp')
  for (const operation of patch as unknown[]) {
    if (operation === null) continue
    if (!isObject(operation)) throw wrong(kindOf(operation), 'value of type handlers.jsonPatchOp')
    for (const key of ['op', 'path', 'from'])
      if ((operation[key] ?? undefined) !== undefined && typeof operation[key] !== 'string')
        throw wrong(kindOf(operation[key]), `struct field jsonPatchOp.${key} of type string`)
  }
  if (patch.length > mostOperations)
    throw requestEntityTooLarge(
      `The allowed maximum operations in a JSON patch is ${mostOperations}, got ${patch.length}`,
    )
  return patch as readonly (JsonPatchOperation | null)[]
}

const kindOf = (value: unknown): string =>
  Array.isArray(value) ? 'array' : typeof value === 'boolean' ? 'bool' : typeof value

function apply(format: PatchInput['format'], patch: unknown, current: JsonObject, type: TypeDef | undefined): unknown {
  try {
    if (format === 'json')
      return applyJsonPatch(structuredClone(current), patch as readonly (JsonPatchOperation | null)[])
    if (format === 'merge') return applyMergePatch(current, patch)
    if (!type) throw new Error('a strategic merge patch needs a type of the table')
    return applyStrategicPatch(current, patch as JsonObject, type)
  } catch (error) {
    if (error instanceof JsonPatchError) throw rejected()
    if (!(error instanceof StrategicPatchError)) throw error
    if (error.code === 400) throw badRequest(error.message)
    throw error.code === 422 ? rejected() : unexplained(error.message)
  }
}

/** What upstream says of a patch that does not fit: nothing more. */
const rejected = () =>
  statusFailure(422, 'Invalid', 'the server rejected our request due to an error in our request', {})

/** An error that upstream returns bare: 500 without a reason. */
export const unexplained = (message: string): StatusError =>
  new StatusError({ kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message, code: 500 })

/** Duplicate keys of the patch itself, and fields that an operation of a JSON patch does not have; in the order of the text. */
function strictErrors(text: string, patch: unknown, format: PatchInput['format']): StrictError[] {
  const duplicates = countWrittenKeys(text) !== countParsedKeys(patch)
  if (format !== 'json' && !duplicates) return []
  const errors = new Set<StrictError>()
  const prefix = format === 'json' ? 'json patch ' : ''
  const report = (what: string, at: string) => {
    if (errors.size < mostStrictErrors) errors.add(`${prefix}${what} field ${JSON.stringify(at)}`)
  }
  const visit = (value: unknown, path: string | undefined, fields?: ReadonlySet<string>): void => {
    if (Array.isArray(value)) {
      const known = format === 'json' && path === undefined ? operationFields : undefined
      return value.forEach((item, index) => visit(item, `${path ?? ''}[${index}]`, known))
    }
    const seen = new Set<string>()
    for (const [key, item] of value instanceof Pairs ? value.entries : Object.entries(isObject(value) ? value : {})) {
      const at = path === undefined ? key : `${path}.${key}`
      if (fields && !fields.has(key)) {
        report('unknown', at)
        continue
      }
      if (seen.has(key)) report('duplicate', at)
      seen.add(key)
      visit(item, at)
    }
  }
  visit(duplicates ? parsePairs(text) : patch, undefined)
  return [...errors]
}

const operationFields: ReadonlySet<string> = new Set(['op', 'path', 'from', 'value'])
