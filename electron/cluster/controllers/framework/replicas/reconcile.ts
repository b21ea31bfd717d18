import type { ReplicaSet, ReplicaSetCondition, ReplicaSetStatus } from 'kubernetes-types/apps/v1'
import type { ReplicationController } from 'kubernetes-types/core/v1'
import type { Frozen } from '#shared/kube/object.ts'
import { pods, type ResourceType } from '#shared/kube/resources.ts'
import { matches, selectorOfLabels, type Selector } from '#shared/kube/selectors.ts'
import type { StatusError } from '#shared/kube/status.ts'
import { timestamp } from '../../../base/clock.ts'
import { updateStatus, type Batch, type Decision } from '../action.ts'
import { claim } from '../claim.ts'
import { findCondition, withCondition, withoutCondition } from '../support/conditions.ts'
import { equal, nonZero } from '../support/equality.ts'
import { createPod, deletePod } from '../support/pod-template.ts'
import {
  availableIn,
  isPodActive,
  isPodReady,
  isPodTerminating,
  nextAvailability,
  type PodView,
} from '../support/pods.ts'
import { podsToDelete } from './ranking.ts'

/** What asks for so many pods of a template. */
export type Replicated = ReplicaSet | ReplicationController
export type SetView = Frozen<Replicated>

/** What differs between the kinds that ask. */
export interface ReplicatedKind {
  readonly type: ResourceType<Replicated>
  readonly selector: (set: SetView) => Selector
  /** Whether its status has a count of terminating pods. */
  readonly countsTerminating: boolean
}

/** ReplicaSetStatus with the field that came after the types. */
export type Status = Frozen<ReplicaSetStatus> & { readonly terminatingReplicas?: number }

export interface Observed {
  readonly set: SetView
  /** Pods that the set controls and those of its namespace that nobody does. */
  readonly candidates: readonly PodView[]
  /** Pods of all replica sets of the same owner; asked for when pods must go. */
  readonly related: () => readonly PodView[]
  /** False while creations or deletions are in flight: the counts cannot be trusted. */
  readonly settled: boolean
}

/** The most pods created or deleted in one go (upstream's BurstReplicas). */
const burst = 500

/** Milliseconds of rest per pod after a look, but for one that leaves more to be created or deleted. */
const restPerPod = 0.05

export function reconcile(
  kind: ReplicatedKind,
  { set, candidates, related, settled }: Observed,
  now: number,
): Decision {
  const { type } = kind
  const owner = { type, object: set, selector: kind.selector(set) }
  const [living, others] = partition(candidates, isPodActive)
  const active = claim(owner, pods, living)
  const terminating = others.filter(
    (pod) =>
      isPodTerminating(pod) &&
      pod.metadata?.ownerReferences?.some((r) => r.controller && r.uid === set.metadata?.uid) &&
      matches(owner.selector, pod.metadata.labels),
  )
  const manage = settled && !set.metadata?.deletionTimestamp ? adjust(type, set, active.owned, related, now) : undefined
  return {
    steps: manage ? [...active.steps, manage] : active.steps,
    conclude(failure) {
      const status: Status = {
        ...statusOf(set, active.owned, failure, now),
        ...(kind.countsTerminating ? { terminatingReplicas: terminating.length } : {}),
      }
      return equal(status, set.status) ? [] : [updateStatus(type, { ...set, status } as SetView)]
    },
    ...nextAvailability(active.owned, set.spec?.minReadySeconds ?? 0, now),
    ...(manage?.actions.length === burst ? {} : { rest: Math.trunc(active.owned.length * restPerPod) }),
  }
}

/** Creates what is missing, deletes what is too many. */
function adjust(
  type: ResourceType<Replicated>,
  set: SetView,
  owned: readonly PodView[],
  related: () => readonly PodView[],
  now: number,
): Batch | undefined {
  const missing = wanted(set) - owned.length
  if (missing > 0) {
    const actions = Array.from({ length: Math.min(missing, burst) }, () =>
      createPod(type, set, set.spec?.template ?? {}),
    )
    return { verb: 'batch', pace: 'slow-start', actions }
  }
  if (missing === 0) return undefined
  const count = Math.min(-missing, burst)
  const doomed = podsToDelete(owned, count < owned.length ? related() : [], count, now)
  return { verb: 'batch', pace: 'parallel', actions: doomed.map((pod) => deletePod(type, set, pod)) }
}

function statusOf(set: SetView, owned: readonly PodView[], failure: StatusError | undefined, now: number): Status {
  const template = selectorOfLabels(set.spec?.template?.metadata?.labels)
  const minReadySeconds = set.spec?.minReadySeconds ?? 0
  const conditions = conditionsOf(set, owned.length, failure, now)
  let [labelled, ready, available] = [0, 0, 0]
  for (const pod of owned) {
    if (matches(template, pod.metadata?.labels)) labelled++
    const wait = availableIn(pod, minReadySeconds, now)
    if (wait === 0) available++
    if (wait !== undefined || isPodReady(pod)) ready++
  }
  return {
    replicas: owned.length,
    ...nonZero({
      fullyLabeledReplicas: labelled,
      readyReplicas: ready,
      availableReplicas: available,
      observedGeneration: set.metadata?.generation ?? 0,
    }),
    ...(conditions.length ? { conditions } : {}),
  }
}

function conditionsOf(
  set: SetView,
  count: number,
  failure: StatusError | undefined,
  now: number,
): readonly Frozen<ReplicaSetCondition>[] {
  const conditions = set.status?.conditions
  const failed = findCondition(conditions, 'ReplicaFailure')
  if (!failure) return failed ? withoutCondition(conditions, 'ReplicaFailure') : (conditions ?? [])
  if (failed) return conditions ?? []
  const difference = count - wanted(set)
  return withCondition<Frozen<ReplicaSetCondition>>(conditions, {
    type: 'ReplicaFailure',
    status: 'True',
    reason: difference < 0 ? 'FailedCreate' : difference > 0 ? 'FailedDelete' : '',
    message: failure.message,
    lastTransitionTime: timestamp(now),
  })
}

const wanted = (set: SetView): number => set.spec?.replicas ?? 1

/** Of ten thousand pods each look costs: one divides them. */
function partition(pods: readonly PodView[], fits: (pod: PodView) => boolean): [yes: PodView[], no: PodView[]] {
  const parts: [PodView[], PodView[]] = [[], []]
  for (const pod of pods) parts[fits(pod) ? 0 : 1].push(pod)
  return parts
}
