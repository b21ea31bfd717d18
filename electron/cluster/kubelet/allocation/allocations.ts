import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { qualityOfService } from '#shared/kube/quota/quality-of-service.ts'
import type { ResizeState } from '../core/conditions.ts'
import type { PodEvents } from '../pods/pod-events.ts'
import { uidOf, type Node, type Pod } from '../types.ts'
import { allocationOf, refusalOf, resizeMessage, sameAllocation, withAllocation, type Allocation } from './resize.ts'

export interface AllocationsDeps {
  /** A pod's own directory, where its allocation is kept. */
  podDirectory(uid: string): string
  events: PodEvents
  node(): Node
  /** Pods that take part in the node's resources. */
  activePods(): readonly Pod[]
}

/** Remembers what every pod was given, and decides whether it may have what it asks for. */
export class Allocations {
  readonly #deps: AllocationsDeps
  readonly #given = new Map<string, Allocation>()
  readonly #states = new Map<string, ResizeState>()

  constructor(deps: AllocationsDeps) {
    this.#deps = deps
  }

  /** The pod with the resources that it was given. Nobody was given less than the first spec that was seen. */
  allocated(pod: Pod): Pod {
    return withAllocation(pod, this.#given.get(uidOf(pod)))
  }

  state(pod: Pod): ResizeState {
    return this.#states.get(uidOf(pod)) ?? {}
  }

  /** Pods that wait for room, in the order in which they are to have it: by priority, class, and since when they wait. */
  get pending(): string[] {
    const active = new Map(this.#deps.activePods().map((pod) => [uidOf(pod), pod]))
    const guaranteed = (pod: Pod) => Number(qualityOfService(pod.spec) === 'Guaranteed')
    return [...this.#states]
      .filter(([, { pending }]) => pending?.reason === 'Deferred')
      .flatMap(([uid]) => active.get(uid) ?? [])
      .sort((a, b) => (b.spec?.priority ?? 0) - (a.spec?.priority ?? 0) || guaranteed(b) - guaranteed(a))
      .map(uidOf)
  }

  /** Takes a pod in, as it was given before or else as it is. */
  add(pod: Pod): void {
    const uid = uidOf(pod)
    const kept = this.#read(uid)
    this.#given.set(uid, kept ?? allocationOf(pod))
    if (!kept && asksForMemoryOrCpu(pod)) this.#write(uid)
  }

  /** Gives a pod what it asks for if there is room. */
  resize(pod: Pod): Pod {
    const uid = uidOf(pod)
    const { generation } = pod.metadata ?? {}
    const state = this.state(pod)
    const given = this.#given.get(uid)
    if (!given || sameAllocation(given, allocationOf(pod))) {
      if (state.pending) this.#set(uid, without(state, 'pending'))
      return pod
    }
    const others = this.#deps.activePods().filter((other) => uidOf(other) !== uid)
    const refusal = refusalOf(
      pod,
      others.map((other) => this.allocated(other)),
      this.#deps.node(),
    )
    const { events } = this.#deps
    if (!refusal) {
      this.#given.set(uid, allocationOf(pod))
      this.#write(uid)
      this.#set(uid, { inProgress: { generation } })
      events.pod(pod, 'Normal', 'ResizeStarted', resizeMessage('Pod resize started', pod, generation))
      return pod
    }
    const { reason, message } = refusal
    if (state.pending?.reason !== reason || state.pending.message !== message) {
      this.#set(uid, { ...state, pending: { reason, message, generation } })
      events.pod(pod, 'Warning', `Resize${reason}`, resizeMessage(`Pod resize ${reason}`, pod, generation, message))
    }
    return this.allocated(pod)
  }

  /** Whether the containers of a pod have what it was given, as their runtime says. */
  observe(pod: Pod, resizing: boolean): void {
    const state = this.state(pod)
    const { generation } = pod.metadata ?? {}
    if (resizing && !state.inProgress) this.#set(uidOf(pod), { ...state, inProgress: { generation } })
    if (resizing || !state.inProgress) return
    this.#set(uidOf(pod), without(state, 'inProgress'))
    const message = resizeMessage('Pod resize completed', this.allocated(pod), state.inProgress.generation)
    this.#deps.events.pod(pod, 'Normal', 'ResizeCompleted', message)
  }

  /** The runtime does not do what a pod was given. */
  fail(pod: Pod, message: string): void {
    const state = this.state(pod)
    const generation = state.inProgress?.generation ?? pod.metadata?.generation
    if (state.inProgress?.message === message) return
    this.#set(uidOf(pod), { ...state, inProgress: { reason: 'Error', message, generation } })
    const text = resizeMessage('Pod resize error', this.allocated(pod), generation, message)
    this.#deps.events.pod(pod, 'Warning', 'ResizeError', text)
  }

  /** The pod takes part no more. */
  remove(uid: string): void {
    this.#given.delete(uid)
    this.#states.delete(uid)
    rmSync(this.#file(uid), { force: true })
  }

  #set(uid: string, state: ResizeState): void {
    if (state.pending || state.inProgress) this.#states.set(uid, state)
    else this.#states.delete(uid)
  }

  #file(uid: string): string {
    return path.join(this.#deps.podDirectory(uid), 'allocation.json')
  }

  #read(uid: string): Allocation | undefined {
    try {
      return JSON.parse(readFileSync(this.#file(uid), 'utf8')) as Allocation
    } catch {
      return undefined
    }
  }

  #write(uid: string): void {
    mkdirSync(path.dirname(this.#file(uid)), { recursive: true })
    writeFileSync(this.#file(uid), JSON.stringify(this.#given.get(uid)))
  }
}

function without(state: ResizeState, name: keyof ResizeState): ResizeState {
  const { [name]: _, ...rest } = state
  return rest
}

const asksForMemoryOrCpu = (pod: Pod): boolean =>
  Object.values(allocationOf(pod)).some(({ limits, requests }) =>
    [limits, requests].some((list) => list?.['cpu'] ?? list?.['memory']),
  )
