import type { Clock } from '../../base/clock.ts'
import { evictionReason } from '../core/conditions.ts'
import type { PodManager } from '../pods/pod-manager.ts'
import { shutdownGroups, type ShutdownGrace } from './graces.ts'

export interface ShutDownDeps {
  clock: Clock
  pods: Pick<PodManager, 'active' | 'terminate'>
}

/** Why a node that shuts down takes no pod. */
export const shutdownRejection = {
  reason: 'NodeShutdown',
  message: 'Pod was rejected as the node is shutting down.',
}

/** What the node's Ready condition says meanwhile. */
export const shutdownProblem = 'node is shutting down'

const message = 'Pod was terminated in response to imminent node shutdown.'

/**
 * Ends the pods of a node, a group of priorities after the other. Resolves when the last have ended or their time is over:
 * who is still there then is not waited for. Source: nodeshutdown's killPods.
 */
export async function shutDown({ clock, pods }: ShutDownDeps, graces: readonly ShutdownGrace[]): Promise<void> {
  for (const group of shutdownGroups(graces, pods.active)) {
    const ended = group.pods.map((pod) => {
      const { terminationGracePeriodSeconds: own = Infinity } = pod.spec ?? {}
      const condition = { reason: evictionReason, message }
      return pods.terminate(pod, { reason: 'Terminated', message, grace: Math.min(own, group.seconds), condition })
    })
    const over = new AbortController()
    await Promise.race([Promise.all(ended), clock.sleep(group.seconds * 1000, over.signal).catch(() => {})])
    over.abort()
  }
}
