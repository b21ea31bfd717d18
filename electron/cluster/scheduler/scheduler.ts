import type { Pod } from 'kubernetes-types/core/v1'
import type { Frozen } from '#shared/kube/object.ts'
import { nodes, pods } from '#shared/kube/resources.ts'
import { isNotFound } from '#shared/kube/status.ts'
import type { Clock } from '../base/clock.ts'
import type { Logger } from '../base/logger.ts'
import type { Random } from '../base/random.ts'
import { nextTurn } from '../base/turn.ts'
import type { KubeClient } from '../client/api.ts'
import { referenceTo, type EventRecorder } from '../client/event-recorder.ts'
import type { InformerFactory } from '../client/informer-factory.ts'
import { bind } from './binder.ts'
import { Boards } from './board.ts'
import type { ClusterEvent } from './cluster-event.ts'
import { ClusterState } from './cluster-state.ts'
import { DecisionRing, type Attempt, type Decisions } from './decisions.ts'
import { Evictions } from './evictions.ts'
import { asNote, explain } from './explain.ts'
import { informedSurroundings, surroundingInformers, watchSurroundings } from './informed-surroundings.ts'
import type { Plugin } from './plugins/api.ts'
import { PodEvents } from './pod-events.ts'
import type { PodInfo } from './pod-info.ts'
import { patchStatus } from './pod-status.ts'
import { preempt, type Candidate } from './preemption.ts'
import { defaultProfile, type Profile } from './profile.ts'
import { SchedulingQueue, type Wait } from './queue.ts'
import type { BinderDeps, Relief, Reservation } from './reservation.ts'
import { schedule, type Cycle, type Failure, type Placement } from './schedule.ts'
import type { Gate } from './waiting-room.ts'

export interface SchedulerDeps {
  client: KubeClient
  informers: InformerFactory
  events: EventRecorder
  clock: Clock
  random: Random
  logger: Logger
  /** One for every scheduler name that is ours. */
  profiles?: readonly Profile[]
}

export interface Scheduler extends AsyncDisposable {
  /** Why pods are pending, or where they are. */
  readonly decisions: Decisions
  /** How a pod waits for its next attempt; undefined where it is not in the queue. */
  waiting(uid: string): Wait | undefined
  /** Whether pods that name this scheduler are placed by it. */
  answersTo(schedulerName: string): boolean
}

/** Pods taken per turn: placed on one snapshot, bound together, so that the store commits their bindings at once. */
const batch = 128
/** How long a turn may take, in milliseconds, for whoever else lives in this process. */
const longestTurn = 25

/** Stands for the plug-ins that had no node to reject: any node helps. */
const anyNode: Plugin = { name: '', mayHelp: ({ kind }) => kind === 'node added' }
/** Claims of devices are looked at before preemption, of pods that have none as well. */
const noClaims: Relief = { message: 'no new claims to deallocate' }
const devices = 'DynamicResources'

/** Starts scheduling once nodes and pods, and what surrounds them, are known. */
export const startScheduler = (deps: SchedulerDeps): Scheduler => new RunningScheduler(deps)

class RunningScheduler implements Scheduler {
  readonly decisions = new DecisionRing()
  readonly #deps: SchedulerDeps
  readonly #state: ClusterState
  readonly #queue: SchedulingQueue
  readonly #boards: ReadonlyMap<string, Boards>
  /** Plug-ins that keep pods from being tried. */
  readonly #gates: readonly Plugin[]
  readonly #evictions: Evictions
  readonly #stop = new AbortController()
  readonly #background = new Set<Promise<void>>()
  readonly #running: Promise<void>
  /** Where the search for nodes goes on. */
  #next = 0

  constructor(deps: SchedulerDeps) {
    this.#deps = deps
    const profiles = deps.profiles ?? [defaultProfile]
    this.#state = new ClusterState(informedSurroundings(deps.informers))
    this.#boards = new Map(
      profiles.map(({ schedulerName, plugins }) => [schedulerName, new Boards(plugins, this.#state)]),
    )
    this.#gates = [...new Set(profiles.flatMap(({ plugins }) => plugins))].filter(({ gate }) => gate)
    this.#evictions = new Evictions({
      ...deps,
      state: this.#state,
      activate: (uid) => this.#queue.activate(uid),
      tryLater: (uid) => this.#queue.tryLater(uid),
    })
    this.#queue = new SchedulingQueue({
      clock: deps.clock,
      plugins: [anyNode, ...profiles.flatMap(({ plugins }) => plugins)],
      held: (uid) => this.#evictions.isWaiting(uid),
      gateOf: (pod) => this.#gateOf(pod),
    })
    this.#running = this.#run()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new Error('the scheduler has been stopped'))
    await this.#running
    await Promise.all(this.#background)
    await this.#evictions[Symbol.asyncDispose]()
    this.#queue.stop()
  }

  waiting(uid: string): Wait | undefined {
    return this.#queue.look(uid)
  }

  answersTo(schedulerName: string): boolean {
    return this.#boards.has(schedulerName)
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop
    const { informers } = this.#deps
    const happened = (event: () => ClusterEvent, only?: (pod: PodInfo) => boolean) => this.#queue.happened(event, only)
    const podEvents = new PodEvents({
      state: this.#state,
      queueOf: (pod) => (this.#boards.has(schedulerOf(pod)) ? this.#queue : undefined),
      happened,
      gone: (uid) => this.decisions.forget(uid),
    })
    const removals = [
      watchSurroundings(informers, {
        selectionChanged: () => this.#state.endEpoch(),
        happened,
        claimSeen: (claim, isGone) => this.#state.deviceClaims.seen(claim, isGone),
      }),
      informers.for(nodes).handle({
        add: (node) => podEvents.nodeCame(node),
        update: (node, old) => podEvents.nodeChanged(node, old),
        delete: (node) => podEvents.nodeGone(node),
      }),
      informers.for(pods).handle({
        add: (pod) => podEvents.seen(pod),
        update: (pod, old) => podEvents.seen(pod, old),
        delete: (pod) => podEvents.gone(pod),
      }),
    ]
    try {
      const read = [informers.for(nodes), informers.for(pods), ...Object.values(surroundingInformers(informers))]
      await Promise.all(read.map((informer) => informer.whenSynced(signal)))
      while (!signal.aborted) {
        await this.#queue.ready(signal)
        this.#takeTurn()
        // Bindings go out and events come in between two batches.
        await nextTurn()
      }
    } catch (error) {
      if (!signal.aborted) throw error
    } finally {
      for (const remove of removals) remove()
    }
  }

  #gateOf(pod: PodInfo): Gate | undefined {
    for (const { name: plugin, gate } of this.#gates) {
      const reason = gate?.(pod, this.#state)
      if (reason) return { plugin, reason }
    }
    return undefined
  }

  #takeTurn(): void {
    const { clock } = this.#deps
    const until = clock.monotonic() + longestTurn
    for (let i = 0; i < batch && clock.monotonic() < until; i++) {
      const pod = this.#queue.pop()
      if (!pod) return
      try {
        this.#place(pod)
      } catch (error) {
        // One pod that cannot be understood must not keep all others from their nodes.
        this.#deps.logger.error('a pod could not be scheduled', { pod: pod.key, error: String((error as Error).stack) })
        this.#failed(pod, error)
      }
    }
  }

  #place(pod: PodInfo): void {
    const { random } = this.#deps
    const state = this.#state
    const board = this.#boards.get(schedulerOf(pod.pod))!.for(pod)
    const cycle: Cycle = { pod, board, state, random, start: this.#next }
    const decision = schedule(cycle)
    const all = state.nodes().length
    this.#next = all ? (this.#next + decision.examined) % all : 0
    if (decision.placed) this.#assume(cycle, decision)
    else this.#refuse(cycle, decision)
  }

  #assume({ pod, board }: Cycle, { node, scores, fitting, examined }: Placement): void {
    const { name } = node
    const reservations = board.reserve(node)
    this.#state.assume(pod, name)
    const at = this.#deps.clock.now()
    this.decisions.record({ pod: pod.key, uid: pod.uid, at, node: name, scores, fitting, examined })
    this.#inBackground(this.#bind(pod, name, reservations))
  }

  get #binderDeps(): BinderDeps {
    return { ...this.#deps, state: this.#state, signal: this.#stop.signal }
  }

  async #bind(pod: PodInfo, node: string, reservations: readonly Reservation[]): Promise<void> {
    const { events, logger } = this.#deps
    const deps = this.#binderDeps
    try {
      await bind(deps, pod, node, reservations)
      for (const reservation of reservations) await reservation.release(deps, true)
      this.#queue.placed(pod.uid)
      events.event(referenceTo(pods, pod.pod), 'Normal', 'Scheduled', `Successfully assigned ${pod.key} to ${node}`)
    } catch (error) {
      if (this.#stop.signal.aborted) return
      for (const reservation of reservations) await reservation.release(deps, false)
      // Others may have been refused for the room that this pod never got.
      if (this.#state.forget(pod.uid)) this.#queue.happened(() => ({ kind: 'pod gone', pod }))
      if (isNotFound(error) && !this.#isThere(pod)) return this.#queue.remove(pod.uid)
      logger.warn('binding failed; the pod will be tried again', { pod: pod.key, node, error: String(error) })
      this.#failed(pod, error)
    }
  }

  /** Neither a pod that is gone nor one that has a node by now is tried again. */
  #failed(pod: PodInfo, error: unknown): void {
    if (!this.#isThere(pod)) return this.#queue.remove(pod.uid)
    this.#queue.fail(pod.uid)
    this.decisions.forget(pod.uid)
    const message = (error as Error).message
    this.#deps.events.event(referenceTo(pods, pod.pod), 'Warning', 'FailedScheduling', asNote(message))
    this.#writeStatus(pod, { condition: unscheduled('SchedulerError', message), nominatedNodeName: '' })
  }

  #isThere({ key, uid }: PodInfo): boolean {
    const known = this.#deps.informers.for(pods).lister.get(key)
    return known?.metadata?.uid === uid && !known.spec?.nodeName
  }

  #refuse(cycle: Cycle, failure: Failure): void {
    const { pod } = cycle
    const { result, tried, nominated, candidate } = this.#tryPreemption(cycle, failure)
    const message = explain(failure, tried)
    this.#queue.reject(pod.uid, pluginsOf(failure))
    if (nominated !== undefined) this.#state.nominations.set(pod, nominated)
    if (candidate) this.#evictions.start(pod, candidate)
    this.#deps.events.event(referenceTo(pods, pod.pod), 'Warning', 'FailedScheduling', asNote(message))
    this.#writeStatus(pod, {
      condition: unscheduled('Unschedulable', message),
      ...(nominated === undefined ? {} : { nominatedNodeName: nominated }),
    })
    const at = this.#deps.clock.now()
    const { all, reports, refusal, restrictedBy } = failure
    const victims = candidate?.victims.map(({ key }) => key)
    const preemption = { result, tried, ...(nominated ? { node: nominated } : {}), ...(victims ? { victims } : {}) }
    const found = { nodes: reports, all, restrictedBy, preemption, ...(refusal ? { refusal } : {}) }
    this.decisions.record({ pod: pod.key, uid: pod.uid, at, message, ...found })
  }

  /** What was tried, in upstream's words, and the node that the pod may wait for from now on. */
  #tryPreemption(
    cycle: Cycle,
    failure: Failure,
  ): Pick<Attempt, 'result' | 'tried'> & { nominated?: string; candidate?: Candidate } {
    if (failure.all === 0) return { result: 'NotTried', tried: '', nominated: '' }
    // Upstream finds no state of its first attempt where no node was looked at, and says just that.
    if (failure.refusal && failure.refusal.plugin !== devices) return { result: 'NotTried', tried: 'not found' }
    const relief = cycle.board.relieve() ?? noClaims
    if (relief.carryOut) this.#inBackground(this.#relieve(cycle.pod, relief.carryOut(this.#binderDeps)))
    const preemption = preempt(cycle, failure)
    if ('candidate' in preemption) {
      const { candidate } = preemption
      return { result: 'Started', tried: '', nominated: candidate.node, candidate }
    }
    const tried = `${relief.message}, ${preemption.message}`
    return preemption.eligible ? { result: 'NoHelp', tried, nominated: '' } : { result: 'NotTried', tried }
  }

  async #relieve(pod: PodInfo, work: Promise<void>): Promise<void> {
    await work.catch((error: unknown) => {
      if (this.#stop.signal.aborted || isNotFound(error)) return
      this.#deps.logger.warn('a claim could not be given back', { pod: pod.key, error: String(error) })
      this.#queue.tryLater(pod.uid)
    })
  }

  #writeStatus(pod: PodInfo, change: Parameters<typeof patchStatus>[2]): void {
    const write = patchStatus(this.#deps, pod, change).catch((error: unknown) => {
      if (!isNotFound(error))
        this.#deps.logger.warn('the condition of a pod could not be written', { pod: pod.key, error: String(error) })
    })
    this.#inBackground(write)
  }

  #inBackground(work: Promise<void>): void {
    const tracked = work.finally(() => this.#background.delete(tracked))
    this.#background.add(tracked)
  }
}

const schedulerOf = (pod: Frozen<Pod>): string => pod.spec?.schedulerName ?? defaultProfile.schedulerName

const unscheduled = (reason: string, message: string) => ({ type: 'PodScheduled', status: 'False', reason, message })

/** What has to change for the pod to fit. */
function pluginsOf({ all, refusal, reports, restrictedBy }: Failure): Set<string> {
  if (all === 0) return new Set([anyNode.name])
  if (refusal) return new Set([refusal.plugin])
  const plugins = new Set(restrictedBy)
  for (const { rejections } of reports) plugins.add(rejections[0].plugin)
  return plugins
}
