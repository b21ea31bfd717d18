import type { ObjectMeta } from '#shared/kube/object.ts'
import type { FieldError } from '#shared/kube/status.ts'
import { DecodeError, decodeValue } from '../../../schema/decode-json.ts'
import { metaTypes, typeNamed } from '../../../schema/table.ts'
import { validateNewMetadata } from '../../metadata/validate.ts'
import type { Schema } from '../../registry/apiextensions/types.ts'
import { invalid, required } from '../../registry/validation/field.ts'
import { isDns1035Label, pathSegment } from '../../registry/validation/names.ts'
import { anywhere, partOf } from './parts.ts'
import { child, indexed, isObject, keyed, own, type JsonObject } from './paths.ts'

/**
 * Puts metadata into the form of ObjectMeta and names the fields that it does not know, under `path`.
 * Throws DecodeError.
 */
export function coerceMetadata(holder: JsonObject, path: string): string[] {
  if (!Object.hasOwn(holder, 'metadata')) return []
  const { object, strict } = decodeValue(typeNamed(metaTypes.objectMeta), holder['metadata'])
  holder['metadata'] = object
  const start = child(path, 'metadata')
  return strict.map((text) => text.replace(/^(unknown|duplicate) field "(.*)"$/, `${start}.$2`))
}

const hasEmbedded = anywhere((schema) => schema['x-kubernetes-embedded-resource'] === true)

/** The same for every resource embedded in a value. Throws DecodeError. */
export function coerceEmbedded(value: unknown, schema: Schema | undefined, path = ''): string[] {
  if (!schema || !hasEmbedded(schema)) return []
  if (Array.isArray(value)) return value.flatMap((item, i) => coerceEmbedded(item, schema.items, indexed(path, i)))
  if (!isObject(value)) return []
  const unknown: string[] = []
  if (schema['x-kubernetes-embedded-resource']) {
    for (const name of ['apiVersion', 'kind'])
      if (Object.hasOwn(value, name) && typeof value[name] !== 'string')
        throw new DecodeError(describe(invalid(child(path, name), value[name], 'must be a string')))
    try {
      unknown.push(...coerceMetadata(value, path))
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      throw new DecodeError(describe(invalid(child(path, 'metadata'), value['metadata'], error.message)))
    }
  }
  for (const [name, item] of Object.entries(value))
    unknown.push(...coerceEmbedded(item, partOf(schema, name), child(path, name)))
  return unknown
}

const describe = ({ field, message }: FieldError): string => `${field}: ${message}`

/** What is wrong with the type and metadata of embedded resources. Source: schema/objectmeta/validation.go. */
export function embeddedErrors(value: unknown, schema: Schema | undefined, path = ''): FieldError[] {
  if (!schema || !hasEmbedded(schema)) return []
  if (Array.isArray(value)) return value.flatMap((item, i) => embeddedErrors(item, schema.items, indexed(path, i)))
  if (!isObject(value)) return []
  const errors = schema['x-kubernetes-embedded-resource'] ? resourceErrors(value, path) : []
  for (const [name, item] of Object.entries(value)) {
    const at = own(schema.properties, name) ? child(path, name) : keyed(path, name)
    errors.push(...embeddedErrors(item, partOf(schema, name), at))
  }
  return errors
}

export function resourceErrors(value: JsonObject, path: string): FieldError[] {
  const errors: FieldError[] = []
  for (const name of ['apiVersion', 'kind']) if (!Object.hasOwn(value, name)) errors.push(required(child(path, name)))
  for (const [name, item] of Object.entries(value)) {
    const at = child(path, name)
    if (name === 'metadata') errors.push(...metadataErrors(item, at))
    else if (name === 'apiVersion' || name === 'kind') {
      if (typeof item !== 'string') errors.push(invalid(at, item, 'must be a string'))
      else if (item === '') errors.push(required(at))
      else if (name === 'apiVersion') {
        if (item.split('/').length > 2) errors.push(invalid(at, item, `unexpected GroupVersion string: ${item}`))
      } else {
        const wrong = isDns1035Label(item.toLowerCase())
        if (wrong.length)
          errors.push(invalid(at, item, `may have mixed case, but should otherwise match: ${wrong.join(',')}`))
      }
    }
  }
  return errors
}

function metadataErrors(value: unknown, path: string): FieldError[] {
  let metadata: ObjectMeta
  try {
    metadata = decodeValue(typeNamed(metaTypes.objectMeta), value).object as ObjectMeta
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error
    return [invalid(path, value, error.message)]
  }
  // A name is not asked for.
  const named = { ...metadata, name: metadata.name || 'fakename' }
  return validateNewMetadata(named, !!metadata.namespace, pathSegment).map((error) => ({
    ...error,
    field: error.field.replace(/^metadata/, path),
  }))
}
