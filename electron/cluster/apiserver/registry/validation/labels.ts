import type { FieldError } from '#shared/kube/status.ts'
import { entries } from '../loose.ts'
import { asInvalid, forbidden, invalid, required, tooLong } from './field.ts'
import { isLabelValue, isQualifiedName } from './names.ts'

export interface LooseSelector {
  matchLabels?: Readonly<Record<string, string | undefined>> | undefined
  matchExpressions?:
    | readonly {
        key?: string | undefined
        operator?: string | undefined
        values?: readonly string[] | undefined
      }[]
    | undefined
}

export type LooseLabels = Readonly<Record<string, string | undefined>> | undefined

export const validateLabelName = (name: string | undefined, field: string): FieldError[] =>
  asInvalid(field, name ?? '', isQualifiedName(name ?? ''))

export function validateLabels(labels: LooseLabels, field: string): FieldError[] {
  return entries(labels).flatMap(([key, value]) => [
    ...validateLabelName(key, field),
    ...asInvalid(field, value, isLabelValue(value)),
  ])
}

const annotationBytes = 256 * 1024

export function validateAnnotations(annotations: LooseLabels, field: string): FieldError[] {
  const errors: FieldError[] = []
  let size = 0
  for (const [key, value] of entries(annotations)) {
    // Annotation keys are compared without case, so that old ones in capitals stay valid.
    errors.push(...asInvalid(field, key, isQualifiedName(key.toLowerCase())))
    size += Buffer.byteLength(key) + Buffer.byteLength(value)
  }
  if (size > annotationBytes) errors.push(tooLong(field, annotationBytes))
  return errors
}

export function validateLabelSelector(selector: LooseSelector | undefined, field: string): FieldError[] {
  if (!selector) return []
  const errors = validateLabels(selector.matchLabels, `${field}.matchLabels`)
  for (const [i, { key, operator, values = [] }] of (selector.matchExpressions ?? []).entries()) {
    const path = `${field}.matchExpressions[${i}]`
    if (operator === 'In' || operator === 'NotIn') {
      if (!values.length)
        errors.push(required(`${path}.values`, "must be specified when `operator` is 'In' or 'NotIn'"))
    } else if (operator === 'Exists' || operator === 'DoesNotExist') {
      if (values.length)
        errors.push(forbidden(`${path}.values`, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"))
    } else errors.push(invalid(`${path}.operator`, operator ?? '', 'not a valid selector operator'))
    errors.push(...validateLabelName(key, `${path}.key`))
    for (const [j, value] of values.entries())
      errors.push(...asInvalid(`${path}.values[${j}]`, value, isLabelValue(value)))
  }
  return errors
}

export const isEmptySelector = (selector: LooseSelector | undefined): boolean =>
  !entries(selector?.matchLabels).length && !selector?.matchExpressions?.length
