import { pods } from '#shared/kube/resources.ts'
import { isConflict, isNotFound } from '#shared/kube/status.ts'
import type { Clock } from '../base/clock.ts'
import type { Logger } from '../base/logger.ts'
import type { KubeClient } from '../client/api.ts'
import { referenceTo, type EventRecorder } from '../client/event-recorder.ts'
import type { ClusterState } from './cluster-state.ts'
import type { PodInfo } from './pod-info.ts'
import { patchStatus } from './pod-status.ts'
import type { Candidate } from './preemption.ts'

export interface EvictionDeps {
  client: KubeClient
  clock: Clock
  events: EventRecorder
  logger: Logger
  state: ClusterState
  /** All victims are gone before the pod was no longer held back: it can be tried at once. */
  activate(uid: string): void
  /** An eviction failed: the pod is to look for room again, though not at once. */
  tryLater(uid: string): void
}

/**
 * Evicts the victims of preemptions in the background. Until all have been told to go, the pod that wants their room is
 * held back, lest it evicts more.
 */
export class Evictions implements AsyncDisposable {
  readonly #deps: EvictionDeps
  readonly #running = new Map<string, Promise<void>>()

  constructor(deps: EvictionDeps) {
    this.#deps = deps
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#running.values())
  }

  isWaiting(uid: string): boolean {
    return this.#running.has(uid)
  }

  start(preemptor: PodInfo, candidate: Candidate): void {
    // What is terminating already needs no second call.
    const victims = candidate.victims.filter(({ terminating }) => !terminating)
    if (!victims.length) return
    const { activate, tryLater, logger, state } = this.#deps
    const run = async () => {
      await this.#withdrawNominations(preemptor, candidate.node)
      const results = await Promise.allSettled(victims.map((victim) => this.#evict(victim, preemptor, candidate.node)))
      this.#running.delete(preemptor.uid)
      const failed = results.find((result) => result.status === 'rejected')
      if (failed) {
        logger.warn('a victim could not be evicted', { pod: preemptor.key, error: String(failed.reason) })
        tryLater(preemptor.uid)
      } else if (victims.every(({ uid }) => state.placeOf(uid) === undefined)) activate(preemptor.uid)
    }
    this.#running.set(preemptor.uid, run())
  }

  async #evict(victim: PodInfo, preemptor: PodInfo, node: string): Promise<void> {
    const { client, events } = this.#deps
    const scheduler = preemptor.pod.spec?.schedulerName ?? 'default-scheduler'
    const condition = {
      type: 'DisruptionTarget',
      status: 'True',
      reason: 'PreemptionByScheduler',
      message: `${scheduler}: preempting to accommodate a higher priority pod`,
    }
    const { namespace, name, uid } = victim
    try {
      await patchStatus(this.#deps, victim, { condition })
      await client.delete(pods, { namespace, name }, { preconditions: { uid } })
    } catch (error) {
      // Gone, or another pod by now.
      if (isNotFound(error) || isConflict(error)) return
      throw error
    }
    events.event(
      referenceTo(pods, victim.pod),
      'Normal',
      'Preempted',
      `Preempted by pod ${preemptor.uid} on node ${node}`,
    )
  }

  /** Less important pods that were to have the same node must look for another one. */
  async #withdrawNominations(preemptor: PodInfo, node: string): Promise<void> {
    const { state, logger } = this.#deps
    const lesser = state.nominations.on(node).filter(({ priority }) => priority < preemptor.priority)
    await Promise.all(
      lesser.map((pod) => {
        state.nominations.remove(pod.uid)
        return patchStatus(this.#deps, pod, { nominatedNodeName: '' }).catch((error: unknown) =>
          logger.warn('a nomination could not be withdrawn', { pod: pod.key, error: String(error) }),
        )
      }),
    )
  }
}
