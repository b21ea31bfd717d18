import type { Step, Series, WriteAction } from '../framework/action.ts'
import { isPodTerminal, type PodView } from '../framework/support/pods.ts'
import type { Template } from '../framework/support/template-hash.ts'
import { isWanted, ordinalOf, replicasOf, startOf, type Place, type SetView } from './identity.ts'
import {
  claimsForPending,
  creation,
  deletion,
  mustWait,
  newPod,
  repair,
  retention,
  type FindClaim,
} from './pod-steps.ts'
import { isAvailable } from './status.ts'
import { outdated } from './update.ts'

interface Revision {
  readonly name: string
  readonly template: Template
}

export interface Managed {
  readonly set: SetView
  readonly pods: readonly PodView[]
  readonly current: Revision
  readonly update: Revision
  readonly findClaim: FindClaim
}

export interface Plan {
  readonly steps: readonly Step[]
  /** Pods that are deleted for an update. */
  readonly leaving: readonly PodView[]
}

/** What is to be done about one pod, and whether the next has to wait for it. */
interface Verdict {
  readonly steps: readonly Step[]
  readonly waits: boolean
}

/**
 * The pods of the set, from the first ordinal on: each is created when those before it do their work, and deleted when
 * those behind it are gone; updates come last. With parallel management none waits for another.
 * Source: updateStatefulSet, pkg/controller/statefulset/stateful_set_control.go.
 */
export function manage(managed: Managed, now: number): Plan {
  const { set, findClaim } = managed
  const isOrdered = set.spec?.podManagementPolicy !== 'Parallel'
  const { places, condemned } = placesOf(managed)
  const inOrder = isOrdered ? oneByOne : allAtOnce

  const living = inOrder(places, (place) => verdictOn(managed, place, isOrdered, now))
  if (living.waits) return { steps: living.steps, leaving: [] }
  const claims = inOrder(condemned, ({ ordinal, pod }) => ({
    steps: retention(set, ordinal, pod, findClaim),
    waits: false,
  }))
  const firstUnavailable = [...places, ...condemned.toReversed()].find(({ pod }) => !isAvailable(set, pod, now))
  const dying = inOrder(condemned, (place) => {
    if (place.pod.metadata?.deletionTimestamp) return { steps: [], waits: true }
    // What does not work may go; but not while something before it does not work either.
    if (isOrdered && place !== firstUnavailable && !isAvailable(set, place.pod, now)) return { steps: [], waits: true }
    return { steps: [deletion(set, place.ordinal, place.pod)], waits: true }
  })
  const steps = [...living.steps, ...claims.steps, ...dying.steps]
  // Scaling comes before updating.
  if (dying.waits) return { steps, leaving: [] }
  const leaving = outdated(set, places, managed.update.name, now)
  return {
    steps: [...steps, ...leaving.map(({ ordinal, pod }) => deletion(set, ordinal, pod))],
    leaving: leaving.map(({ pod }) => pod),
  }
}

/** In the order of ordinals those that are wanted; from the last on those that are not. */
function placesOf(managed: Managed): { places: readonly Place[]; condemned: readonly Place[] } {
  const { set } = managed
  const found = managed.pods.flatMap((pod): readonly Place[] => {
    const ordinal = ordinalOf(set, pod)
    return ordinal === undefined ? [] : [{ ordinal, pod, exists: true }]
  })
  const wanted = new Map(found.filter(({ ordinal }) => isWanted(set, ordinal)).map((place) => [place.ordinal, place]))
  const places = Array.from({ length: replicasOf(set) }, (_, index) => {
    const ordinal = startOf(set) + index
    return wanted.get(ordinal) ?? { ordinal, pod: podToBe(managed, ordinal), exists: false }
  })
  const condemned = found.filter(({ ordinal }) => !isWanted(set, ordinal)).sort((a, b) => b.ordinal - a.ordinal)
  return { places, condemned }
}

/** Below the partition pods come back as they were, so that a rollout halts where it was told to. */
function podToBe({ set, current, update }: Managed, ordinal: number): PodView {
  const { type, rollingUpdate } = set.spec?.updateStrategy ?? {}
  const kept = rollingUpdate ? (rollingUpdate.partition ?? 0) : (set.status?.currentReplicas ?? 0)
  const isKept = (rollingUpdate || type === 'RollingUpdate') && ordinal < startOf(set) + kept
  const { name, template } = isKept ? current : update
  return newPod(set, ordinal, template, name)
}

function verdictOn({ set, findClaim }: Managed, place: Place, isOrdered: boolean, now: number): Verdict {
  const { ordinal, pod, exists } = place
  const isGoing = pod.metadata?.deletionTimestamp !== undefined
  if (exists && isPodTerminal(pod)) return { steps: isGoing ? [] : [deletion(set, ordinal, pod)], waits: true }
  if (!exists) {
    const steps = mustWait(set, ordinal, findClaim) ? [] : creation(set, ordinal, pod, findClaim)
    return { steps, waits: true }
  }
  const pending = pod.status?.phase === 'Pending' ? claimsForPending(set, ordinal, pod, findClaim) : []
  if (isOrdered && !isAvailable(set, pod, now)) return { steps: pending, waits: true }
  return { steps: pending.length ? pending : repair(set, ordinal, pod, findClaim), waits: false }
}

type InOrder = (places: readonly Place[], judge: (place: Place) => Verdict) => Verdict

/** Until one has to be waited for. */
const oneByOne: InOrder = (places, judge) => {
  const steps: Step[] = []
  for (const place of places) {
    const verdict = judge(place)
    steps.push(...verdict.steps)
    if (verdict.waits) return { steps, waits: true }
  }
  return { steps, waits: false }
}

const allAtOnce: InOrder = (places, judge) => {
  const actions = places.flatMap((place): readonly (WriteAction | Series)[] => {
    const { steps } = judge(place)
    return steps.length ? [{ verb: 'series', steps }] : []
  })
  return { steps: actions.length ? [{ verb: 'batch', pace: 'slow-start', actions }] : [], waits: false }
}
