import { addQuantities, compareQuantities, formatQuantity, signOf, valueOf } from '#shared/kube/quantity.ts'
import type { FieldError } from '#shared/kube/status.ts'
import { forbidden, invalid, required } from '../validation/field.ts'
import { compare, quantity } from '../validation/quantities.ts'
import { validateSet } from './names.ts'
import type { DeviceCapacity, RequestPolicy } from '#shared/kube/devices.ts'

const mostOptions = 10

/** How much of a device's capacity a request may ask for. Source: validateRequestPolicy. */
export function validateRequestPolicy(
  { value = '0', requestPolicy: policy }: DeviceCapacity,
  path: string,
): FieldError[] {
  if (!policy) return []
  const { validValues, validRange, default: chosen } = policy
  if (validValues?.length && validRange) {
    const text = 'exactly one policy can be specified, cannot specify "validValues" and "validRange" at the same time'
    return [forbidden(path, text)]
  }
  if (validValues?.length) {
    if (chosen === undefined) return [required(`${path}.default`, 'required when validValues is defined')]
    return validateValues(validValues, chosen, value, `${path}.validValues`)
  }
  if (!validRange) return []
  if (chosen === undefined) return [required(`${path}.default`, 'required when validRange is defined')]
  return validateRange(validRange, chosen, value, `${path}.validRange`)
}

function validateValues(values: readonly string[], chosen: string, capacity: string, path: string): FieldError[] {
  const unsorted = values.flatMap((value, i) =>
    i > 0 && compare(values[i - 1], value) > 0
      ? [invalid(`${path}[${i}]`, value, 'values must be sorted in ascending order')]
      : [],
  )
  const errors = validateSet(
    values,
    mostOptions,
    (value, at) =>
      compare(value, capacity) > 0 ? [invalid(at, value, `option is larger than capacity value: ${capacity}`)] : [],
    (value) => String(valueOf(quantity(value))),
    path,
  )
  const isKnown = values.some((value) => compare(value, chosen) === 0)
  const text = 'default value is not valid according to the requestPolicy'
  return [...unsorted, ...errors, ...(isKnown ? [] : [invalid(path, chosen, text)])]
}

function validateRange(
  { min, max, step }: NonNullable<RequestPolicy['validRange']>,
  chosen: string,
  capacity: string,
  path: string,
): FieldError[] {
  if (min === undefined) return [required(`${path}.min`, 'required when validRange is defined')]
  const errors: FieldError[] = []
  const refuse = (field: string, value: string, text: string) => errors.push(invalid(`${path}.${field}`, value, text))
  if (compare(min, capacity) > 0) refuse('min', min, `min is larger than capacity value: ${capacity}`)
  if (compare(chosen, min) < 0) refuse('default', chosen, `default is less than min: ${min}`)
  if (max !== undefined) {
    if (compare(min, max) > 0) refuse('max', min, `min is larger than max: ${max}`)
    if (compare(max, capacity) > 0) refuse('max', max, `max is larger than capacity value: ${capacity}`)
    if (compare(chosen, max) > 0) refuse('default', chosen, `default is more than max: ${max}`)
  }
  if (step === undefined) return errors
  if (signOf(quantity(step)) <= 0) {
    refuse('step', step, 'must be greater than zero')
    return errors
  }
  const next = addQuantities(quantity(min), quantity(step))
  if (compareQuantities(next, quantity(capacity)) > 0)
    refuse('step', step, `one step ${formatQuantity(next)} is larger than capacity value: ${capacity}`)
  const whole = (text: string) => BigInt(valueOf(quantity(text)))
  for (const value of max === undefined ? [chosen] : [chosen, max]) {
    if ((whole(value) - whole(min)) % whole(step) !== 0n)
      refuse('step', value, `value is not a multiple of a given step (${step}) from (${min})`)
  }
  return errors
}
