import type { FieldError } from '#shared/kube/status.ts'
import type { Schema } from '../../registry/apiextensions/types.ts'
import { child } from '../schema/paths.ts'
import { compile } from './compile.ts'
import { nothing } from './ratchet.ts'
import type { Validator } from './result.ts'

const compiled = new WeakMap<Schema, Validator>()

/**
 * What is wrong with a value by its schema. `base` is where the value stands; what says nothing of one field is blamed
 * on it, or on `<nil>` at the top. With `old`, what did not change is good enough.
 */
export function schemaErrors(schema: Schema, value: unknown, base = '', old: unknown = nothing): FieldError[] {
  let validator = compiled.get(schema)
  if (!validator) compiled.set(schema, (validator = compile(schema)))
  return validator(value, '', old).errors.map((error) => ({
    ...error,
    field: error.field === '' ? base || '<nil>' : child(base, error.field),
  }))
}
