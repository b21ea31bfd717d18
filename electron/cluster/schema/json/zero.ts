import type { FieldDef, FieldType, TypeDef } from '../api.ts'

/**
 * Go's zero values as its encoder writes them. A field without `omitempty`, or of a struct type, is written even when
 * nothing was set: `resources: {}`, `replicas: 0`, `rules: null`.
 */
const always = new WeakMap<TypeDef, readonly FieldDef[]>()

/** The fields of a type that are never left out. */
export function alwaysWritten(type: TypeDef): readonly FieldDef[] {
  let fields = always.get(type)
  if (!fields) always.set(type, (fields = [...type.fields.values()].filter((field) => field.always)))
  return fields
}

/** What is written for a field that was not set. */
export const zeroOf = (field: FieldDef): unknown => (field.pointer ? null : zeroElement(field.type))

/** What a `null` in a list or map stands for. */
export function zeroElement(type: FieldType): unknown {
  if (type.is === 'object') return zeroObject(type.type)
  if (type.is !== 'scalar') return null
  switch (type.scalar) {
    case 'string':
      return ''
    case 'duration':
      return '0s'
    case 'boolean':
      return false
    case 'int32':
    case 'int64':
    case 'double':
    case 'int-or-string':
      return 0
    case 'quantity':
      return '0'
    default:
      return null
  }
}

/** What Go writes of a struct in which nothing was set. */
export function zeroObject(type: TypeDef): Record<string, unknown> {
  const object: Record<string, unknown> = {}
  for (const field of alwaysWritten(type)) object[field.name] = zeroOf(field)
  return object
}

/** Whether an empty value of the field is something else than none. */
export const keepsEmpty = ({ pointer, omitZero, type }: FieldDef): boolean =>
  pointer && !(omitZero && type.is === 'object')

/** Whether `omitempty` leaves the value out. */
export function isEmpty(value: unknown): boolean {
  if (value === '' || value === 0 || value === false) return true
  if (typeof value !== 'object' || value === null) return false
  if (Array.isArray(value)) return !value.length
  for (const _ in value) return false
  return true
}

/**
 * Puts an object that server code has built or changed into the form in which the real server would hand it out after
 * storing it: empty values left out, zero values that Go always writes put in, and empty lists there turned to null,
 * which is what protobuf storage makes of them. Changes the object.
 */
export function canonicalize(type: TypeDef, object: Record<string, unknown>): void {
  for (const name of Object.keys(object)) {
    const field = type.fields.get(name)
    if (!field) continue
    const value = object[name]
    if (value === undefined || (value === null && !field.always)) delete object[name]
    else if (keepsEmpty(field) || !isEmpty(value)) canonicalizeValue(field.type, value)
    else if (!field.always) delete object[name]
    else if (field.type.is === 'list' || field.type.is === 'map') object[name] = null
    else canonicalizeValue(field.type, value)
  }
  for (const field of alwaysWritten(type)) object[field.name] ??= zeroOf(field)
}

function canonicalizeValue(type: FieldType, value: unknown): void {
  if (value === null) return
  if (type.is === 'object') canonicalize(type.type, value as Record<string, unknown>)
  else if (type.is === 'list' && type.items.is !== 'scalar')
    for (const item of value as unknown[]) canonicalizeValue(type.items, item)
  else if (type.is === 'map' && type.values.is !== 'scalar')
    for (const item of Object.values(value as object)) canonicalizeValue(type.values, item)
}
