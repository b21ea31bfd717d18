import { isDeepStrictEqual } from 'node:util'
import { backoffDelay } from '../../base/backoff.ts'
import { timestamp } from '../../base/clock.ts'
import type { Random } from '../../base/random.ts'
import { graceOf } from '../containers/kill-container.ts'
import { killPod } from '../containers/kill-pod.ts'
import type { WaitingReason } from '../core/container-statuses.ts'
import { ownConditions } from '../core/conditions.ts'
import { computePodActions } from '../core/pod-actions.ts'
import { isResizing } from '../core/resources.ts'
import { podStatus } from '../core/pod-status.ts'
import type { ProbeManager } from '../probes/probe-manager.ts'
import type { ReferencedObjects } from '../references/referenced-objects.ts'
import type { StatusManager } from '../status/status-manager.ts'
import type { DiskUsage } from '../storage/disk-usage.ts'
import { isTerminalPhase, uidOf, type Pod, type PodRuntime } from '../types.ts'
import type { VolumeManager } from '../volumes/volume-manager.ts'
import { collectGarbage, removePod, type GarbageDeps } from './collect-garbage.ts'
import type { Inspector } from './inspector.ts'
import { performActions, type SyncDeps } from './sync-pod.ts'

export interface PodWorkerDeps extends SyncDeps, GarbageDeps {
  random: Random
  inspector: Inspector
  status: StatusManager
  probes: ProbeManager
  references: ReferencedObjects
  volumes: VolumeManager
  disk: DiskUsage
  runtimeName: string
  hostIp(): string
}

/** A pod is looked at again after this long even when nothing happened (kubelet's syncFrequency). */
export const resync = 60_000
/** …and this long after it was changed, in case the runtime tells nothing. */
const afterChange = 1000
const retry = { initial: 500, max: 20_000, jitter: 0.5 }
const mountRetry = { initial: 500, max: 122_000 }

/**
 * One pod on this node, from its arrival to its removal. Everything is done by one loop, one step at a time:
 * `running` keeps the runtime at what the pod asks for, `ending` kills it, `cleaning` takes its volumes away, `ended`
 * waits for its removal from the API. There is no way back.
 */
export class PodWorker {
  readonly #deps: PodWorkerDeps
  readonly #onInactive: () => void
  readonly #onGone: () => void
  readonly #waiting = new Map<string, WaitingReason>()
  readonly #dying = new Set<string>()
  readonly #startTime: string
  #pod: Pod
  #state: 'running' | 'ending' | 'cleaning' | 'ended' | 'gone' = 'running'
  #removed = false
  #stopped = false
  #dirty = false
  #loop: Promise<void> | undefined
  #failures = 0
  #mountFailures = 0
  #cancelTimer: (() => void) | undefined
  /** Aborts what must not go on once the pod is to end. */
  readonly #running = new AbortController()
  #graceChanged = Promise.withResolvers<void>()
  readonly #ended = Promise.withResolvers<void>()
  /** The node has put an end to the pod. */
  #verdict: Verdict | undefined

  /** `onInactive`: what the node had given it is free again. */
  constructor(deps: PodWorkerDeps, pod: Pod, onInactive: () => void, onGone: () => void) {
    this.#deps = deps
    this.#onInactive = onInactive
    this.#pod = pod
    this.#onGone = onGone
    this.#startTime = pod.status?.startTime ?? timestamp(deps.clock.now())
    if (isTerminalPhase(pod.status?.phase)) this.#state = 'ending'
    else deps.references.register(pod)
    this.update(pod)
  }

  get pod(): Pod {
    return this.#pod
  }

  /** Takes part in the node's resources. */
  get isActive(): boolean {
    return this.#state === 'running' || this.#state === 'ending'
  }

  update(pod: Pod): void {
    const news = this.#pod === pod || isNews(this.#pod, pod)
    const before = this.#pod.metadata?.deletionGracePeriodSeconds
    this.#pod = pod
    this.#deps.status.observe(pod)
    if (!news) return
    const now = pod.metadata?.deletionGracePeriodSeconds
    if (before !== undefined && now !== undefined && now < before) this.#graceChanged.resolve()
    if (pod.metadata?.deletionTimestamp) this.#end()
    else if (this.#state === 'running') this.#deps.references.register(pod)
    if (this.#state === 'ended') this.#deps.status.finish(pod)
    this.wake()
  }

  /** Ends the pod for the node's sake: at once, whatever its grace. */
  evict(message: string, condition?: { reason: string; message: string }): void {
    const verdict = { reason: 'Evicted', message, grace: evictionGrace, ...(condition ? { condition } : {}) }
    if (this.#judge(verdict)) this.#deps.events.pod(this.#pod, 'Warning', 'Evicted', message)
  }

  /** Ends the pod as the verdict says, unless it is ending; resolves when nothing of it runs any more. */
  async terminate(verdict: Verdict): Promise<void> {
    this.#judge(verdict)
    await this.#ended.promise
  }

  #judge(verdict: Verdict): boolean {
    if (this.#state !== 'running' || this.#verdict) return false
    this.#verdict = verdict
    // An image pull that is under way is no reason to wait.
    this.#running.abort(new Error(`the pod is to end: ${verdict.message}`))
    this.wake()
    return true
  }

  /** The pod is gone from the API, its containers may not outlive it. */
  remove(last: Pod): void {
    const before = this.#pod.metadata?.deletionGracePeriodSeconds ?? Infinity
    this.#pod = last
    this.#removed = true
    if ((last.metadata?.deletionGracePeriodSeconds ?? 0) < before) this.#graceChanged.resolve()
    this.#end()
    this.wake()
  }

  /** Removes containers and files of a pod that has ended; the pod stays. */
  async discard(): Promise<void> {
    if (this.#state !== 'ended' || this.#loop) return
    await removePod(this.#deps, this.#pod, await this.#deps.inspector.inspect(this.#pod))
  }

  wake(): void {
    this.#dirty = true
    if (!this.#stopped) this.#loop ??= this.#run()
  }

  /** The agent stops: the pod is left as it is. A kill that is under way goes on by itself. */
  async stop(): Promise<void> {
    this.#stopped = true
    this.#cancelTimer?.()
    this.#running.abort(new Error('the agent stops'))
    if (this.#state !== 'ending') await this.#loop
  }

  #end(): void {
    if (this.#state === 'running') this.#state = 'ending'
    this.#running.abort(new Error('the pod is to end'))
  }

  async #run(): Promise<void> {
    await Promise.resolve()
    while (this.#dirty && !this.#stopped) {
      this.#dirty = false
      this.#cancelTimer?.()
      const { state } = this
      const verdict = this.#verdict
      try {
        await this.#step(state)
        this.#failures = 0
      } catch (error) {
        if (this.#stopped) break
        // A step that was cut short because the pod is to end has not failed; who ended it has woken the pod.
        if (this.#dirty && (this.#state !== state || this.#verdict !== verdict)) continue
        const fields = { pod: this.#pod.metadata?.name, error: (error as Error).message }
        this.#deps.logger.warn('a pod could not be synced; will try again', fields)
        this.#wakeAfter(backoffDelay(this.#failures++, retry, this.#deps.random))
      }
    }
    this.#loop = undefined
  }

  get state(): 'running' | 'ending' | 'cleaning' | 'ended' | 'gone' {
    return this.#state
  }

  async #step(state: string): Promise<void> {
    if (state === 'running') return this.#sync()
    if (state === 'ending') return this.#kill()
    if (state === 'cleaning') return this.#clean()
    if (state === 'ended' && this.#removed) return this.#disappear()
  }

  async #sync(): Promise<void> {
    const { inspector, probes, volumes, allocations } = this.#deps
    const pod = allocations.resize(this.#pod)
    const runtime = await inspector.inspect(pod)
    probes.sync(pod, runtime)
    allocations.observe(pod, isResizing(pod, runtime))
    const left = this.#timeLeft()
    const phase = this.#report(pod, runtime, false)
    if (isTerminalPhase(phase)) {
      this.#state = 'ending'
      this.#dirty = true
      return
    }
    const podIp = runtime.sandboxes[0]?.ip ?? ''
    const mounted = await volumes.mount(pod, { podIp: podIp || this.#deps.hostIp(), hostIp: this.#deps.hostIp() })
    if (mounted.failures.length) {
      for (const failure of mounted.failures) this.#deps.events.pod(pod, 'Warning', 'FailedMount', failure)
      return this.#wakeAfter(backoffDelay(this.#mountFailures++, mountRetry))
    }
    this.#mountFailures = 0
    const { signal } = this.#running
    const actions = computePodActions(pod, runtime, probes)
    const result = await performActions(this.#deps, {
      pod,
      runtime,
      actions,
      volumes: mounted.paths,
      waiting: this.#waiting,
      signal,
    })
    // What could not be started is told before it is tried again.
    if (result.retryAfter !== undefined) this.#report(pod, await inspector.inspect(pod), false)
    else if (result.changed) this.#dirty = true
    else await collectGarbage(this.#deps, pod, runtime)
    const soon = result.changed ? afterChange : resync
    this.#wakeAfter(Math.min(result.retryAfter ?? resync, left, soon))
  }

  async #kill(): Promise<void> {
    const { inspector, probes } = this.#deps
    probes.stopLivenessAndStartup(uidOf(this.#pod))
    for (;;) {
      const pod = this.#pod
      const runtime = await inspector.inspect(pod)
      this.#graceChanged = Promise.withResolvers()
      if (!this.#removed && runtime.sandboxes.length) this.#report(pod, runtime, false)
      const grace = this.#verdict?.grace ?? graceOf(pod, '', 'other')
      const killed = killPod(this.#deps, { pod, runtime, grace, dying: this.#dying })
      const outcome = await Promise.race([killed, this.#graceChanged.promise.then(() => 'again' as const)])
      if (outcome !== 'again') break
      // The first attempt ends by itself; its failure is seen by the second.
      killed.catch(() => {})
    }
    const runtime = await inspector.inspect(this.#pod)
    if (runtime.containers.some(({ state }) => state === 'running')) throw new Error('containers are still running')
    probes.remove(uidOf(this.#pod))
    // Of a pod that had ended before, or never began, nothing new is known.
    const news = runtime.sandboxes.length > 0 || !isTerminalPhase(this.#pod.status?.phase)
    if (news && !this.#removed) this.#report(this.#pod, runtime, true)
    this.#state = 'cleaning'
    this.#dirty = true
  }

  async #clean(): Promise<void> {
    const { volumes, references, status, images, crashes, allocations, disk } = this.#deps
    const uid = uidOf(this.#pod)
    await volumes.remove(this.#pod)
    references.unregister(uid)
    images.forget(uid)
    crashes.forget(`${uid}_`)
    allocations.remove(uid)
    disk.forget(uid)
    this.#onInactive()
    this.#state = 'ended'
    this.#ended.resolve()
    if (this.#removed) this.#dirty = true
    else status.finish(this.#pod)
  }

  async #disappear(): Promise<void> {
    const { inspector, status } = this.#deps
    const runtime = await inspector.inspect(this.#pod)
    await removePod(this.#deps, this.#pod, runtime)
    inspector.forget(runtime)
    status.forget(uidOf(this.#pod))
    this.#state = 'gone'
    this.#onGone()
  }

  /** Writes the status and answers the phase. */
  #report(pod: Pod, runtime: PodRuntime, ended: boolean): string {
    const { status, probes, runtimeName, allocations } = this.#deps
    const next = podStatus(pod, {
      runtime,
      previous: status.status(pod),
      waiting: this.#waiting,
      runtimeName,
      recursiveReadOnly: this.#deps.runtime.recursiveReadOnly ?? false,
      isStarted: (container, id) => probes.isStarted(container, id),
      isReady: (container, id) => probes.isReady(container, id),
      hostIp: this.#deps.hostIp(),
      startTime: this.#startTime,
      ended,
      resize: allocations.state(pod),
      verdict: this.#verdict,
    })
    status.set(pod, next)
    return next.phase ?? ''
  }

  /** Milliseconds until the pod's deadline; says so once it has passed. */
  #timeLeft(): number {
    const { activeDeadlineSeconds } = this.#pod.spec ?? {}
    if (activeDeadlineSeconds === undefined) return Infinity
    const left = Date.parse(this.#startTime) + activeDeadlineSeconds * 1000 - this.#deps.clock.now()
    if (left <= 0 && !this.#verdict) {
      this.#verdict = deadlineVerdict
      this.#deps.events.pod(this.#pod, 'Normal', deadlineVerdict.reason, deadlineVerdict.message)
    }
    return Math.max(0, left)
  }

  #wakeAfter(ms: number): void {
    this.#cancelTimer?.()
    if (!this.#stopped) this.#cancelTimer = this.#deps.clock.after(ms, () => this.wake())
  }
}

export interface Verdict {
  reason: string
  message: string
  /** Seconds, in place of the pod's own. */
  grace?: number
  /** Of the pod, that it was disrupted. */
  condition?: { reason: string; message: string }
}

/** Source: immediateEvictionGracePeriodSeconds. */
const evictionGrace = 1

const deadlineVerdict: Verdict = {
  reason: 'DeadlineExceeded',
  message: 'Pod was active on the node longer than the specified deadline',
}

/** Whether an update asks for anything: the echo of our own status does not. */
function isNews(before: Pod, now: Pod): boolean {
  const asks = ({ metadata, spec, status }: Pod) => ({
    metadata: [metadata?.generation, metadata?.deletionTimestamp, metadata?.deletionGracePeriodSeconds],
    texts: [metadata?.labels, metadata?.annotations],
    spec: metadata?.generation === undefined ? spec : undefined,
    gates: (status?.conditions ?? [])
      .filter(({ type }) => !ownConditions.has(type))
      .map(({ type, status: is }) => [type, is]),
  })
  return !isDeepStrictEqual(asks(before), asks(now))
}
