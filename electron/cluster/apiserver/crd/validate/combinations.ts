import type { Schema } from '../../registry/apiextensions/types.ts'
import { invalid } from '../../registry/validation/field.ts'
import { mergeInto, passed, type Result, type Validator } from './result.ts'

/** What says nothing of one field: these errors lie at the top. */
const whole = (result: Result, path: string, text: string): void =>
  void result.errors.push(invalid('', '', `${JSON.stringify(path)} must ${text}`))

/** allOf, anyOf, oneOf and not. Source: kube-openapi validation/validate/schema_props.go. */
export function combinationCheck(
  { anyOf = [], oneOf = [], allOf = [], not }: Schema,
  compile: (schema: Schema) => Validator,
): (value: unknown, path: string) => Result {
  const any = anyOf.map(compile)
  const one = oneOf.map(compile)
  const all = allOf.map(compile)
  const none = not && compile(not)
  if (!any.length && !one.length && !all.length && !none) return () => passed(1)
  return (value, path) => {
    const result = passed()
    if (any.length) checkAny(any, value, path, result)
    if (one.length) checkOne(one, value, path, result)
    if (all.length) checkAll(all, value, path, result)
    if (none && !none(value, path).errors.length) whole(result, path, 'not validate the schema (not)')
    result.matches++
    return result
  }
}

const better = (best: Result | undefined, result: Result): Result =>
  best && result.matches <= best.matches ? best : result

function checkAny(alternatives: readonly Validator[], value: unknown, path: string, result: Result): void {
  let best: Result | undefined
  for (const alternative of alternatives) {
    const found = alternative(value, path)
    if (!found.errors.length) return mergeInto(result, found)
    best = better(best, found)
  }
  whole(result, path, 'validate at least one schema (anyOf)')
  mergeInto(result, best!)
}

function checkOne(alternatives: readonly Validator[], value: unknown, path: string, result: Result): void {
  let best: Result | undefined
  let first: Result | undefined
  let valid = 0
  for (const alternative of alternatives) {
    const found = alternative(value, path)
    if (!found.errors.length) {
      valid++
      first ??= found
    } else if (!valid) best = better(best, found)
  }
  if (valid === 1) return mergeInto(result, first!)
  const found = valid ? `Found ${valid} valid alternatives` : 'Found none valid'
  whole(result, path, `validate one and only one schema (oneOf). ${found}`)
  if (!valid) mergeInto(result, best!)
}

function checkAll(parts: readonly Validator[], value: unknown, path: string, result: Result): void {
  let valid = 0
  for (const part of parts) {
    const found = part(value, path)
    if (!found.errors.length) valid++
    mergeInto(result, found)
  }
  if (valid < parts.length) whole(result, path, `validate all the schemas (allOf)${valid ? '' : '. None validated'}`)
}
