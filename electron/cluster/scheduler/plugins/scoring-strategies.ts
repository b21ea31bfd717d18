import type { NodeInfo } from '../node-info.ts'
import type { PodInfo } from '../pod-info.ts'
import { amountOf } from '../resources.ts'

/** Makes the score of nodes for one kind of pod. */
export type Strategy = (pod: PodInfo) => (node: NodeInfo) => number

export interface WeightedResource {
  readonly name: string
  readonly weight: number
}

const usual: readonly WeightedResource[] = [
  { name: 'cpu', weight: 1 },
  { name: 'memory', weight: 1 },
]

/**
 * The weighted mean over resources of `grade(wanted, capacity)`. CPU and memory are counted with the defaults for pods
 * that request nothing. What a node does not have, or a pod does not ask for beyond these two, does not count.
 */
function meanOf(
  resources: readonly WeightedResource[],
  grade: (wanted: number, capacity: number) => number,
  rounded: (sum: number, weights: number) => number,
): Strategy {
  return (pod) => {
    const asked = resources
      .map(({ name, weight }) => ({ name, weight, amount: amountOf(pod.scored, name) }))
      .filter(({ name, amount }) => name === 'cpu' || name === 'memory' || amount > 0)
    return ({ allocatable, scored }) => {
      let sum = 0
      let weights = 0
      for (const { name, weight, amount } of asked) {
        const capacity = amountOf(allocatable, name)
        if (capacity === 0) continue
        sum += grade(amountOf(scored, name) + amount, capacity) * weight
        weights += weight
      }
      return weights ? rounded(sum, weights) : 0
    }
  }
}

const mean = (sum: number, weights: number): number => Math.floor(sum / weights)

/** The emptier the node would be, the better. The default. */
export const leastAllocated = (resources = usual): Strategy =>
  meanOf(
    resources,
    (wanted, capacity) => (wanted > capacity ? 0 : Math.floor(((capacity - wanted) * 100) / capacity)),
    mean,
  )

/** The fuller the node would be, the better: packs pods together. */
export const mostAllocated = (resources = usual): Strategy =>
  meanOf(resources, (wanted, capacity) => Math.floor((Math.min(wanted, capacity) * 100) / capacity), mean)

export interface ShapePoint {
  /** Percent. */
  readonly utilization: number
  /** 0 to 10. */
  readonly score: number
}

/** By a curve over the utilization that the node would have. */
export function requestedToCapacityRatio(shape: readonly ShapePoint[], resources = usual): Strategy {
  const points = shape.map(({ utilization, score }) => ({ utilization, score: score * 10 }))
  return meanOf(
    resources,
    (wanted, capacity) => onCurve(points, wanted > capacity ? 100 : Math.floor((wanted * 100) / capacity)),
    (sum, weights) => Math.round(sum / weights),
  )
}

function onCurve(points: readonly ShapePoint[], utilization: number): number {
  const next = points.findIndex((point) => utilization <= point.utilization)
  if (next < 0) return points.at(-1)?.score ?? 0
  if (next === 0) return points[0]!.score
  const [from, to] = [points[next - 1]!, points[next]!]
  const share = (to.score - from.score) * (utilization - from.utilization)
  return from.score + Math.trunc(share / (to.utilization - from.utilization))
}
