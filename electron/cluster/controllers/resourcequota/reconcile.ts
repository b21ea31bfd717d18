import type { ResourceQuota, ResourceQuotaStatus } from 'kubernetes-types/core/v1'
import type { Frozen, KubeObject } from '#shared/kube/object.ts'
import {
  compareQuantities,
  formatQuantity,
  parseQuantity,
  quantityOf,
  zero,
  type Quantity,
} from '#shared/kube/quantity.ts'
import { addTo, type Amounts } from '#shared/kube/quota/amounts.ts'
import { isInScope, scopesOf } from '#shared/kube/quota/scopes.ts'
import type { Pod } from '#shared/kube/quota/types.ts'
import { idOf, isCounted, releasedAt, trackedKind, usageOf } from '#shared/kube/quota/usage.ts'
import { resourceQuotas } from '#shared/kube/resources.ts'
import { updateStatus, type Decision } from '../framework/action.ts'
import type { Kind } from './tracked.ts'

export type QuotaView = Frozen<ResourceQuota>

/** What there is of a kind in the quota's namespace. */
export interface Found {
  readonly kind: Kind
  readonly count: number
  /** Asked for only where objects of the kind differ in what they use. */
  readonly objects: () => readonly Frozen<KubeObject>[]
}

export interface Observed {
  readonly quota: QuotaView
  /** Of each kind that the quota limits and that is served. */
  readonly found: readonly Found[]
}

type Amount = Readonly<Record<string, string>>

export const hardOf = ({ spec }: QuotaView): Amount => (spec?.hard ?? {}) as Amount

/** The kinds that a quota limits, each once. */
export function kindsOf(quota: QuotaView): Kind[] {
  const kinds = Object.keys(hardOf(quota)).flatMap((name) => trackedKind(name) ?? [])
  return [...new Map(kinds.map((kind) => [idOf(kind), kind])).values()]
}

/** Milliseconds of rest per object that was added up. */
const restPerObject = 0.05

export function reconcile({ quota, found }: Observed, now: number): Decision {
  const total = new Map<string, Quantity>()
  const waits: number[] = []
  let summed = 0
  for (const each of found) {
    if (isCounted(each.kind)) addTo(total, countUsage(quota, each, now))
    else {
      const objects = each.objects()
      summed += objects.length
      for (const object of objects) {
        if (isInScope(quota, each.kind.plural, object as KubeObject)) addTo(total, measure(each.kind, object, now))
        const left = (releasedAt(object as Pod) ?? 0) - now
        if (each.kind.plural === 'pods' && left >= 0) waits.push(left + 1)
      }
    }
  }
  const status = statusOf(quota, total, new Set(found.map(({ kind }) => idOf(kind))))
  return {
    steps: isUpToDate(quota, status) ? [] : [updateStatus(resourceQuotas, { ...quota, status })],
    ...(waits.length ? { requeueAfter: Math.min(...waits) } : {}),
    rest: Math.trunc(summed * restPerObject),
  }
}

function countUsage(quota: QuotaView, { kind, count }: Found, now: number): Amounts {
  // Scopes are for pods and claims: with one, nothing of other kinds counts.
  if (!count || scopesOf(quota).length) return new Map()
  const names = [...usageOf(kind)({}, now).keys()]
  return new Map(names.map((name) => [name, quantityOf(count)]))
}

const known = new WeakMap<object, Amounts>()

/** Objects of a cache never change; what a pod on its way out uses changes with time. */
function measure(kind: Kind, object: Frozen<KubeObject>, now: number): Amounts {
  const usage = known.get(object) ?? usageOf(kind)(object as KubeObject, now)
  if (!object.metadata?.deletionTimestamp) known.set(object, usage)
  return usage
}

/** What nobody can count keeps what it had. */
function statusOf(quota: QuotaView, total: Amounts, served: ReadonlySet<string>): ResourceQuotaStatus {
  const hard = hardOf(quota)
  const before = (quota.status?.used ?? {}) as Amount
  const used: Record<string, string> = {}
  for (const name of Object.keys(hard)) {
    const kind = trackedKind(name)
    if (kind && served.has(idOf(kind))) used[name] = formatQuantity(total.get(name) ?? zero)
    else if (before[name] !== undefined) used[name] = before[name]
  }
  return { hard: { ...hard }, used }
}

const isUpToDate = ({ status }: QuotaView, next: ResourceQuotaStatus): boolean =>
  status?.hard !== undefined &&
  status.used !== undefined &&
  sameAmounts(status.hard as Amount, next.hard as Amount) &&
  sameAmounts(status.used as Amount, next.used as Amount)

function sameAmounts(a: Amount, b: Amount): boolean {
  const names = Object.keys(a)
  if (names.length !== Object.keys(b).length) return false
  return names.every((name) => {
    const other = b[name]
    return other !== undefined && compareQuantities(parseQuantity(a[name]!), parseQuantity(other)) === 0
  })
}
