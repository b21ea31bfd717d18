import { scaledIntOrPercent } from '#shared/kube/int-or-string.ts'
import { isPodTerminal } from '../framework/support/pods.ts'
import { replicasOf, revisionOf, type Place, type SetView } from './identity.ts'
import { isAvailable } from './status.ts'

/**
 * The pods to delete so that they come back at the new revision. From the last ordinal down to the partition, one at a
 * time: the next one only when the one before is back and does its work.
 */
export function outdated(set: SetView, places: readonly Place[], revision: string, now: number): readonly Place[] {
  const { type, rollingUpdate } = set.spec?.updateStrategy ?? {}
  if (type !== 'RollingUpdate') return []
  const movable = places.slice(rollingUpdate?.partition ?? 0).reverse()
  const { maxUnavailable } = rollingUpdate ?? {}
  if (maxUnavailable !== undefined) return several(set, places, movable, maxUnavailable, revision, now)
  for (const place of movable) {
    if (isOld(place, revision)) return [place]
    if (!isAvailable(set, place.pod, now)) return []
  }
  return []
}

/**
 * As many at a time as may be unavailable, those counted that already are. With parallel management pods of the old
 * revision that do not work are replaced beyond that: nothing is lost with them, and waiting for them would last for
 * ever (kubernetes/kubernetes#137409).
 */
function several(
  set: SetView,
  places: readonly Place[],
  movable: readonly Place[],
  maxUnavailable: number | string,
  revision: string,
  now: number,
): readonly Place[] {
  const limit = Math.max(1, scaledIntOrPercent(maxUnavailable, replicasOf(set), false))
  const works = ({ pod }: Place) => isAvailable(set, pod, now)
  const old = movable.filter((place) => isOld(place, revision))
  const left = limit - places.filter((place) => !works(place)).length
  const broken = set.spec?.podManagementPolicy === 'Parallel' ? old.filter((place) => !works(place)) : []
  return [...broken.slice(0, limit), ...old.filter(works).slice(0, Math.max(0, left))]
}

/** One that is going, or has ended and is deleted for that, is on its way already. */
const isOld = ({ pod, exists }: Place, revision: string): boolean =>
  exists && revisionOf(pod) !== revision && !pod.metadata?.deletionTimestamp && !isPodTerminal(pod)
