import type { Pod, PodCondition } from 'kubernetes-types/core/v1'
import type { Frozen } from '#shared/kube/object.ts'
import { timestamp } from '../../../base/clock.ts'
import { findCondition } from './conditions.ts'

export type PodView = Frozen<Pod>

export const podCondition = (pod: PodView, type: string): Frozen<PodCondition> | undefined =>
  findCondition(pod.status?.conditions, type)

export const isPodReady = (pod: PodView): boolean => podCondition(pod, 'Ready')?.status === 'True'

/** What tells that a pod is deleted for reasons that lie outside of it, or, `False`, that it was not after all. */
export const disruptionTarget = (
  { metadata }: PodView,
  what: { readonly status: 'True' | 'False'; readonly reason?: string; readonly message?: string },
  now: number,
) => ({
  type: 'DisruptionTarget',
  ...what,
  ...(metadata?.generation ? { observedGeneration: metadata.generation } : {}),
  lastTransitionTime: timestamp(now),
})

/** Succeeded or failed: its containers will not run again. */
export const isPodTerminal = (pod: PodView): boolean =>
  pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed'

export const isPodActive = (pod: PodView): boolean => !isPodTerminal(pod) && !pod.metadata?.deletionTimestamp

export const isPodTerminating = (pod: PodView): boolean =>
  !isPodTerminal(pod) && pod.metadata?.deletionTimestamp !== undefined

/**
 * Milliseconds until a ready pod has been ready for `minReadySeconds`; 0 when it is available, undefined when it is
 * not ready. A minimum of zero is satisfied at once, whatever the clocks of nodes say.
 */
export function availableIn(pod: PodView, minReadySeconds: number, now: number): number | undefined {
  const ready = podCondition(pod, 'Ready')
  if (ready?.status !== 'True') return undefined
  if (minReadySeconds === 0) return 0
  if (!ready.lastTransitionTime) return undefined
  return Math.max(0, Date.parse(ready.lastTransitionTime) + minReadySeconds * 1000 - now)
}

export const isPodAvailable = (pod: PodView, minReadySeconds: number, now: number): boolean =>
  availableIn(pod, minReadySeconds, now) === 0

/** When to look again: no event tells that a ready pod has become available, only time. */
export function nextAvailability(
  pods: readonly PodView[],
  minReadySeconds: number,
  now: number,
): { readonly requeueAfter?: number } {
  if (!minReadySeconds) return {}
  const waits = pods.flatMap((pod) => availableIn(pod, minReadySeconds, now) || [])
  return waits.length ? { requeueAfter: Math.min(...waits) } : {}
}

/** Of all that happens to a pod, its owner counts its phase and readiness: not its binding, not its probes. */
export const countsAnew = (pod: PodView, old: PodView): boolean =>
  pod.status?.phase !== old.status?.phase || isPodReady(pod) !== isPodReady(old)
