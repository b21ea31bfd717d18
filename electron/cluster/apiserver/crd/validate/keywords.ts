import type { RE2JS } from 're2js'
import { regexOf } from '../../../cel/library/regex-cache.ts'
import { CelError } from '../../../cel/values/errors.ts'
import { invalid, notSupported, required, tooLong, tooMany, typeInvalid } from '../../registry/validation/field.ts'
import type { Schema } from '../../registry/apiextensions/types.ts'
import { canonical } from '../schema/list-types.ts'
import type { JsonObject } from '../schema/paths.ts'
import { formatCheck } from './formats.ts'
import { goNumber, isMultiple } from './numbers.ts'
import { failed, passed, type Result } from './result.ts'

/** One keyword, or a few that go together; undefined where the schema has none of them. */
export type Check<T> = (value: T, path: string) => Result

/** Errors name fields without the dot that paths begin with below a map at the root. */
const fieldOf = (path: string): string => (path.startsWith('.') ? path.slice(1) : path)
const inBody = (path: string, text: string): string => `${path} in body ${text}`
const wrong = (path: string, value: unknown, text: string): Result =>
  failed(invalid(fieldOf(path), value, inBody(path, text)))
const wrongType = (path: string, type: string, got: string): Result =>
  failed(typeInvalid(fieldOf(path), got, inBody(path, `must be of type ${type}: ${JSON.stringify(got)}`)))

export function typeOf(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'array'
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number'
  if (typeof value === 'bigint') return 'integer'
  return typeof value
}

/** The types that a schema names; its format, as far as there is a check for it. */
export function typesOf(schema: Schema): string[] {
  if (schema['x-kubernetes-int-or-string']) return ['integer', 'string']
  return schema.type ? [schema.type] : []
}

export function typeCheck(schema: Schema): Check<unknown> | undefined {
  const types = typesOf(schema)
  const format = formatCheck(schema.format ?? '') ? schema.format! : ''
  if (!types.length && !format) return undefined
  const numeric = types.includes('integer') || types.includes('number')
  return (value, path) => {
    const type = typeOf(value)
    if (value === null) return !types.length || schema.nullable ? passed(1) : wrongType(path, types.join(','), 'null')
    const fits = types.includes(type) || (type === 'integer' && types.includes('number'))
    const isText = type === 'string' || type === 'array'
    if (!isText && format && !fits)
      return wrongType(path, format, type === 'integer' ? 'int64' : type === 'number' ? 'float64' : '')
    if (isText && format && !numeric) return passed(1)
    return fits ? passed(1) : wrongType(path, types.join(','), type)
  }
}

export function enumCheck({ enum: values = [] }: Schema): Check<unknown> | undefined {
  if (!values.length) return undefined
  const known = new Set(values.map(canonical))
  const shown = values.map((value) => (typeof value === 'string' ? value : JSON.stringify(value)))
  return (value, path) =>
    value !== null && known.has(canonical(value)) ? passed() : failed(notSupported(fieldOf(path), value, shown))
}

export function stringCheck({ maxLength, minLength, pattern }: Schema): Check<string> | undefined {
  if (maxLength === undefined && minLength === undefined && !pattern) return undefined
  const expression = pattern ? goPattern(pattern) : undefined
  return (value, path) => {
    const length = maxLength === undefined && minLength === undefined ? 0 : [...value].length
    if (maxLength !== undefined && length > maxLength) return failed(tooLong(fieldOf(path), maxLength))
    if (minLength !== undefined && length < minLength)
      return wrong(path, value, `should be at least ${minLength} chars long`)
    if (pattern && !expression?.test(value)) return wrong(path, value, `should match '${pattern}'`)
    return passed()
  }
}

export function textFormatCheck({ format = '' }: Schema): Check<string> | undefined {
  const check = formatCheck(format)
  return (
    check &&
    ((value, path) =>
      check(value)
        ? passed()
        : failed(
            typeInvalid(fieldOf(path), value, inBody(path, `must be of type ${format}: ${JSON.stringify(value)}`)),
          ))
  )
}

export function numberCheck(schema: Schema): Check<number | bigint> | undefined {
  const { multipleOf, maximum, exclusiveMaximum, minimum, exclusiveMinimum } = schema
  if (multipleOf === undefined && maximum === undefined && minimum === undefined) return undefined
  return (value, path) => {
    const result = passed(1)
    const bound = (limit: number) => goNumber(limit, typeOf(value) === 'integer')
    const add = (text: string) => result.errors.push(...wrong(path, value, text).errors)
    if (multipleOf !== undefined && !isMultiple(value, multipleOf)) add(`should be a multiple of ${bound(multipleOf)}`)
    if (minimum !== undefined && (exclusiveMinimum ? value <= minimum : value < minimum))
      add(`should be greater than ${exclusiveMinimum ? '' : 'or equal to '}${bound(minimum)}`)
    if (maximum !== undefined && (exclusiveMaximum ? value >= maximum : value > maximum))
      add(`should be less than ${exclusiveMaximum ? '' : 'or equal to '}${bound(maximum)}`)
    return result
  }
}

export function listCheck({ maxItems, minItems, uniqueItems }: Schema): Check<readonly unknown[]> | undefined {
  if (maxItems === undefined && minItems === undefined && !uniqueItems) return undefined
  return (items, path) => {
    const { length } = items
    const result = passed()
    if (minItems !== undefined && length < minItems)
      result.errors.push(...wrong(path, length, `should have at least ${minItems} items`).errors)
    if (maxItems !== undefined && length > maxItems) result.errors.push(tooMany(fieldOf(path), length, maxItems))
    if (uniqueItems && new Set(items.map(canonical)).size < length)
      result.errors.push(...wrong(path, '', "shouldn't contain duplicates").errors)
    return result
  }
}

/** Too few or too many: then nothing else of the object is looked at. */
export function countCheck({ maxProperties, minProperties }: Schema): Check<JsonObject> | undefined {
  if (maxProperties === undefined && minProperties === undefined) return undefined
  return (value, path) => {
    const count = Object.keys(value).length
    if (minProperties !== undefined && count < minProperties)
      return wrong(path, count, `should have at least ${minProperties} properties`)
    if (maxProperties !== undefined && count > maxProperties)
      return failed(tooMany(fieldOf(path), count, maxProperties))
    return passed()
  }
}

export function requiredCheck({ required: names = [] }: Schema): Check<JsonObject> | undefined {
  if (!names.length) return undefined
  return (value, path) =>
    failed(...names.filter((name) => !Object.hasOwn(value, name)).map((name) => required(fieldOf(`${path}.${name}`))))
}

export const forbiddenProperty = (path: string, name: string): Result =>
  failed(invalid(fieldOf(path), name, `${path}.${name} in body is a forbidden property`))

/** The pattern as Go reads it; undefined when it cannot be read. */
function goPattern(pattern: string): RE2JS | undefined {
  try {
    return regexOf(pattern)
  } catch (error) {
    if (error instanceof CelError) return undefined
    throw error
  }
}
