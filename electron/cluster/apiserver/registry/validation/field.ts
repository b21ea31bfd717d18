import type { FieldError } from '#shared/kube/status.ts'

/**
 * Field errors, worded as apimachinery/pkg/util/validation/field words them. Paths are plain text, written where they
 * are used: `${path}.ports[${i}].name`; only `join` minds an empty start.
 */
export const join = (path: string, ...names: string[]): string =>
  [path, ...names].filter((part) => part !== '').join('.')

const withDetail = (text: string, detail: string): string => (detail === '' ? text : `${text}: ${detail}`)

export const required = (field: string, detail = ''): FieldError => ({
  type: 'FieldValueRequired',
  field,
  message: withDetail('Required value', detail),
})
export const invalid = (field: string, value: unknown, detail: string): FieldError => ({
  type: 'FieldValueInvalid',
  field,
  message: withDetail(`Invalid value: ${shown(value)}`, detail),
})
/** Where the value would only be in the way. */
export const invalidUnshown = (field: string, detail: string): FieldError => ({
  type: 'FieldValueInvalid',
  field,
  message: `Invalid value: ${detail}`,
})
export const typeInvalid = (field: string, value: unknown, detail: string): FieldError => ({
  ...invalid(field, value, detail),
  type: 'FieldValueTypeInvalid',
})
export const forbidden = (field: string, detail: string): FieldError => ({
  type: 'FieldValueForbidden',
  field,
  message: withDetail('Forbidden', detail),
})
export const duplicate = (field: string, value: unknown): FieldError => ({
  type: 'FieldValueDuplicate',
  field,
  message: `Duplicate value: ${shown(value)}`,
})
export const notFound = (field: string, value: unknown): FieldError => ({
  type: 'FieldValueNotFound',
  field,
  message: `Not found: ${shown(value)}`,
})
/** `values` in the order in which they are to be named. */
export const notSupported = (field: string, value: unknown, values: readonly string[]): FieldError => ({
  type: 'FieldValueNotSupported',
  field,
  message: withDetail(
    `Unsupported value: ${shown(value)}`,
    values.length ? `supported values: ${values.map(quote).join(', ')}` : '',
  ),
})
export const tooLong = (field: string, bytes: number): FieldError => ({
  type: 'FieldValueTooLong',
  field,
  message: bytes >= 0 ? `Too long: may not be more than ${bytes} bytes` : 'Too long: value is too long',
})
export const tooMany = (field: string, actual: number, most: number): FieldError => ({
  type: 'FieldValueTooMany',
  field,
  message: `Too many: ${actual}: must have at most ${most} item${most === 1 ? '' : 's'}`,
})
export const internalError = (field: string, text: string): FieldError => ({
  type: 'InternalError',
  field,
  message: `Internal error: ${text}`,
})

/** A value as messages show it: scalars as Go's %q and %v write them, everything else as JSON. */
function shown(value: unknown): string {
  if (typeof value === 'string') return quote(value)
  return value === undefined ? 'null' : JSON.stringify(value)
}

/** Go's %q. */
export function quote(text: string): string {
  return JSON.stringify(text)
    .replace(/\\u00([0-9a-f]{2})/g, (_, code: string) => (code === '07' ? '\\a' : code === '0b' ? '\\v' : `\\x${code}`))
    .replaceAll('\u007f', '\\x7f')
}

/** Each text of a name rule as an error of one field. */
export const asInvalid = (field: string, value: unknown, texts: readonly string[]): FieldError[] =>
  texts.map((text) => invalid(field, value, text))
