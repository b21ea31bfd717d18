import type { Decoded } from '../../../schema/api.ts'
import { DecodeError } from '../../../schema/decode-json.ts'
import type { Schema } from '../../registry/apiextensions/types.ts'
import { dropNulls } from './defaults.ts'
import { duplicateKeys } from './duplicates.ts'
import { coerceEmbedded, coerceMetadata } from './metadata.ts'
import { isObject } from './paths.ts'
import { prune } from './prune.ts'

const mostStrictErrors = 100

/**
 * A custom resource as its schema has it: unknown fields pruned and named, metadata in its own form, nothing
 * defaulted. `value` is not changed; `text` is the JSON it was parsed from. Throws DecodeError.
 */
export function decodeCustom(schema: Schema, value: unknown, text?: string): Decoded {
  if (!isObject(value))
    throw new DecodeError(`json: cannot unmarshal ${goKind(value)} into Go value of type map[string]interface {}`)
  const duplicates = text === undefined ? [] : duplicateKeys(text, value)
  const { value: object, unknown } = prune(value, schema)
  const ofMetadata = coerceMetadata(object, '')
  dropNulls(object, schema)
  const ofEmbedded = coerceEmbedded(object, schema)
  const strict = [
    ...duplicates.map((path) => `duplicate field ${JSON.stringify(path)}`),
    ...[...ofMetadata, ...unknown, ...ofEmbedded].map((path) => `unknown field ${JSON.stringify(path)}`),
  ]
  return { object, strict: strict.slice(0, mostStrictErrors) }
}

const goKind = (value: unknown): string =>
  Array.isArray(value) ? 'array' : value === null ? 'null' : typeof value === 'boolean' ? 'bool' : typeof value
