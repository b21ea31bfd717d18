import {
  compareQuantities,
  formatQuantity,
  milliValueOf,
  parseQuantity,
  signOf,
  valueOf,
} from '#shared/kube/quantity.ts'
import type { FieldError } from '#shared/kube/status.ts'
import { invalid } from './field.ts'
import { atLeastZero } from './numbers.ts'

/** Quantities have passed decoding, so that they parse. An absent one is zero. */
export const quantity = (text: string | undefined) => parseQuantity(text ?? '0')

export const compare = (a: string | undefined, b: string | undefined): number =>
  compareQuantities(quantity(a), quantity(b))

export const nonNegativeQuantity = (value: string | undefined, field: string): FieldError[] =>
  signOf(quantity(value)) < 0 ? [invalid(field, value, atLeastZero)] : []

export const positiveQuantity = (value: string | undefined, field: string): FieldError[] =>
  signOf(quantity(value)) <= 0 ? [invalid(field, value ?? '0', 'must be greater than zero')] : []

export const isWhole = (value: string): boolean => milliValueOf(quantity(value)) % 1000 === 0

/** Source: validateBasicResource, which speaks of the whole number. */
export function basicQuantity(value: string, field: string): FieldError[] {
  const whole = valueOf(quantity(value))
  return whole < 0 ? [invalid(field, whole, 'must be a valid resource quantity')] : []
}

/** Bytes are whole. `path` tells where the amount is. */
export function fractionWarnings(amount: string | undefined, path: string): string[] {
  if (amount === undefined) return []
  const parsed = parseQuantity(amount)
  if (milliValueOf(parsed) % 1000 === 0) return []
  return [`${path}: fractional byte value ${JSON.stringify(formatQuantity(parsed))} is invalid, must be an integer`]
}
