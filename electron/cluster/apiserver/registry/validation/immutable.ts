import type { FieldError } from '#shared/kube/status.ts'
import { semanticEqual } from '../equal.ts'
import { invalid } from './field.ts'

export const isImmutable = 'field is immutable'

export const validateImmutable = (value: unknown, old: unknown, field: string): FieldError[] =>
  semanticEqual(value, old) ? [] : [invalid(field, value, isImmutable)]
