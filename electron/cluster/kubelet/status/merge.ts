import { isDeepStrictEqual } from 'node:util'
import type { PodCondition, PodStatus } from '../types.ts'
import { disruptionTarget, evictionReason, ownConditions } from '../core/conditions.ts'

/**
 * A condition keeps the time of its last transition until its status changes. `before` is the last status known,
 * the kubelet's own or the API's.
 */
export function withTransitionTimes(status: PodStatus, before: PodStatus, now: string): PodStatus {
  const conditions = status.conditions?.map((condition): PodCondition => {
    if (!isOwn(condition)) return condition
    const old = before.conditions?.find(({ type }) => type === condition.type)
    const since = old?.status === condition.status ? (old.lastTransitionTime ?? now) : now
    return { ...condition, lastTransitionTime: since }
  })
  return { ...status, ...(conditions ? { conditions } : {}) }
}

/** Of disruptions only those that the kubelet is the cause of. */
const isOwn = ({ type, reason }: PodCondition): boolean =>
  ownConditions.has(type) || (type === disruptionTarget && reason === evictionReason)

export type StatusPatch = Record<string, unknown>

/**
 * A strategic merge patch that turns `from`, what the API has, into `to`; undefined when there is nothing to do.
 * Only the kubelet's own conditions are sent: others may be newer in the API than here.
 */
export function statusPatch(from: PodStatus, to: PodStatus): StatusPatch | undefined {
  const patch: StatusPatch = {}
  const keys = new Set([...Object.keys(from), ...Object.keys(to)]) as Set<keyof PodStatus>
  for (const key of keys) {
    if (key === 'conditions' || keptByOthers.has(key)) continue
    if (isDeepStrictEqual(from[key], to[key])) continue
    const value = to[key]
    const replaces = mergedByIp.has(key) && from[key] && value
    // Addresses are merged by ip: without the directive an old one would stay.
    patch[key] = value === undefined ? null : replaces ? [{ $patch: 'replace' }, ...(value as object[])] : value
  }
  const conditions = (to.conditions ?? []).flatMap((condition) => {
    const old = from.conditions?.find(({ type }) => type === condition.type)
    if (!isOwn(condition) || sameCondition(old, condition)) return []
    // Conditions are merged by type, field by field: what is gone must be said.
    return { ...(old?.reason ? { reason: null } : {}), ...(old?.message ? { message: null } : {}), ...condition }
  })
  const gone = (from.conditions ?? [])
    .filter(({ type }) => ownConditions.has(type) && !to.conditions?.some((condition) => condition.type === type))
    .map(({ type }) => ({ $patch: 'delete', type }))
  // A status that tells of no conditions at all takes none away.
  const all = [...conditions, ...(to.conditions ? gone : [])]
  if (all.length) patch.conditions = all
  return Object.keys(patch).length ? patch : undefined
}

const mergedByIp = new Set(['podIPs', 'hostIPs'])
/** Written by the scheduler and others. */
const keptByOthers: ReadonlySet<string> = new Set([
  'nominatedNodeName',
  'resourceClaimStatuses',
  'extendedResourceClaimStatus',
  'resize',
])

function sameCondition(a: PodCondition | undefined, b: PodCondition): boolean {
  if (!a) return false
  const fields = ['status', 'reason', 'message', 'observedGeneration', 'lastTransitionTime'] as const
  return fields.every((field) => a[field] === b[field])
}

/** What the API would have after the patch, for comparing the next status with. */
export function patched(from: PodStatus, to: PodStatus): PodStatus {
  const own = (to.conditions ?? []).filter(isOwn)
  const others = (from.conditions ?? []).filter(
    ({ type }) => !ownConditions.has(type) && !own.some((condition) => condition.type === type),
  )
  return { ...to, conditions: [...others, ...own] }
}
