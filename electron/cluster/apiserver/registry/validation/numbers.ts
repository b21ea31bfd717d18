import type { FieldError } from '#shared/kube/status.ts'
import { asInvalid, invalid } from './field.ts'
import { isPercent, isPortName } from './names.ts'

export const atLeastZero = 'must be greater than or equal to 0'
export const inclusiveRange = (low: number, high: number): string => `must be between ${low} and ${high}, inclusive`

export const nonNegative = (value: number | undefined, field: string): FieldError[] =>
  (value ?? 0) < 0 ? [invalid(field, value, atLeastZero)] : []

export const positive = (value: number | undefined, field: string): FieldError[] =>
  (value ?? 0) <= 0 ? [invalid(field, value ?? 0, 'must be greater than 0')] : []

/** What is wrong with a port number; empty when nothing is. */
export const portNumber = (value: number | undefined): string[] =>
  (value ?? 0) < 1 || (value ?? 0) > 65535 ? [inclusiveRange(1, 65535)] : []

export function portNumberOrName(value: number | string | undefined, field: string): FieldError[] {
  return typeof value === 'string'
    ? asInvalid(field, value, isPortName(value))
    : asInvalid(field, value ?? 0, portNumber(value))
}

/** A non-negative count or a percentage. */
export function nonNegativeIntOrPercent(value: number | string | undefined, field: string): FieldError[] {
  return typeof value === 'string' ? asInvalid(field, value, isPercent(value)) : nonNegative(value, field)
}

/** The number before the `%`, or undefined where the value is no percentage. */
export const percentOf = (value: number | string | undefined): number | undefined =>
  typeof value === 'string' && isPercent(value).length === 0 ? Number(value.slice(0, -1)) : undefined

export function notMoreThan100Percent(value: number | string | undefined, field: string): FieldError[] {
  const percent = percentOf(value)
  return percent !== undefined && percent > 100 ? [invalid(field, value, 'must not be greater than 100%')] : []
}
