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
  const errors = spec.resources.claims
    ? [forbidden(`${path}.claims`, 'claims cannot be set for Resources at pod-level')]
    : []
  errors.push(
    ...validateRequirements(spec.resources, claims, path, (name, at) => {
      const wrong = validateResourceName(name, at)
      return wrong.length || isSupported(name) ? wrong : [notSupported(at, name, supported)]
    }),
  )
  return [...errors, ...validateConsistency(spec, path)]
}

/** The pod has room for its containers' requests, and for each of their limits. */
function validateConsistency(spec: PodSpec, path: string): FieldError[] {
  const errors: FieldError[] = []
  for (const [name, sum] of ofContainers(spec, 'requests')) {
    const own = spec.resources?.requests?.[name]
    if (compareQuantities(sum, quantity(own)) > 0) {
      const text = `must be greater than or equal to aggregate container requests of ${formatQuantity(sum)}`
      errors.push(invalid(`${path}.requests[${name}]`, own ?? '0', text))
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
