import { desiredReplicas, maxReplicas } from './annotations.ts'
import { byCreation, isRolling, maxSurge, replicasOf, sum, type SetView } from './limits.ts'
import { actual, type Draft, type Rollout } from './rollout.ts'

/** Some set was last scaled for another number of replicas than the deployment asks for now. */
export const isScaling = (rollout: Rollout): boolean =>
  rollout.active.some(({ set }) => {
    const desired = desiredReplicas(set)
    return desired !== undefined && desired !== replicasOf(rollout.deployment)
  })

/**
 * Scales without rolling: the only active set, or the newest, takes it all; in the middle of a rollout all sets grow
 * or shrink in proportion, so that the risk stays spread. Source: scale(), pkg/controller/deployment/sync.go.
 */
export function scale(rollout: Rollout): void {
  const wanted = replicasOf(rollout.deployment)
  const only = activeOrLatest(rollout)
  if (only) {
    if (replicasOf(only.set) !== wanted) rollout.scale(only, wanted)
  } else if (isSaturated(rollout)) for (const draft of rollout.activeOld) rollout.scale(draft, 0)
  else if (isRolling(rollout.deployment)) scaleInProportion(rollout)
}

/** Undefined when several sets are active. */
function activeOrLatest(rollout: Rollout): Draft | undefined {
  const { active, current, old } = rollout
  return active.length === 0 ? (current ?? old.at(-1)) : active.length === 1 ? active[0] : undefined
}

function isSaturated({ deployment, current }: Rollout): boolean {
  const wanted = replicasOf(deployment)
  return (
    current !== undefined &&
    replicasOf(current.set) === wanted &&
    desiredReplicas(current.set) === wanted &&
    actual(current, 'availableReplicas') === wanted
  )
}

function scaleInProportion(rollout: Rollout): void {
  const { deployment } = rollout
  const wanted = replicasOf(deployment)
  const allowed = wanted > 0 ? wanted + maxSurge(deployment) : 0
  const toAdd = allowed - sum(rollout.active, ({ set }) => replicasOf(set))
  const newerFirst = toAdd > 0
  const drafts = [...rollout.active].sort((a, b) => bySize(a.set, b.set, newerFirst))
  let added = 0
  const sizes = drafts.map(({ set }) => {
    const share = proportion(rollout, set, toAdd, added)
    added += share
    return replicasOf(set) + share
  })
  // What rounding left over goes to the largest set.
  if (toAdd !== 0) sizes[0] = Math.max(0, sizes[0]! + toAdd - added)
  for (const [index, draft] of drafts.entries()) rollout.scale(draft, sizes[index]!)
}

function proportion({ deployment }: Rollout, set: SetView, toAdd: number, added: number): number {
  const size = replicasOf(set)
  if (size === 0 || toAdd === 0 || toAdd === added) return 0
  const share = fraction(deployment, set, size)
  return toAdd > 0 ? Math.min(share, toAdd - added) : Math.max(share, toAdd - added)
}

function fraction(deployment: Rollout['deployment'], set: SetView, size: number): number {
  if (replicasOf(deployment) === 0) return -size
  const before = maxReplicas(set) || deployment.status?.replicas || 0
  if (before === 0) return 0
  return Math.round((size * (replicasOf(deployment) + maxSurge(deployment))) / before) - size
}

const bySize = (a: SetView, b: SetView, newerFirst: boolean): number =>
  replicasOf(b) - replicasOf(a) || (newerFirst ? byCreation(b, a) : byCreation(a, b))
