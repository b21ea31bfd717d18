import { formatQuantity, compareQuantities } from '#shared/kube/quantity.ts'
import { podAmounts } from '#shared/kube/quota/amounts.ts'
import type { FieldError } from '#shared/kube/status.ts'
import { entries } from '../../loose.ts'
import { forbidden, invalid, notSupported } from '../../validation/field.ts'
import { compare, quantity } from '../../validation/quantities.ts'
import { isHugePages, mayOvercommit, validateRequirements, validateResourceName } from '../../validation/resources.ts'
import type { PodSpec } from './types.ts'

/** What is asked for the pod as a whole (spec.resources). */
const supported = ['cpu', 'memory']
const isSupported = (name: string): boolean => supported.includes(name) || isHugePages(name)

/** The sum of what the containers say themselves. */
const ofContainers = ({ containers, initContainers }: PodSpec, of: 'requests' | 'limits') =>
  podAmounts({ containers, initContainers }, of)

/** Source: validatePodResources. */
export function validatePodResources(spec: PodSpec, claims: ReadonlySet<string>, path: string): FieldError[] {
  if (!spec.resources) return []
  if (spec.os?.name === 'windows') return [forbidden(path, 'may not be set for a windows pod')]
  const errors = spec.resources.claims
    ? [forbidden(`${path}.claims`, 'claims may not be set for Resources at pod-level')]
    : []
  errors.push(
    ...validateRequirements(spec.resources, claims, path, (name, at) => {
      const wrong = validateResourceName(name, at)
      return wrong.length || isSupported(name) ? wrong : [notSupported(at, name, ['cpu', 'hugepages-', 'memory'])]
    }),
  )
  return [...errors, ...validateConsistency(spec, path)]
}

/**
 * Where the pod says something, it has room for its containers' requests, for their huge pages, and for each of their
 * limits.
 */
function validateConsistency(spec: PodSpec, path: string): FieldError[] {
  const errors: FieldError[] = []
  for (const of of ['requests', 'limits'] as const) {
    for (const [name, sum] of ofContainers(spec, of)) {
      const own = spec.resources?.[of]?.[name]
      if (own === undefined || (of === 'limits' && !isHugePages(name))) continue
      if (compareQuantities(sum, quantity(own)) <= 0) continue
      const text = `must be greater than or equal to aggregate container ${of} of ${formatQuantity(sum)}`
      errors.push(invalid(`${path}.${of}[${name}]`, own, text))
    }
  }
  for (const [i, container] of (spec.containers ?? []).entries()) {
    for (const [name, limit] of entries(container.resources?.limits)) {
      const most = spec.resources?.limits?.[name]
      if (most === undefined || compare(limit, most) <= 0) continue
      const field = `${path}.containers[${i}][${name}].limits`
      errors.push(invalid(field, limit, `must be less than or equal to pod limits of ${most}`))
    }
  }
  return errors
}

/** Requests follow the containers, else the limits. Source: defaultHugePagePodLimits and defaultPodRequests. */
export function defaultPodResources(spec: PodSpec): void {
  const own = spec.resources
  if (!own || !entries({ ...own.requests, ...own.limits }).length) return
  const limits: Record<string, string | undefined> = { ...own.limits }
  for (const [name, sum] of ofContainers(spec, 'limits')) {
    if (isHugePages(name) && own.requests?.[name] === undefined) limits[name] ??= formatQuantity(sum)
  }
  if (!entries(limits).length) return
  own.limits = limits
  const requests: Record<string, string | undefined> = { ...own.requests }
  for (const [name, sum] of ofContainers(spec, 'requests')) {
    if (isSupported(name) && mayOvercommit(name)) requests[name] ??= formatQuantity(sum)
  }
  for (const [name, limit] of entries(limits)) if (isSupported(name)) requests[name] ??= limit
  own.requests = requests
}
