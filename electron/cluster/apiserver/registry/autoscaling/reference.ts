import type { FieldError } from '#shared/kube/status.ts'
import { asInvalid, required } from '../validation/field.ts'
import { pathSegment } from '../validation/names.ts'
import type { Reference } from './types.ts'

/** Source: ValidateCrossVersionObjectReference. */
export function validateReference(reference: Reference | undefined, path: string): FieldError[] {
  return (['kind', 'name'] as const).flatMap((field) => {
    const value = reference?.[field]
    return value ? asInvalid(`${path}.${field}`, value, pathSegment(value, false)) : [required(`${path}.${field}`)]
  })
}
