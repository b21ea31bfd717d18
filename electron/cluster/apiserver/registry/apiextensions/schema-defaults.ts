import type { FieldError } from '#shared/kube/status.ts'
import { DecodeError } from '../../../schema/decode-json.ts'
import { hasDefaults } from '../../crd/schema/defaults.ts'
import { listTypeErrors } from '../../crd/schema/list-types.ts'
import { coerceEmbedded, embeddedErrors } from '../../crd/schema/metadata.ts'
import { metaFields, pruneInside } from '../../crd/schema/prune.ts'
import { schemaErrors } from '../../crd/validate/validate.ts'
import { entries } from '../loose.ts'
import { invalid, invalidUnshown } from '../validation/field.ts'
import type { Schema } from './types.ts'

/** Defaults that their own schema would not let pass. Source: apiextensions schema/defaulting/validation.go. */
export function defaultErrors(schema: Schema, path: string, isRoot = true, inMeta = false): FieldError[] {
  if (!hasDefaults(schema)) return []
  const isResource = isRoot || schema['x-kubernetes-embedded-resource'] === true
  const errors =
    schema.default === undefined || schema.default === null ? [] : ownErrors(schema, `${path}.default`, inMeta)
  if (schema.items) errors.push(...defaultErrors(schema.items, `${path}.items`, false, inMeta))
  for (const [name, part] of entries(schema.properties)) {
    const inside = (inMeta && !isResource) || (isResource && metaFields.has(name))
    errors.push(...defaultErrors(part, `${path}.properties[${name}]`, false, inside))
  }
  return errors
}

function ownErrors(schema: Schema, path: string, inMeta: boolean): FieldError[] {
  const value = schema.default
  const { unknown } = pruneInside(value, schema)
  const errors = unknown.length && !inMeta ? [invalid(path, value, 'must not have unknown fields')] : []
  try {
    coerceEmbedded(structuredClone(value), schema)
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error
    return [...errors, invalidUnshown(path, error.message)]
  }
  const embedded = embeddedErrors(value, schema, path)
  if (embedded.length) return [...errors, ...embedded]
  const wrong = schemaErrors(schema, value, path)
  return [...errors, ...(wrong.length ? wrong : listTypeErrors(value, schema, path))]
}
