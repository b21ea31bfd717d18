import { compareQuantities, milliValueOf, parseQuantity, signOf, valueOf } from '#shared/kube/quantity.ts'
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
