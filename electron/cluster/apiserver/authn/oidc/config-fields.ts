import type { FieldError } from '#shared/kube/status.ts'
import { forbidden, join, typeInvalid } from '../../registry/validation/field.ts'

/** An object of a configuration file, of which nothing is known yet. */
export type Raw = Readonly<Record<string, unknown>>

const pathOf = (at: string, name: string): string => join(at, name)

export const unknownFields = (raw: Raw, at: string, known: readonly string[]): FieldError[] =>
  Object.keys(raw)
    .filter((name) => !known.includes(name))
    .map((name) => forbidden(pathOf(at, name), 'unknown field'))

export function text(raw: Raw, at: string, name: string, errors: FieldError[]): string {
  const value = raw[name] ?? ''
  if (typeof value === 'string') return value
  errors.push(typeInvalid(pathOf(at, name), value, 'must be a string'))
  return ''
}

export function flag(raw: Raw, at: string, name: string, errors: FieldError[]): boolean {
  const value = raw[name] ?? false
  if (typeof value === 'boolean') return value
  errors.push(typeInvalid(pathOf(at, name), value, 'must be true or false'))
  return false
}

export function texts(raw: Raw, at: string, name: string, errors: FieldError[]): string[] {
  const value = raw[name] ?? []
  if (Array.isArray(value) && value.every((each) => typeof each === 'string')) return value
  errors.push(typeInvalid(pathOf(at, name), value, 'must be a list of strings'))
  return []
}

export function record(raw: Raw, at: string, name: string, errors: FieldError[]): Raw {
  const value = raw[name] ?? {}
  if (isRecord(value)) return value
  errors.push(typeInvalid(pathOf(at, name), value, 'must be an object'))
  return {}
}

export function objects(raw: Raw, at: string, name: string, errors: FieldError[]): Raw[] {
  const value = raw[name] ?? []
  if (Array.isArray(value) && value.every(isRecord)) return value
  errors.push(typeInvalid(pathOf(at, name), value, 'must be a list of objects'))
  return []
}

/** A list of objects that have nothing but texts. */
export function items<Name extends string>(
  raw: Raw,
  at: string,
  name: string,
  fields: readonly Name[],
  errors: FieldError[],
): Record<Name, string>[] {
  return objects(raw, at, name, errors).map((item, i) => {
    const path = `${pathOf(at, name)}[${i}]`
    errors.push(...unknownFields(item, path, fields))
    return Object.fromEntries(fields.map((field) => [field, text(item, path, field, errors)])) as Record<Name, string>
  })
}

const isRecord = (value: unknown): value is Raw => typeof value === 'object' && value !== null && !Array.isArray(value)
