import { isPodAvailable, type PodView } from '../framework/support/pods.ts'
import { maxSurge, maxUnavailable } from './limits.ts'
import type { Changes } from './manage.ts'
import type { Place, Placement } from './placement.ts'

/** What a rollout sees on a node: at most one pod of each template that is not going. */
interface Pair {
  readonly place: Place
  readonly old: PodView | undefined
  readonly new: PodView | undefined
  /** More pods than that: the node is being tidied up. */
  readonly crowded: boolean
}

/**
 * Moves pods to the new template within the limits of the strategy. Comes only when every node has what it should.
 * Source: rollingUpdate, pkg/controller/daemon/update.go.
 */
export function roll(placement: Placement, now: number): Changes {
  const { set, places } = placement
  const wanted = places.filter(({ fitness }) => fitness.run).length
  const minReadySeconds = set.spec?.minReadySeconds ?? 0
  const isAvailable = (pod: PodView) => isPodAvailable(pod, minReadySeconds, now)
  const pairs = places
    .filter(({ fitness, pods }) => fitness.run || pods.length > 0)
    .map((place) => pairOn(place, placement.isUpdated))
  const surge = maxSurge(set, wanted)
  return surge === 0
    ? replace(pairs, maxUnavailable(set, wanted), isAvailable)
    : outnumber(pairs, surge, wanted, isAvailable)
}

function pairOn(place: Place, isUpdated: (pod: PodView) => boolean): Pair {
  const staying = place.pods.filter((pod) => !pod.metadata?.deletionTimestamp)
  const fresh = staying.filter(isUpdated)
  const stale = staying.filter((pod) => !isUpdated(pod))
  const crowded = fresh.length > 1 || stale.length > 1
  return { place, old: crowded ? undefined : stale[0], new: crowded ? undefined : fresh[0], crowded }
}

type Available = (pod: PodView) => boolean

/** Deletes old pods so that no more nodes than allowed are without a working one; new pods come by themselves. */
function replace(pairs: readonly Pair[], allowed: number, isAvailable: Available): Changes {
  const broken: PodView[] = []
  const working: PodView[] = []
  let unavailable = 0
  for (const { old, new: fresh } of pairs) {
    if (!old !== !fresh) {
      if (isAvailable((old ?? fresh)!)) {
        if (old) working.push(old)
        continue
      }
      // Nothing is lost with an old pod that does not work.
      if (old) broken.push(old)
    }
    unavailable++
  }
  return { create: [], remove: [...broken, ...working.slice(0, Math.max(0, allowed - unavailable))] }
}

/** Adds new pods beside old ones, on so many nodes as allowed, and deletes the old where the new one works. */
function outnumber(pairs: readonly Pair[], allowed: number, wanted: number, isAvailable: Available): Changes {
  const remove: PodView[] = []
  /** Working pods on nodes that are to have none: they go when enough work elsewhere. */
  const exiled: PodView[] = []
  const urgent: string[] = []
  const candidates: string[] = []
  let surging = 0
  let available = 0
  for (const { place, old, new: fresh, crowded } of pairs) {
    if (crowded) {
      surging++
      continue
    }
    const shown = old ?? fresh
    if (shown && isAvailable(shown)) available++
    if (!old) continue
    if (fresh) {
      if (isAvailable(fresh)) remove.push(old)
      else surging++
    } else if (!place.fitness.run) (isAvailable(old) ? exiled : remove).push(old)
    else if (isAvailable(old)) candidates.push(place.node)
    else urgent.push(place.node)
  }
  return {
    create: [...urgent, ...candidates.slice(0, Math.max(0, allowed - surging))],
    remove: [...remove, ...exiled.slice(0, Math.max(0, available - wanted))],
  }
}
