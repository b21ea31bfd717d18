import type { FieldError } from '#shared/kube/status.ts'
import { valueOf } from '#shared/kube/quantity.ts'
import { isExtendedResource, isNativeResource } from '#shared/kube/resource-names.ts'
import { asInvalid, duplicate, forbidden, invalid, required } from './field.ts'
import { isDnsLabel, isQualifiedName } from './names.ts'
import { compare, isWhole, nonNegativeQuantity, quantity } from './quantities.ts'
import { entries } from '../loose.ts'

/** Names of resources and what may be asked of them. Source: pkg/apis/core/helper and core/validation. */
export type ResourceMap = Readonly<Record<string, string | undefined>> | undefined

export interface Requirements {
  limits?: ResourceMap
  requests?: ResourceMap
  claims?: readonly { name?: string | undefined; request?: string | undefined }[] | undefined
}

const standardContainer = new Set(['cpu', 'memory', 'ephemeral-storage'])
const standardQuota = new Set([
  'cpu',
  'memory',
  'ephemeral-storage',
  'requests.cpu',
  'requests.memory',
  'requests.storage',
  'requests.ephemeral-storage',
  'limits.cpu',
  'limits.memory',
  'limits.ephemeral-storage',
  'pods',
  'resourcequotas',
  'services',
  'replicationcontrollers',
  'secrets',
  'persistentvolumeclaims',
  'configmaps',
  'services.nodeports',
  'services.loadbalancers',
])
const standard = new Set([...standardQuota, 'storage'])
const integers = new Set([
  'pods',
  'resourcequotas',
  'services',
  'replicationcontrollers',
  'secrets',
  'configmaps',
  'persistentvolumeclaims',
  'services.nodeports',
  'services.loadbalancers',
])

export const isHugePages = (name: string): boolean => name.startsWith('hugepages-')
const isQuotaHugePages = (name: string): boolean => isHugePages(name) || name.startsWith('requests.hugepages-')
const isUnprefixed = (name: string): boolean => !name.includes('/')
export const isStandardQuota = (name: string): boolean => standardQuota.has(name) || isQuotaHugePages(name)

/** Still a name with a quota's form before it. */
export const isExtended = (name: string): boolean =>
  isExtendedResource(name) && isQualifiedName(`requests.${name}`).length === 0

export const mayOvercommit = (name: string): boolean => isNativeResource(name) && !isHugePages(name)
const isInteger = (name: string): boolean => integers.has(name) || isExtended(name)

export function validateResourceName(name: string, field: string): FieldError[] {
  const errors = asInvalid(field, name, isQualifiedName(name))
  if (errors.length) return errors
  return isUnprefixed(name) && !standard.has(name) && !isQuotaHugePages(name)
    ? [invalid(field, name, 'must be a standard resource type or fully qualified')]
    : []
}

export function validateContainerResourceName(name: string, field: string): FieldError[] {
  const errors = validateResourceName(name, field)
  if (isUnprefixed(name)) {
    if (!standardContainer.has(name) && !isHugePages(name))
      errors.push(invalid(field, name, 'must be a standard resource for containers'))
  } else if (!isNativeResource(name) && !isExtended(name))
    errors.push(invalid(field, name, "doesn't follow extended resource name standard"))
  return errors
}

export function validateQuotaResourceName(name: string, field: string): FieldError[] {
  const errors = validateResourceName(name, field)
  if (isUnprefixed(name) && !isStandardQuota(name))
    errors.push(invalid(field, name, 'must be a standard resource for quota'))
  return errors
}

export function validateResourceValue(name: string, value: string, field: string): FieldError[] {
  const errors = nonNegativeQuantity(value, field)
  if (isInteger(name) && !isWhole(value)) errors.push(invalid(field, value, 'must be an integer'))
  return errors
}

function validateHugePages(name: string, value: string, field: string): FieldError[] {
  const page = valueOf(quantity(name.slice('hugepages-'.length)))
  const pages = valueOf(quantity(value)) / page
  return Number.isInteger(pages) ? [] : [invalid(field, value, `${value} is not positive integer multiple of ${name}`)]
}

/** Requests and limits of one container (or, with another `name` rule, of a pod). */
export function validateRequirements(
  requirements: Requirements | undefined,
  claims: ReadonlySet<string>,
  field: string,
  validateName = validateContainerResourceName,
): FieldError[] {
  const limits = requirements?.limits ?? {}
  const requests = requirements?.requests ?? {}
  const errors: FieldError[] = []
  for (const [name, value] of entries(limits)) {
    const path = `${field}.limits[${name}]`
    errors.push(...validateName(name, path), ...validateResourceValue(name, value, path))
    if (isHugePages(name)) errors.push(...validateHugePages(name, value, path))
  }
  for (const [name, value] of entries(requests)) {
    const path = `${field}.requests[${name}]`
    errors.push(...validateName(name, path), ...validateResourceValue(name, value, path))
    const limit = limits[name]
    if (limit !== undefined) {
      const order = compare(value, limit)
      if (order !== 0 && !mayOvercommit(name))
        errors.push(invalid(`${field}.requests`, value, `must be equal to ${name} limit of ${limit}`))
      else if (order > 0)
        errors.push(invalid(`${field}.requests`, value, `must be less than or equal to ${name} limit of ${limit}`))
    } else if (!mayOvercommit(name))
      errors.push(required(`${field}.limits`, 'Limit must be set for non overcommitable resources'))
    if (isHugePages(name)) errors.push(...validateHugePages(name, value, path))
  }
  const names = [...Object.keys(limits), ...Object.keys(requests)]
  if (names.some(isHugePages) && !names.includes('cpu') && !names.includes('memory')) {
    errors.push(forbidden(field, 'HugePages require cpu or memory'))
  }
  errors.push(...validateClaims(requirements?.claims ?? [], claims, `${field}.claims`))
  return errors
}

function validateClaims(
  claims: NonNullable<Requirements['claims']>,
  known: ReadonlySet<string>,
  field: string,
): FieldError[] {
  const errors: FieldError[] = []
  const seen = new Set<string>()
  for (const [i, { name = '', request = '' }] of claims.entries()) {
    const path = `${field}[${i}]`
    if (name === '') {
      errors.push(required(path))
      continue
    }
    const key = request === '' ? name : `${name}/${request}`
    if (seen.has(name) || seen.has(key)) errors.push(duplicate(path, seen.has(name) ? name : key))
    else {
      if (request !== '') errors.push(...asInvalid(`${path}.request`, request, isDnsLabel(request)))
      else if ([...seen].some((other) => other.startsWith(`${name}/`))) errors.push(duplicate(path, name))
      seen.add(key)
    }
    if (!known.has(name)) {
      const given = known.size ? `: ${[...known].sort().join(', ')}` : ' which is empty'
      errors.push({
        type: 'FieldValueNotFound',
        field: path,
        message: `Not found: ${JSON.stringify(name)}: must be one of the names in pod.spec.resourceClaims${given}`,
      })
    }
  }
  return errors
}
