import type { Schema } from '../../registry/apiextensions/types.ts'
import { isObject, type JsonObject } from '../schema/paths.ts'
import { combinationCheck } from './combinations.ts'
import {
  countCheck,
  enumCheck,
  forbiddenProperty,
  listCheck,
  numberCheck,
  requiredCheck,
  stringCheck,
  textFormatCheck,
  typeCheck,
  type Check,
} from './keywords.ts'
import { correlate, nothing, unchanged } from './ratchet.ts'
import { mergeInto, passed, type Result, type Validator } from './result.ts'

/**
 * A schema made into a function: its keywords and patterns compiled once, its parts when they are first met. The order
 * of checks, the texts, and which errors of alternatives are shown are those of kube-openapi's validator.
 */
export function compile(schema: Schema): Validator {
  const type = typeCheck(schema)
  const values = enumCheck(schema)
  const combination = combinationCheck(schema, lazily)
  const string = stringCheck(schema)
  const format = textFormatCheck(schema)
  const number = numberCheck(schema)
  const list = listValidator(schema)
  const object = objectValidator(schema)

  const check = (value: unknown, path: string, old: unknown): Result => {
    if (value === null || value === undefined) {
      const result = type ? type(null, path) : passed(1)
      if (values) mergeInto(result, values(null, path))
      return result
    }
    const result = passed(1)
    const run = <T>(applies: Check<T> | undefined, at: T): void => {
      if (applies) mergeInto(result, applies(at, path))
      result.matches++
    }
    if (type) run(type, value)
    run(combination, value)
    if (typeof value === 'string') {
      run(string, value)
      if (format) run(format, value)
    } else if (typeof value === 'number' || typeof value === 'bigint') run(number, value)
    else if (Array.isArray(value)) run((items: unknown[]) => list(items, path, old), value)
    run(values, value)
    if (isObject(value)) run((fields: JsonObject) => object(fields, path, old), value)
    return result
  }
  return (value, path, old = nothing) => {
    const result = check(value, path, old)
    return result.errors.length && unchanged(value, old) ? passed(result.matches) : result
  }
}

function lazily(schema: Schema): Validator {
  let compiled: Validator | undefined
  return (value, path, old) => (compiled ??= compile(schema))(value, path, old)
}

function listValidator(schema: Schema): (items: readonly unknown[], path: string, old: unknown) => Result {
  const each = schema.items && lazily(schema.items)
  const whole = listCheck(schema)
  return (items, path, old) => {
    const result = passed(1)
    const before = correlate(schema, old)
    if (each) for (const [i, item] of items.entries()) mergeInto(result, each(item, `${path}[${i}]`, before(item)))
    if (whole) mergeInto(result, whole(items, path))
    return result
  }
}

function objectValidator(schema: Schema): (fields: JsonObject, path: string, old: unknown) => Result {
  const properties = new Map(Object.entries(schema.properties ?? {}).map(([name, part]) => [name, lazily(part)]))
  const more = schema.additionalProperties
  const entries = typeof more === 'object' ? lazily(more) : undefined
  const count = countCheck(schema)
  const required = requiredCheck(schema)
  return (fields, path, old) => {
    const counted = count?.(fields, path)
    if (counted?.errors.length) return counted
    const result = passed()
    const before = (name: string): unknown => (isObject(old) && Object.hasOwn(old, name) ? old[name] : nothing)
    for (const [name, value] of Object.entries(fields)) {
      if (properties.has(name)) continue
      if (entries) mergeInto(result, entries(value, `${path}.${name}`, before(name)))
      else if (more === false) mergeInto(result, forbiddenProperty(path, name))
    }
    for (const [name, property] of properties)
      if (Object.hasOwn(fields, name))
        mergeInto(result, property(fields[name], path === '' ? name : `${path}.${name}`, before(name)))
    if (required) mergeInto(result, required(fields, path))
    return result
  }
}
