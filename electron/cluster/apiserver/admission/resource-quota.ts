import type { KubeObject } from '#shared/kube/object.ts'
import {
  compareQuantities,
  parseQuantity,
  signOf,
  subtractQuantities,
  zero,
  type Quantity,
} from '#shared/kube/quantity.ts'
import { addTo, formatAmounts, type Amounts } from '#shared/kube/quota/amounts.ts'
import { isInScope } from '#shared/kube/quota/scopes.ts'
import { unspecified, usageOf } from '#shared/kube/quota/usage.ts'
import type { Clock } from '../../base/clock.ts'
import type { Pod } from '../registry/core/pod/types.ts'
import type { ResourceQuota } from '../registry/core/resource-quota.ts'
import type { AdmissionPlugin, AdmissionRequest } from '../registry/kind.ts'
import { entries } from '../registry/loose.ts'
import { forbidden } from './request.ts'

/** A write that was let through and may not be in the store yet. */
interface Charge {
  name: string
  object: KubeObject
  usage: Amounts
  until: number
}

/** How long a write may take from here to the store. */
const patienceMs = 5000

/**
 * No namespace takes more than its quotas allow. Usage is counted from the stored objects, and from the writes that
 * are on their way: many pods are made at once. Source: apiserver/pkg/admission/plugin/resourcequota.
 */
export function resourceQuota({ clock }: { clock: Clock }): AdmissionPlugin {
  const charges = new Map<string, Charge[]>()

  function pending(key: string, stored: readonly KubeObject[]): Charge[] {
    const now = clock.monotonic()
    const names = new Set(stored.map(({ metadata }) => metadata?.name))
    const rest = (charges.get(key) ?? []).filter(({ name, until }) => until > now && !names.has(name))
    if (rest.length) charges.set(key, rest)
    else charges.delete(key)
    return rest
  }

  return {
    name: 'ResourceQuota',
    validate(request) {
      const { operation, kind, namespace, subresource, object, old, services } = request
      if (
        !namespace ||
        !(subresource === '' || subresource === 'resize') ||
        !object ||
        (operation !== 'CREATE' && operation !== 'UPDATE')
      )
        return
      // Once it is there, a pod takes no more unless it is resized.
      if (kind.kind === 'Pod' && operation === 'UPDATE' && subresource !== 'resize') return
      const quotas = services.list<ResourceQuota>({ group: '', plural: 'resourcequotas' }, namespace)
      if (!quotas.length) return
      const measure = usageOf(kind)
      const now = clock.now()
      const usage = (each: KubeObject) => measure(each, now)
      const added = increase(usage(object), old && usage(old))
      const inScope = quotas.filter((quota) => isInScope(quota, kind.plural, object))
      if (kind.kind === 'Pod') for (const quota of inScope) checkSpecified(request, quota)
      const concerned = inScope.filter((quota) => limited(quota, added).length)
      if (!concerned.length) return
      const stored = services.list(kind, namespace)
      const key = `${namespace}/${kind.group}/${kind.plural}`
      const others = pending(key, stored)
      for (const quota of concerned) {
        const counts = (each: KubeObject) => isInScope(quota, kind.plural, each)
        const used = new Map<string, Quantity>()
        for (const each of stored) if (counts(each)) addTo(used, usage(each))
        for (const each of others) if (counts(each.object)) addTo(used, each.usage)
        check(request, quota, added, used)
      }
      if (request.dryRun || operation !== 'CREATE') return
      const name = object.metadata?.name ?? ''
      charges.set(key, [...others, { name, object, usage: added, until: clock.monotonic() + patienceMs }])
    },
  }
}

/** What an update takes more than before; taking less needs no leave. */
function increase(now: Amounts, before: Amounts | undefined): Amounts {
  if (!before) return now
  const more = [...now].map(([name, amount]) => [name, subtractQuantities(amount, before.get(name) ?? zero)] as const)
  return new Map(more.filter(([, amount]) => signOf(amount) > 0))
}

const limited = ({ spec }: ResourceQuota, usage: Amounts): string[] =>
  Object.keys(spec?.hard ?? {}).filter((name) => usage.has(name))

/** Even a pod that asks for nothing must say so where there is a quota for it. */
function checkSpecified(request: AdmissionRequest, { metadata, spec }: ResourceQuota): void {
  const missing = unspecified(request.object as Pod, Object.keys(spec?.hard ?? {}))
  if (missing) throw forbidden(request, `failed quota: ${metadata?.name ?? ''}: ${missing}`)
}

function check(request: AdmissionRequest, quota: ResourceQuota, added: Amounts, used: Amounts): void {
  const name = quota.metadata?.name ?? ''
  const hard = new Map(entries(quota.spec?.hard).map(([key, text]) => [key, parseQuantity(text)]))
  const exceeded = [...hard.keys()].filter((key) => {
    const more = added.get(key)
    if (!more) return false
    const sum = new Map(used)
    addTo(sum, new Map([[key, more]]))
    return compareQuantities(sum.get(key)!, hard.get(key)!) > 0
  })
  if (!exceeded.length) return
  const shown = (amounts: Amounts) => formatAmounts(new Map(exceeded.map((key) => [key, amounts.get(key) ?? zero])))
  throw forbidden(
    request,
    `exceeded quota: ${name}, requested: ${shown(added)}, used: ${shown(used)}, limited: ${shown(hard)}`,
  )
}
