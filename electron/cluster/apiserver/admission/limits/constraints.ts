import { compareQuantities, formatQuantity, milliValueOf, parseQuantity, signOf } from '#shared/kube/quantity.ts'
import { amountsOf, podAmounts, type Amounts } from '#shared/kube/quota/amounts.ts'
import type { LimitRange } from '../../registry/core/limit-range.ts'
import type { PodSpec } from '../../registry/core/pod/types.ts'
import { entries } from '../../registry/loose.ts'

type Limit = NonNullable<NonNullable<LimitRange['spec']>['limits']>[number]

interface Usage {
  requests: Amounts
  limits: Amounts
}

function minimumProblem(type: string, name: string, text: string, { requests, limits }: Usage): string | undefined {
  const enforced = parseQuantity(text)
  const start = `minimum ${name} usage per ${type} is ${formatQuantity(enforced)}`
  const request = requests.get(name)
  const limit = limits.get(name)
  if (!request) return `${start}.  No request is specified`
  if (compareQuantities(request, enforced) < 0) return `${start}, but request is ${formatQuantity(request)}`
  if (limit && compareQuantities(limit, enforced) < 0) return `${start}, but limit is ${formatQuantity(limit)}`
  return undefined
}

function maximumProblem(type: string, name: string, text: string, { requests, limits }: Usage): string | undefined {
  const enforced = parseQuantity(text)
  const start = `maximum ${name} usage per ${type} is ${formatQuantity(enforced)}`
  const request = requests.get(name)
  const limit = limits.get(name)
  if (!limit) return `${start}.  No limit is specified`
  if (compareQuantities(limit, enforced) > 0) return `${start}, but limit is ${formatQuantity(limit)}`
  if (request && compareQuantities(request, enforced) > 0) return `${start}, but request is ${formatQuantity(request)}`
  return undefined
}

function ratioProblem(type: string, name: string, text: string, { requests, limits }: Usage): string | undefined {
  const enforced = parseQuantity(text)
  const start = `${name} max limit to request ratio per ${type} is ${formatQuantity(enforced)}`
  const request = requests.get(name)
  const limit = limits.get(name)
  if (!request || signOf(request) === 0) return `${start}, but no request is specified or request is 0`
  if (!limit || signOf(limit) === 0) return `${start}, but no limit is specified or limit is 0`
  const ratio = milliValueOf(limit) / milliValueOf(request)
  return ratio * 1000 > milliValueOf(enforced) ? `${start}, but provided ratio is ${ratio.toFixed(6)}` : undefined
}

function problemsOf(limit: Limit, usage: Usage): string[] {
  const type = limit.type ?? ''
  const each = (list: Limit['min'], problem: typeof minimumProblem) =>
    entries(list).flatMap(([name, text]) => problem(type, name, text, usage) ?? [])
  return [
    ...each(limit.min, minimumProblem),
    ...each(limit.max, maximumProblem),
    ...each(limit.maxLimitRequestRatio, ratioProblem),
  ]
}

/** Source: LimitRanger's PodValidateLimitFunc. */
export function podProblems(range: LimitRange, spec: PodSpec): string[] {
  return (range.spec?.limits ?? []).flatMap((limit) => {
    if (limit.type === 'Pod') {
      return problemsOf(limit, { requests: podAmounts(spec, 'requests'), limits: podAmounts(spec, 'limits') })
    }
    if (limit.type !== 'Container') return []
    return [...(spec.containers ?? []), ...(spec.initContainers ?? [])].flatMap(({ resources }) =>
      problemsOf(limit, { requests: amountsOf(resources?.requests), limits: amountsOf(resources?.limits) }),
    )
  })
}

/** Claims have requests only. Source: PersistentVolumeClaimValidateLimitFunc. */
export function claimProblems(
  range: LimitRange,
  requested: Readonly<Record<string, string | undefined>> | undefined,
): string[] {
  const requests = amountsOf(requested)
  return (range.spec?.limits ?? []).flatMap(({ type = '', min, max }) => {
    if (type !== 'PersistentVolumeClaim') return []
    const least = entries(min).flatMap(
      ([name, text]) => minimumProblem(type, name, text, { requests, limits: new Map() }) ?? [],
    )
    const most = entries(max).flatMap(([name, text]) => {
      const request = requests.get(name)
      const enforced = parseQuantity(text)
      const start = `maximum ${name} usage per ${type} is ${formatQuantity(enforced)}`
      if (!request) return [`${start}.  No request is specified`]
      return compareQuantities(request, enforced) > 0 ? [`${start}, but request is ${formatQuantity(request)}`] : []
    })
    return [...least, ...most]
  })
}
