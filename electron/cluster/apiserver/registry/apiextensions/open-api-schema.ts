import type { FieldError } from '#shared/kube/status.ts'
import { entries } from '../loose.ts'
import { forbidden, invalid, notSupported, required } from '../validation/field.ts'
import type { Rule, Schema } from './types.ts'
import { resolveFieldPath } from './field-path.ts'
import type { RuleCosts } from './rule-costs.ts'

const types = ['array', 'boolean', 'integer', 'number', 'object', 'string']
const ruleReasons = ['FieldValueDuplicate', 'FieldValueForbidden', 'FieldValueInvalid', 'FieldValueRequired']

/** Where a schema stands. */
export interface Place {
  /** Why defaults may not be set here. */
  noDefaults?: string
  /** Within apiVersion, kind or metadata of a resource. */
  inMeta?: boolean
  /** The first place on the way here whose parts cannot be told again after an update. */
  uncorrelated?: string
  /** Compiles rules and counts what they cost; absent where they are not looked at. */
  rules?: RuleCosts | undefined
}

const keywords: readonly (readonly [keyof Schema, string])[] = [
  ['id', 'id is not supported'],
  ['additionalItems', 'additionalItems is not supported'],
  ['patternProperties', 'patternProperties is not supported'],
  ['definitions', 'definitions is not supported'],
  ['dependencies', 'dependencies is not supported'],
  ['$ref', '$ref is not supported'],
]

/** Source: ValidateCustomResourceDefinitionOpenAPISchema. */
export function openApiErrors(schema: Schema, path: string, place: Place = {}, isRoot = true): FieldError[] {
  const errors = [...plainErrors(schema, path, place)]
  const { additionalProperties: more, properties, items } = schema
  if (more !== undefined && entries(properties).length && more !== true)
    errors.push(forbidden(`${path}.additionalProperties`, 'additionalProperties and properties are mutual exclusive'))
  if (typeof more === 'object') {
    const inside = place.inMeta ? { noDefaults: 'inside additionalProperties applying to object metadata' } : {}
    const rules = place.rules?.within(schema.maxProperties)
    errors.push(...openApiErrors(more, `${path}.additionalProperties`, { ...place, ...inside, rules }, false))
  }
  const isAtomic = schema['x-kubernetes-map-type'] === 'atomic'
  for (const [name, part] of entries(properties)) {
    const inside: Place = { ...place, ...(isAtomic ? { uncorrelated: place.uncorrelated ?? path } : {}) }
    if ((isRoot || schema['x-kubernetes-embedded-resource']) && ['metadata', 'kind', 'apiVersion'].includes(name)) {
      inside.inMeta = true
      if (isRoot) inside.noDefaults = `in top-level ${name}`
    }
    errors.push(...openApiErrors(part, `${path}.properties[${name}]`, inside, false))
  }
  const combined = { ...place, rules: undefined }
  if (schema.not) errors.push(...openApiErrors(schema.not, `${path}.not`, combined, false))
  for (const key of ['allOf', 'oneOf', 'anyOf'] as const)
    for (const [i, part] of (schema[key] ?? []).entries())
      errors.push(...openApiErrors(part, `${path}.${key}[${i}]`, combined, false))
  if (items && !Array.isArray(items)) {
    const keyed = schema['x-kubernetes-list-type'] === 'map'
    const inside: Place = { ...place, rules: place.rules?.within(schema.maxItems) }
    if (!keyed) inside.uncorrelated = place.uncorrelated ?? path
    errors.push(...openApiErrors(items, `${path}.items`, inside, false))
  }
  errors.push(...mapTypeErrors(schema, path), ...listTypeErrors(schema, path))
  const rules = schema['x-kubernetes-validations'] ?? []
  for (const [i, rule] of rules.entries())
    errors.push(...ruleErrors(schema, rule, `${path}.x-kubernetes-validations[${i}]`))
  // Rules over a schema that is wrong itself are not worth compiling.
  if (rules.length && !errors.length && place.rules)
    errors.push(...place.rules.check(schema, `${path}.x-kubernetes-validations`, place.uncorrelated, isRoot))
  return errors
}

function plainErrors(schema: Schema, path: string, { noDefaults, inMeta }: Place): FieldError[] {
  const errors: FieldError[] = []
  const { type = '' } = schema
  if (type && !types.includes(type)) errors.push(notSupported(`${path}.type`, type, types))
  if (schema.default !== undefined && noDefaults !== undefined)
    errors.push(forbidden(`${path}.default`, `must not be set ${noDefaults}`))
  for (const [keyword, text] of keywords)
    if (schema[keyword] !== undefined && schema[keyword] !== '') errors.push(forbidden(`${path}.${keyword}`, text))
  if (type === 'null')
    errors.push(forbidden(`${path}.type`, 'type cannot be set to null, use nullable as an alternative'))
  if (Array.isArray(schema.items))
    errors.push(forbidden(`${path}.items`, 'items must be a schema object and not an array'))
  if (inMeta && schema['x-kubernetes-embedded-resource'])
    errors.push(forbidden(`${path}.x-kubernetes-embedded-resource`, 'must not be used inside of resource meta'))
  if (schema.uniqueItems)
    errors.push(
      forbidden(
        `${path}.uniqueItems`,
        'uniqueItems cannot be set to true since the runtime complexity becomes quadratic',
      ),
    )
  if (schema['x-kubernetes-preserve-unknown-fields'] === false)
    errors.push(invalid(`${path}.x-kubernetes-preserve-unknown-fields`, false, 'must be true or undefined'))
  return errors
}

function mapTypeErrors(schema: Schema, path: string): FieldError[] {
  const mapType = schema['x-kubernetes-map-type']
  if (mapType === undefined) return []
  const errors = typeMustBe(schema, path, 'object', 'x-kubernetes-map-type')
  if (mapType !== 'atomic' && mapType !== 'granular')
    errors.push(notSupported(`${path}.x-kubernetes-map-type`, mapType, ['atomic', 'granular']))
  return errors
}

function typeMustBe({ type }: Schema, path: string, wanted: string, because: string): FieldError[] {
  const text = `must be ${wanted} if ${because} is specified`
  if (!type) return [required(`${path}.type`, text)]
  return type === wanted ? [] : [invalid(`${path}.type`, type, text)]
}

function listTypeErrors(schema: Schema, path: string): FieldError[] {
  const listType = schema['x-kubernetes-list-type']
  const keys = schema['x-kubernetes-list-map-keys'] ?? []
  const at = `${path}.x-kubernetes-list-type`
  const errors: FieldError[] = []
  if (listType !== undefined) {
    const wrongType = typeMustBe(schema, path, 'array', 'x-kubernetes-list-type')
    errors.push(...(wrongType.length ? wrongType : setItemErrors(schema, path)))
    if (!['atomic', 'set', 'map'].includes(listType)) errors.push(notSupported(at, listType, ['atomic', 'set', 'map']))
  }
  if (keys.length && listType !== 'map') {
    const text = 'must be map if x-kubernetes-list-map-keys is non-empty'
    errors.push(listType === undefined ? required(at, text) : invalid(at, listType, text))
  }
  if (listType === 'map') errors.push(...keyedListErrors(schema, keys, path))
  if (listType === 'map' || listType === 'set') errors.push(...keyErrors(schema, keys, listType, path))
  return errors
}

function setItemErrors({ 'x-kubernetes-list-type': listType, items }: Schema, path: string): FieldError[] {
  if (listType !== 'set' || !items) return []
  const text = 'must be atomic as item of a list with x-kubernetes-list-type=set'
  const ofItems = items['x-kubernetes-list-type']
  if (items.type === 'array' && ofItems !== undefined && ofItems !== 'atomic')
    return [invalid(`${path}.items.x-kubernetes-list-type`, ofItems, text)]
  if (items.type === 'object' && items['x-kubernetes-map-type'] !== 'atomic')
    return [invalid(`${path}.items.x-kubernetes-map-type`, null, text)]
  return []
}

function keyedListErrors({ items }: Schema, keys: readonly string[], path: string): FieldError[] {
  const at = `${path}.x-kubernetes-list-map-keys`
  const errors = keys.length ? [] : [required(at, 'must not be empty if x-kubernetes-list-type is map')]
  if (!items) return [...errors, required(`${path}.items`, 'must have a schema if x-kubernetes-list-type is map')]
  if (items.type !== 'object')
    return [
      ...errors,
      invalid(`${path}.items.type`, items.type ?? '', "must be object if parent array's x-kubernetes-list-type is map"),
    ]
  const seen = new Set<string>()
  for (const key of keys) {
    const property = items.properties?.[key]
    if (!property) errors.push(invalid(at, keys, 'entries must all be names of item properties'))
    else if (property.type === 'array' || property.type === 'object') {
      const text = "must be a scalar type if parent array's x-kubernetes-list-type is map"
      errors.push(invalid(`${path}.items.properties[${key}].type`, items.type, text))
    }
    if (seen.has(key)) errors.push(invalid(at, keys, 'must not contain duplicate entries'))
    seen.add(key)
  }
  return errors
}

/** Keys must always be there, and items of sets and keyed lists are never null. */
function keyErrors({ items }: Schema, keys: readonly string[], listType: string, path: string): FieldError[] {
  if (!items) return []
  const errors = items.nullable
    ? [forbidden(`${path}.items.nullable`, `cannot be nullable when x-kubernetes-list-type is ${listType}`)]
    : []
  for (const key of listType === 'map' ? keys : []) {
    const property = items.properties?.[key]
    if (!property) continue
    const at = `${path}.items.properties[${key}]`
    const why = 'this property is in x-kubernetes-list-map-keys, so it'
    if (!items.required?.includes(key) && property.default === undefined)
      errors.push(required(`${at}.default`, `${why} must have a default or be a required property`))
    if (property.nullable) errors.push(forbidden(`${at}.nullable`, `${why} cannot be nullable`))
  }
  return errors
}

function ruleErrors(schema: Schema, rule: Rule, path: string): FieldError[] {
  const { rule: source = '', message = '', messageExpression = '', reason, fieldPath = '' } = rule
  const errors: FieldError[] = []
  const hasBreaks = (text: string): boolean => /[\r\n]/.test(text)
  if (!source.trim()) errors.push(required(`${path}.rule`, 'rule is not specified'))
  else if (message && !message.trim())
    errors.push(invalid(`${path}.message`, message, 'message must be non-empty if specified'))
  else if (hasBreaks(message.trim()))
    errors.push(invalid(`${path}.message`, message, 'message must not contain line breaks'))
  else if (hasBreaks(source.trim()) && !message.trim())
    errors.push(required(`${path}.message`, 'message must be specified if rule contains line breaks'))
  if (messageExpression && !messageExpression.trim())
    errors.push(required(`${path}.messageExpression`, 'messageExpression must be non-empty if specified'))
  if (reason !== undefined && !ruleReasons.includes(reason))
    errors.push(notSupported(`${path}.reason`, reason, ruleReasons))
  if (fieldPath && !fieldPath.trim())
    errors.push(invalid(`${path}.fieldPath`, fieldPath, 'fieldPath must be non-empty if specified'))
  if (hasBreaks(fieldPath))
    errors.push(invalid(`${path}.fieldPath`, fieldPath, 'fieldPath must not contain line breaks'))
  if (fieldPath && 'error' in resolveFieldPath(fieldPath, schema))
    errors.push(invalid(`${path}.fieldPath`, fieldPath, 'fieldPath must be a valid path'))
  return errors
}
