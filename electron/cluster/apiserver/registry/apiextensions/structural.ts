import type { FieldError } from '#shared/kube/status.ts'
import { semanticEqual } from '../equal.ts'
import { entries } from '../loose.ts'
import { forbidden, invalid, required } from '../validation/field.ts'
import type { Schema } from './types.ts'

type Level = 'root' | 'field' | 'item'

const missingType: Readonly<Record<Level, string>> = {
  root: 'must not be empty at the root',
  field: 'must not be empty for specified object fields',
  item: 'must not be empty for specified array items',
}

/**
 * What keeps a schema from being structural, sorted as upstream sorts it.
 * Source: apiextensions-apiserver/pkg/apiserver/schema/validation.go and complete.go.
 */
export function structuralErrors(schema: Schema, path: string): FieldError[] {
  const errors = [...invariants(schema, 'root', path), ...completeness(schema, schema, path, path)]
  const text = ({ field, message }: FieldError) => `${field}: ${message}`
  return errors.sort((a, b) => (text(a) < text(b) ? -1 : text(a) > text(b) ? 1 : 0))
}

function invariants(schema: Schema, level: Level, path: string): FieldError[] {
  const { items, properties, additionalProperties: more } = schema
  const errors: FieldError[] = []
  if (schema.type === 'array' && !items) errors.push(required(`${path}.items`, 'must be specified'))
  if (items) errors.push(...invariants(items, 'item', `${path}.items`))
  for (const [name, part] of entries(properties))
    errors.push(...invariants(part, 'field', `${path}.properties[${name}]`))
  if (more !== undefined && level === 'root')
    errors.push(forbidden(`${path}.additionalProperties`, 'must not be used at the root'))
  if (typeof more === 'object') errors.push(...invariants(more, 'field', `${path}.additionalProperties`))
  return [
    ...errors,
    ...extensions(schema, path),
    ...valueValidation(schema, path),
    ...types(schema, level, path),
    ...metadata(schema, level, path),
  ]
}

function extensions(schema: Schema, path: string): FieldError[] {
  if (!schema['x-kubernetes-int-or-string']) return []
  return (['x-kubernetes-preserve-unknown-fields', 'x-kubernetes-embedded-resource'] as const)
    .filter((name) => schema[name])
    .map((name) => invalid(`${path}.${name}`, true, 'must be false if x-kubernetes-int-or-string is true'))
}

function types(schema: Schema, level: Level, path: string): FieldError[] {
  const { type = '' } = schema
  const isEmbedded = schema['x-kubernetes-embedded-resource']
  const isOpen = schema['x-kubernetes-int-or-string'] || schema['x-kubernetes-preserve-unknown-fields']
  const errors: FieldError[] = []
  if (isEmbedded && type !== 'object') {
    const text = 'must be object if x-kubernetes-embedded-resource is true'
    errors.push(type ? invalid(`${path}.type`, type, text) : required(`${path}.type`, text))
  } else if (!type && (!isOpen || level === 'root')) errors.push(required(`${path}.type`, missingType[level]))
  if (type && schema['x-kubernetes-int-or-string'])
    errors.push(invalid(`${path}.type`, type, 'must be empty if x-kubernetes-int-or-string is true'))
  if (isEmbedded && schema.additionalProperties !== undefined)
    errors.push(forbidden(`${path}.additionalProperties`, 'must not be used if x-kubernetes-embedded-resource is set'))
  if (level === 'root' && type && type !== 'object')
    errors.push(invalid(`${path}.type`, type, 'must be object at the root'))
  if (isEmbedded && !schema['x-kubernetes-preserve-unknown-fields'] && !entries(schema.properties).length) {
    const text =
      'must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields'
    errors.push(required(`${path}.properties`, text))
  }
  return errors
}

/** Of the metadata of a whole resource a schema may say no more than what its names look like. */
function metadata(schema: Schema, level: Level, path: string): FieldError[] {
  const { properties = {} } = schema
  const isResource = level === 'root' || schema['x-kubernetes-embedded-resource']
  const errors: FieldError[] = []
  if (isResource) {
    for (const name of ['kind', 'apiVersion'])
      if (properties[name] && properties[name].type !== 'string')
        errors.push(invalid(`${path}.properties[${name}].type`, properties[name].type ?? '', 'must be string'))
    if (properties['metadata'] && properties['metadata'].type !== 'object')
      errors.push(invalid(`${path}.properties[metadata].type`, properties['metadata'].type ?? '', 'must be object'))
  }
  const own = properties['metadata']
  if (own && level === 'root' && !saysOnlyNames(own)) {
    const text = 'must not specify anything other than name and generateName, but metadata is implicitly specified'
    errors.push(forbidden(`${path}.properties[metadata]`, text))
  }
  return errors
}

function saysOnlyNames({ type: _type, default: _default, properties = {}, ...rest }: Schema): boolean {
  const hasOthers = Object.keys(properties).some((name) => name !== 'name' && name !== 'generateName')
  return !hasOthers && Object.values(rest).every((value) => value === undefined || value === false || value === '')
}

const intOrString: readonly Schema[] = [{ type: 'integer' }, { type: 'string' }]

/** allOf, anyOf, oneOf and not may only narrow what the schema around them has. */
function valueValidation(schema: Schema, path: string): FieldError[] {
  const { allOf = [], anyOf = [], oneOf = [], not } = schema
  const errors: FieldError[] = []
  if (!semanticEqual(anyOf, intOrString))
    for (const [i, part] of anyOf.entries()) errors.push(...nested(part, `${path}.anyOf[${i}]`))
  for (const [i, part] of allOf.entries()) {
    const isPattern = i === 0 && semanticEqual(part.anyOf, intOrString)
    errors.push(...nested(isPattern ? { ...part, anyOf: undefined } : part, `${path}.allOf[${i}]`))
  }
  for (const [i, part] of oneOf.entries()) errors.push(...nested(part, `${path}.oneOf[${i}]`))
  if (not) errors.push(...nested(not, `${path}.not`))
  return errors
}

/** What parts of a combination may not have, by what they would have to be instead. */
const unstructural: readonly (readonly [keyof Schema, string])[] = [
  ['type', 'empty'],
  ['additionalProperties', 'undefined'],
  ['default', 'undefined'],
  ['title', 'empty'],
  ['description', 'empty'],
  ['nullable', 'false'],
  ['externalDocs', 'undefined'],
  ['x-kubernetes-preserve-unknown-fields', 'false'],
  ['x-kubernetes-embedded-resource', 'false'],
  ['x-kubernetes-int-or-string', 'false'],
  ['x-kubernetes-list-map-keys', 'empty'],
  ['x-kubernetes-list-type', 'undefined'],
  ['x-kubernetes-map-type', 'undefined'],
  ['x-kubernetes-validations', 'empty'],
]

function nested(schema: Schema, path: string): FieldError[] {
  const errors = valueValidation(schema, path)
  if (schema.items) errors.push(...nested(schema.items, `${path}.items`))
  for (const [name, part] of entries(schema.properties)) errors.push(...nested(part, `${path}.properties[${name}]`))
  for (const [field, wanted] of unstructural) {
    const value = schema[field]
    if (value === undefined || value === false || value === '' || (Array.isArray(value) && !value.length)) continue
    errors.push(forbidden(`${path}.${field}`, `must be ${wanted} to be structural`))
  }
  if (schema.properties?.['metadata'])
    errors.push(forbidden(`${path}.properties[metadata]`, 'must not be specified in a nested context'))
  return errors
}

/** Every field that a combination speaks of must be specified outside of it. */
function completeness(part: Schema, schema: Schema | undefined, path: string, at: string): FieldError[] {
  const { allOf = [], anyOf = [], oneOf = [], not } = part
  const parts: [Schema, string][] = [
    ...(not ? [[not, `${at}.not`] as [Schema, string]] : []),
    ...allOf.map((each, i): [Schema, string] => [each, `${at}.allOf[${i}]`]),
    ...anyOf.map((each, i): [Schema, string] => [each, `${at}.anyOf[${i}]`]),
    ...oneOf.map((each, i): [Schema, string] => [each, `${at}.oneOf[${i}]`]),
  ]
  return parts.flatMap(([each, where]) => nestedCompleteness(each, schema, path, where))
}

function nestedCompleteness(part: Schema, schema: Schema | undefined, path: string, at: string): FieldError[] {
  if (!schema) return [required(path, `because it is defined in ${at}`)]
  const errors = completeness(part, schema, path, at)
  if (part.items) errors.push(...nestedCompleteness(part.items, schema.items, `${path}.items`, `${at}.items`))
  for (const [name, each] of entries(part.properties)) {
    const where = `properties[${name}]`
    errors.push(...nestedCompleteness(each, schema.properties?.[name], `${path}.${where}`, `${at}.${where}`))
  }
  return errors
}
