import type * as v1 from 'kubernetes-types/core/v1'
import type { KubeObject } from '#shared/kube/object.ts'
import { approximate, valueOf } from '#shared/kube/quantity.ts'
import type { FieldError } from '#shared/kube/status.ts'
import { kindsOf } from '../define.ts'
import type { KindDefinition } from '../kind.ts'
import { entries, type Loose } from '../loose.ts'
import { asInvalid, duplicate, forbidden, invalid, required } from '../validation/field.ts'
import { isQualifiedName } from '../validation/names.ts'
import { compare, quantity } from '../validation/quantities.ts'
import { mayOvercommit, validateContainerResourceName, validateResourceName } from '../validation/resources.ts'

export type LimitRangeItem = Loose<v1.LimitRangeItem>
export type LimitRange = KubeObject & { spec?: { limits?: LimitRangeItem[] } }

/** Of containers: a maximum is also the limit, a limit also the request, a minimum the least of it. */
function setDefaults(object: LimitRange): void {
  for (const item of object.spec?.limits ?? []) {
    if (item.type !== 'Container') continue
    item.default = { ...item.max, ...item.default }
    item.defaultRequest = { ...item.min, ...item.default, ...item.defaultRequest }
  }
}

const parts = ['max', 'min', 'default', 'defaultRequest', 'maxLimitRequestRatio'] as const

/** Source: ValidateLimitRange. */
function validate({ spec }: LimitRange): FieldError[] {
  const types = new Set<string>()
  return (spec?.limits ?? []).flatMap((item, i) => {
    const at = `spec.limits[${i}]`
    const { type = '' } = item
    const errors = validateType(type, `${at}.type`)
    if (types.has(type)) errors.push(duplicate(`${at}.type`, type))
    types.add(type)
    const names = new Set<string>()
    for (const part of parts) {
      const list = entries(item[part])
      if (type === 'Pod' && (part === 'default' || part === 'defaultRequest')) {
        if (list.length) errors.push(forbidden(`${at}.${part}`, "may not be specified when `type` is 'Pod'"))
        continue
      }
      for (const [name] of list) {
        const check = type === 'Pod' || type === 'Container' ? validateContainerResourceName : validateResourceName
        errors.push(...check(name, `${at}.${part}[${name}]`))
        names.add(name)
      }
    }
    if (type === 'PersistentVolumeClaim' && item.min?.storage === undefined && item.max?.storage === undefined) {
      errors.push(
        required(`${at}.limits`, 'either minimum or maximum storage value is required, but neither was provided'),
      )
    }
    for (const name of names) errors.push(...validateOrder(item, name, at))
    return errors
  })
}

function validateType(type: string, path: string): FieldError[] {
  const errors = asInvalid(path, type, isQualifiedName(type))
  if (errors.length || type.includes('/') || ['Pod', 'Container', 'PersistentVolumeClaim'].includes(type)) return errors
  return [invalid(path, type, 'must be a standard limit type or fully qualified')]
}

/** min ≤ default request ≤ default ≤ max, and a ratio that can be kept. */
function validateOrder(item: LimitRangeItem, name: string, at: string): FieldError[] {
  const errors: FieldError[] = []
  const isPod = item.type === 'Pod'
  const min = item.min?.[name]
  const max = item.max?.[name]
  const limit = isPod ? undefined : item.default?.[name]
  const request = isPod ? undefined : item.defaultRequest?.[name]
  const above = (
    part: string,
    shown: string,
    low: string | undefined,
    high: string | undefined,
    text: (low: string, high: string) => string,
  ) => {
    if (low !== undefined && high !== undefined && compare(low, high) > 0)
      errors.push(invalid(`${at}.${part}[${name}]`, shown, text(low, high)))
  }
  above('min', min ?? '', min, max, (low, high) => `min value ${low} is greater than max value ${high}`)
  above(
    'defaultRequest',
    request ?? '',
    min,
    request,
    (low, high) => `min value ${low} is greater than default request value ${high}`,
  )
  above(
    'defaultRequest',
    request ?? '',
    request,
    max,
    (low, high) => `default request value ${low} is greater than max value ${high}`,
  )
  above(
    'defaultRequest',
    request ?? '',
    request,
    limit,
    (low, high) => `default request value ${low} is greater than default limit value ${high}`,
  )
  above('default', min ?? '', min, limit, (low, high) => `min value ${low} is greater than default value ${high}`)
  above('default', max ?? '', limit, max, (low, high) => `default value ${low} is greater than max value ${high}`)
  const ratio = item.maxLimitRequestRatio?.[name]
  if (ratio !== undefined) {
    const path = `${at}.maxLimitRequestRatio[${name}]`
    if (compare(ratio, '1') < 0) errors.push(invalid(path, ratio, `ratio ${ratio} is less than 1`))
    const bound =
      min === undefined || max === undefined ? Infinity : approximate(quantity(max)) / approximate(quantity(min))
    if (valueOf(quantity(ratio)) > bound)
      errors.push(invalid(path, ratio, `ratio ${ratio} is greater than max/min = ${bound.toFixed(6)}`))
  }
  if (!mayOvercommit(name) && limit !== undefined && request !== undefined && compare(limit, request) !== 0) {
    const text = `default value ${limit} must equal to defaultRequest value ${request} in ${name}`
    errors.push(invalid(`${at}.defaultRequest[${name}]`, request, text))
  }
  return errors
}

const define = kindsOf('', 'v1')

export const limitRange: KindDefinition<LimitRange> = define<LimitRange>({
  kind: 'LimitRange',
  plural: 'limitranges',
  namespaced: true,
  shortNames: ['limits'],
  rules: { defaults: setDefaults, validate },
})
