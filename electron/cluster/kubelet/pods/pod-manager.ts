import { readdir, rm } from 'node:fs/promises'
import path from 'node:path'
import { qualityOfService } from '#shared/kube/quota/quality-of-service.ts'
import { admit, type Rejection } from '../admission/admission.ts'
import { isCritical, pressureRejection } from '../pressure/rank.ts'
import type { PressureType } from '../pressure/thresholds.ts'
import { isTerminalPhase, uidOf, type Node, type Pod, type PodRuntime } from '../types.ts'
import { removePod } from './collect-garbage.ts'
import { PodWorker, type PodWorkerDeps, type Verdict } from './pod-worker.ts'

export interface PodManagerDeps extends PodWorkerDeps {
  /** This node as the API has it. */
  node(): Node
  /** Of what the machine is short. */
  pressure?: () => readonly PressureType[]
  /** Why the node takes no pod at all. */
  closed?: () => Rejection | undefined
  /** Nothing is left of a pod. */
  onGone?: (pod: Pod) => void
}

/** All pods of this node, one worker each. */
export class PodManager implements AsyncDisposable {
  readonly #deps: PodManagerDeps
  readonly #workers = new Map<string, PodWorker>()

  constructor(deps: PodManagerDeps) {
    this.#deps = deps
  }

  get pods(): Pod[] {
    return [...this.#workers.values()].map(({ pod }) => pod)
  }

  /** Those that take part in the node's resources. */
  get active(): Pod[] {
    return [...this.#workers.values()].filter(({ isActive }) => isActive).map(({ pod }) => pod)
  }

  has(uid: string): boolean {
    return this.#workers.has(uid)
  }

  find(namespace: string, name: string): Pod | undefined {
    // One that was deleted by force may still be ending beside the next of its name.
    return this.pods.findLast(({ metadata }) => metadata?.namespace === namespace && metadata.name === name)
  }

  /** A pod of this node was added or has changed. */
  update(pod: Pod): void {
    const uid = uidOf(pod)
    const worker = this.#workers.get(uid)
    if (worker) return worker.update(pod)
    const admitted = this.#admit(pod)
    this.#deps.allocations.add(admitted)
    const leave = () => {
      this.#workers.delete(uid)
      this.#deps.onGone?.(admitted)
    }
    this.#workers.set(uid, new PodWorker(this.#deps, admitted, () => this.#wakeWaiting(), leave))
  }

  evict(pod: Pod, message: string, condition?: { reason: string; message: string }): void {
    if (!isCritical(pod)) this.#workers.get(uidOf(pod))?.evict(message, condition)
  }

  /** Resolves when nothing of the pod runs any more. */
  async terminate(pod: Pod, verdict: Verdict): Promise<void> {
    await this.#workers.get(uidOf(pod))?.terminate(verdict)
  }

  remove(pod: Pod): void {
    this.#workers.get(uidOf(pod))?.remove(pod)
  }

  /** Takes away what is left of pods that have ended, their logs too. Source: containerGC.DeleteAllUnusedContainers. */
  async discardEnded(): Promise<void> {
    await Promise.all([...this.#workers.values()].map((worker) => worker.discard()))
  }

  wake(podUid: string): void {
    this.#workers.get(podUid)?.wake()
  }

  wakeAll(): void {
    for (const worker of this.#workers.values()) worker.wake()
  }

  /** Ends what runs for pods that were removed from the API while no agent looked, and what they left on disk. */
  async removeOrphans(): Promise<void> {
    const { inspector, directories, logger } = this.#deps
    for (const [uid, known] of await inspector.all()) {
      if (this.#workers.has(uid)) continue
      logger.info('ending a pod that is not in the API any more', { uid, name: known.sandboxes[0]?.name })
      await this.#removeOrphan(uid, known)
    }
    const stale = async (directory: string, uidIn: (name: string) => string) => {
      for (const name of await readdir(directory).catch(() => [])) {
        if (!this.#workers.has(uidIn(name))) await rm(path.join(directory, name), { recursive: true, force: true })
      }
    }
    await stale(directories.pods, (name) => name)
    await stale(directories.logs, (name) => name.slice(name.lastIndexOf('_') + 1))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const workers = [...this.#workers.values()]
    this.#workers.clear()
    await Promise.all(workers.map((worker) => worker.stop()))
  }

  /** Nobody knows the pod's grace any more: a second is what upstream gives. */
  async #removeOrphan(uid: string, known: PodRuntime): Promise<void> {
    const { runtime } = this.#deps
    const { name = '', namespace = '' } = known.sandboxes[0] ?? {}
    const alive = known.containers.filter(({ state }) => state === 'running')
    await Promise.all(alive.map(({ id }) => runtime.stopContainer(id, 1)))
    await removePod(this.#deps, { metadata: { uid, name, namespace } }, known)
  }

  /** There may be room for pods that asked for more. */
  #wakeWaiting(): void {
    for (const uid of this.#deps.allocations.pending) this.wake(uid)
  }

  /** A rejected pod fails at once and is never started. A pod that has run here before has been admitted before. */
  #admit(pod: Pod): Pod {
    if (pod.status?.startTime || pod.metadata?.deletionTimestamp || isTerminalPhase(pod.status?.phase)) return pod
    const others = this.active.map((other) => this.#deps.allocations.allocated(other))
    const { closed, pressure, node } = this.#deps
    const rejection = closed?.() ?? pressureRejection(pod, pressure?.() ?? []) ?? admit(pod, others, node())
    if (!rejection) return pod
    const { reason, message } = rejection
    this.#deps.events.pod(pod, 'Warning', reason, message)
    const status = {
      phase: 'Failed',
      reason,
      message: `Pod was rejected: ${message}`,
      qosClass: qualityOfService(pod.spec),
    }
    this.#deps.status.set(pod, { ...pod.status, ...status })
    return { ...pod, status: { ...pod.status, ...status } }
  }
}
