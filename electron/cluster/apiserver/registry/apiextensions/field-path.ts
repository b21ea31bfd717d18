import type { Schema } from './types.ts'

export interface FieldPath {
  names: readonly string[]
  schema: Schema
}

/**
 * Follows `.spec.foo['a.b']` through a schema. Maps may be entered in brackets, lists not at all.
 * Source: apiextensions schema/cel/validation.go (ValidFieldPath).
 */
export function resolveFieldPath(path: string, root: Schema): FieldPath | { error: string } {
  if (!path) return { error: 'path is empty' }
  const names: string[] = []
  let schema = root
  let rest = path
  while (rest) {
    const step = /^(?:\.([^.[]*)|\['((?:[^'\\]|\\.)*)'\])/.exec(rest)
    if (!step) return { error: rest.startsWith('[') ? 'expected [ or .' : `expected [ or . but got: ${rest[0]}` }
    const name = (step[1] ?? step[2] ?? '').replace(/\\(.)/g, '$1')
    const part = schema.properties?.[name]
    const more = schema.additionalProperties
    const next = part ?? (step[2] !== undefined && typeof more === 'object' ? more : undefined)
    if (!next) return { error: `does not refer to a valid field: ${name}` }
    names.push(name)
    schema = next
    rest = rest.slice(step[0].length)
  }
  return { names, schema }
}
