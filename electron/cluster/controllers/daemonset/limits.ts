import { scaledIntOrPercent } from '#shared/kube/int-or-string.ts'
import type { SetView } from './nodes.ts'

const isRolling = (set: SetView): boolean => set.spec?.updateStrategy?.type === 'RollingUpdate'

/** How many nodes may have a pod of the old and one of the new template at once. */
export const maxSurge = (set: SetView, nodes: number): number =>
  isRolling(set) ? scaledIntOrPercent(set.spec?.updateStrategy?.rollingUpdate?.maxSurge ?? 0, nodes, true) : 0

/** When neither surge nor unavailability is allowed, one node may be without, or nothing would move. */
export function maxUnavailable(set: SetView, nodes: number): number {
  if (!isRolling(set)) return 0
  const count = scaledIntOrPercent(set.spec?.updateStrategy?.rollingUpdate?.maxUnavailable ?? 1, nodes, true)
  return nodes > 0 && count === 0 && maxSurge(set, nodes) === 0 ? 1 : count
}

export const surges = (set: SetView): boolean => maxSurge(set, 1) > 0
