import { maxSurge, maxUnavailable, replicasOf, sum } from './limits.ts'
import { actual, type Draft, type Rollout } from './rollout.ts'

/**
 * One step of a rolling update: grow the new set as far as surge allows, otherwise shrink the old ones as far as
 * availability allows. Only one of both, so that the next step sees the effect of this one.
 * Source: pkg/controller/deployment/rolling.go.
 */
export function roll(rollout: Rollout, current: Draft): void {
  if (growNew(rollout, current)) return
  shrinkOld(rollout, current)
}

function growNew(rollout: Rollout, current: Draft): boolean {
  const wanted = replicasOf(rollout.deployment)
  const size = replicasOf(current.set)
  if (size === wanted) return false
  return rollout.scale(current, size > wanted ? wanted : newSize(rollout, current))
}

/** What the new set may grow to while all sets together stay within replicas + maxSurge. */
export function newSize(rollout: Rollout, current: Draft): number {
  const wanted = replicasOf(rollout.deployment)
  const room = wanted + maxSurge(rollout.deployment) - rollout.size
  const size = replicasOf(current.set)
  return room <= 0 ? size : size + Math.min(room, wanted - size)
}

function shrinkOld(rollout: Rollout, current: Draft): void {
  const old = rollout.activeOld
  if (!old.length) return
  const minimum = replicasOf(rollout.deployment) - maxUnavailable(rollout.deployment)
  const newUnavailable = replicasOf(current.set) - actual(current, 'availableReplicas')
  const budget = rollout.size - minimum - newUnavailable
  if (budget <= 0) return
  dropUnhealthy(rollout, old, budget)
  const available = sum(rollout.all, (draft) => actual(draft, 'availableReplicas'))
  let spare = available - minimum
  for (const draft of old) {
    const drop = Math.min(replicasOf(draft.set), spare)
    if (drop <= 0) continue
    rollout.scale(draft, replicasOf(draft.set) - drop)
    spare -= drop
  }
}

/** Pods of old sets that are not available serve nobody: they go first, or a broken rollout would block its own cure. */
function dropUnhealthy(rollout: Rollout, old: readonly Draft[], budget: number): void {
  for (const draft of old) {
    const unhealthy = replicasOf(draft.set) - actual(draft, 'availableReplicas')
    const drop = Math.min(unhealthy, budget)
    if (drop <= 0) continue
    rollout.scale(draft, replicasOf(draft.set) - drop)
    budget -= drop
  }
}
