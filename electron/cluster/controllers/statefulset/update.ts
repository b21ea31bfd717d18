import { isPodTerminal } from '../framework/support/pods.ts'
import { revisionOf, type Place, type SetView } from './identity.ts'
import { isAvailable } from './status.ts'

/**
 * The pods to delete so that they come back at the new revision. From the last ordinal down to the partition, one at a
 * time: the next one only when the one before is back and does its work. (v1.36 has its feature gate
 * MaxUnavailableStatefulSet closed: there are never several at a time.)
 */
export function outdated(set: SetView, places: readonly Place[], revision: string, now: number): readonly Place[] {
  const { type, rollingUpdate } = set.spec?.updateStrategy ?? {}
  if (type !== 'RollingUpdate') return []
  const movable = places.slice(rollingUpdate?.partition ?? 0).reverse()
  for (const place of movable) {
    if (isOld(place, revision)) return [place]
    if (!isAvailable(set, place.pod, now)) return []
  }
  return []
}

/** One that is going, or has ended and is deleted for that, is on its way already. */
const isOld = ({ pod, exists }: Place, revision: string): boolean =>
  exists && revisionOf(pod) !== revision && !pod.metadata?.deletionTimestamp && !isPodTerminal(pod)
