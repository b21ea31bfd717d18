import type { FieldError } from '#shared/kube/status.ts'
import { regexOf } from '../../../cel/library/regex-cache.ts'
import { CelError } from '../../../cel/values/errors.ts'
import { entries } from '../loose.ts'
import { forbidden, invalid } from '../validation/field.ts'
import { openApiErrors } from './open-api-schema.ts'
import { RuleCosts } from './rule-costs.ts'
import { defaultErrors } from './schema-defaults.ts'
import { structuralErrors } from './structural.ts'
import type { Schema } from './types.ts'

/**
 * What is wrong with the schema of a version, by what depends on what: defaults and rules are looked at only where the
 * schema is structural. Source: validateCustomResourceDefinitionValidation.
 */
export function validateSchema(schema: Schema, path: string, hasStatus: boolean): FieldError[] {
  const errors = hasStatus ? rootErrors(schema, path) : []
  if (schema.nullable) errors.push(forbidden(`${path}.nullable`, 'nullable cannot be true at the root'))
  const structural = [...structuralErrors(schema, path), ...patternErrors(schema, path)]
  const defaults = structural.length ? [] : defaultErrors(schema, path)
  errors.push(...structural, ...defaults)
  const rules = structural.length || defaults.length ? undefined : new RuleCosts()
  errors.push(...openApiErrors(schema, path, { rules }))
  return [...errors, ...(rules?.totalErrors(path) ?? [])]
}

/** With a status of its own, the root may say nothing that would have to be checked across both halves. */
const allowedAtRoot: ReadonlyMap<keyof Schema, string> = new Map([
  ['description', 'Description'],
  ['type', 'Type'],
  ['format', 'Format'],
  ['title', 'Title'],
  ['maximum', 'Maximum'],
  ['exclusiveMaximum', 'ExclusiveMaximum'],
  ['minimum', 'Minimum'],
  ['exclusiveMinimum', 'ExclusiveMinimum'],
  ['maxLength', 'MaxLength'],
  ['minLength', 'MinLength'],
  ['pattern', 'Pattern'],
  ['maxItems', 'MaxItems'],
  ['minItems', 'MinItems'],
  ['uniqueItems', 'UniqueItems'],
  ['multipleOf', 'MultipleOf'],
  ['required', 'Required'],
  ['items', 'Items'],
  ['properties', 'Properties'],
  ['externalDocs', 'ExternalDocs'],
  ['example', 'Example'],
  ['x-kubernetes-preserve-unknown-fields', 'XPreserveUnknownFields'],
  ['x-kubernetes-validations', 'XValidations'],
])

function rootErrors(schema: Schema, path: string): FieldError[] {
  if (schema.type && schema.type !== 'object') {
    const text = 'only "object" is allowed as the type at the root of the schema if the status subresource is enabled'
    return [invalid(`${path}.type`, schema.type, text)]
  }
  const isSet = ([, value]: [string, unknown]) =>
    value !== undefined && value !== false && value !== '' && !(Array.isArray(value) && !value.length)
  if (
    Object.entries(schema)
      .filter(isSet)
      .every(([name]) => allowedAtRoot.has(name as keyof Schema))
  )
    return []
  const text = `only [${[...allowedAtRoot.values()].join(' ')}] fields are allowed at the root of the schema if the status subresource is enabled`
  return [invalid(path, schema, text)]
}

function patternErrors(schema: Schema, path: string): FieldError[] {
  const { pattern, items, additionalProperties: more } = schema
  const errors: FieldError[] = []
  if (pattern) {
    try {
      regexOf(pattern)
    } catch (error) {
      if (!(error instanceof CelError)) throw error
      const text = `must be a valid regular expression, but isn't: ${error.message}`
      errors.push(invalid(`${path}.pattern`, pattern, text))
    }
  }
  for (const [name, part] of entries(schema.properties))
    errors.push(...patternErrors(part, `${path}.properties[${name}]`))
  if (items) errors.push(...patternErrors(items, `${path}.items`))
  if (typeof more === 'object') errors.push(...patternErrors(more, `${path}.additionalProperties`))
  for (const key of ['allOf', 'anyOf', 'oneOf'] as const)
    for (const [i, part] of (schema[key] ?? []).entries()) errors.push(...patternErrors(part, `${path}.${key}[${i}]`))
  return schema.not ? [...errors, ...patternErrors(schema.not, `${path}.not`)] : errors
}
