import type { Pod } from '../types.ts'

/** How long pods of a priority, up to the next one's, get to end when the node shuts down. */
export interface ShutdownGrace {
  priority: number
  seconds: number
}

export interface ShutdownGroup<T> extends ShutdownGrace {
  pods: T[]
}

/** By priority, the lowest first: who goes together. Source: nodeshutdown's groupByPriority. */
export function shutdownGroups<T extends Pick<Pod, 'spec'>>(
  graces: readonly ShutdownGrace[],
  pods: readonly T[],
): ShutdownGroup<T>[] {
  const groups = graces.toSorted((a, b) => a.priority - b.priority).map((grace) => ({ ...grace, pods: [] as T[] }))
  for (const pod of pods) {
    const { priority = 0 } = pod.spec ?? {}
    // Those below the lowest go with it.
    const group = groups.findLast((each) => each.priority <= priority) ?? groups[0]
    group?.pods.push(pod)
  }
  return groups.filter((group) => group.pods.length)
}
