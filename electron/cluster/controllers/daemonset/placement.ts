import { isPodTerminal, type PodView } from '../framework/support/pods.ts'
import type { Fitness, NodeView, SetView } from './nodes.ts'
import { fitnessOf } from './nodes.ts'
import { isUpdated, targetNode } from './pod.ts'

/** A node with the pods of the set that are on it or bound for it. */
export interface Place {
  readonly node: string
  readonly fitness: Fitness
  readonly pods: readonly PodView[]
}

/** All that is decided upon. */
export interface Placement {
  readonly set: SetView
  /** That of the current revision, by which its pods are known. */
  readonly hash: string
  readonly isUpdated: (pod: PodView) => boolean
  /** Every node there is. */
  readonly places: readonly Place[]
  /** Pods bound for nodes that are not there (any more), and not on one. */
  readonly strays: readonly PodView[]
}

export function placementOf(
  set: SetView,
  hash: string,
  nodes: readonly NodeView[],
  pods: readonly PodView[],
): Placement {
  const byNode = new Map<string, PodView[]>()
  for (const pod of pods) {
    // One that has ended and is deleted waits for a finalizer or the node: nothing is left to be done about it.
    if (isPodTerminal(pod) && pod.metadata?.deletionTimestamp) continue
    const node = targetNode(pod)
    if (node === undefined) continue
    const there = byNode.get(node)
    if (there) there.push(pod)
    else byNode.set(node, [pod])
  }
  const fitness = fitnessOf(set)
  const places = nodes.map((node): Place => {
    const name = node.metadata?.name ?? ''
    const there = byNode.get(name) ?? []
    byNode.delete(name)
    return { node: name, fitness: fitness(node), pods: there }
  })
  const strays = [...byNode.values()].flat().filter(({ spec }) => !spec?.nodeName)
  return { set, hash, isUpdated: isUpdated(set, hash), places, strays }
}
