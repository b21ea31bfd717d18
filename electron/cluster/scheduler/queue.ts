import { backoffDelay } from '../base/backoff.ts'
import type { Clock } from '../base/clock.ts'
import type { ClusterEvent } from './cluster-event.ts'
import { Heap } from './heap.ts'
import type { Plugin } from './plugins/api.ts'
import type { PodInfo } from './pod-info.ts'
import { WaitingRoom, type Gate, type Waiting } from './waiting-room.ts'

/** kube-scheduler's defaults: 1 s, doubling, at most 10 s. */
const retry = { initial: 1000, max: 10_000 }
/** An unschedulable pod is tried again after five minutes, whatever happened; looked for twice a minute. */
const longest = 300_000
const flushEvery = 30_000

/** How a pod waits. */
export interface Wait {
  readonly where: Waiting['where']
  readonly attempts: number
  /** Milliseconds until it may be tried again; 0: at once. */
  readonly readyIn: number
  /** What rejected it: what these wait for wakes it. */
  readonly plugins: ReadonlySet<string>
  /** Why it is not even tried, where a plug-in says so. */
  readonly gate?: string
}

interface Entry {
  readonly waiting: Waiting
  readonly ticket: number
  readonly priority: number
  /** What it is ordered by: since when it waits, or when it is ready. */
  readonly at: number
}

/**
 * Pods to be placed. `active`: highest priority first, then oldest; `back-off`: worth another try, but not at once
 * unless there is nothing else to do; `unschedulable`: until an event may help; `gated`: not to be tried at all.
 */
export class SchedulingQueue {
  readonly #clock: Clock
  readonly #plugins: ReadonlyMap<string, Plugin>
  /** Whether a pod is held back for now, as one whose victims are being evicted. */
  readonly #held: (uid: string) => boolean
  /** Which plug-in keeps a pod from being tried at all, and why. */
  readonly #gateOf: (info: PodInfo) => Gate | undefined
  readonly #known = new Map<string, Waiting>()
  readonly #active = new Heap<Entry>((a, b) =>
    a.priority !== b.priority ? a.priority > b.priority : a.at !== b.at ? a.at < b.at : a.ticket < b.ticket,
  )
  /** After a rejection, and after an error: only the former may be cut short. */
  readonly #backoff = new Heap<Entry>(sooner)
  readonly #errorBackoff = new Heap<Entry>(sooner)
  readonly #unschedulable = new WaitingRoom()
  /** Pods that plug-ins keep from being tried. */
  readonly #gated = new Set<Waiting>()
  #tickets = 0
  #wake: (() => void) | undefined
  #timer: { at: number; cancel: () => void } | undefined
  #flush: (() => void) | undefined

  constructor(deps: {
    clock: Clock
    plugins: readonly Plugin[]
    held?: (uid: string) => boolean
    gateOf?: (info: PodInfo) => Gate | undefined
  }) {
    this.#clock = deps.clock
    this.#plugins = new Map(deps.plugins.map((plugin) => [plugin.name, plugin]))
    this.#held = deps.held ?? (() => false)
    this.#gateOf = deps.gateOf ?? (() => undefined)
  }

  get length(): number {
    return this.#known.size
  }

  has(uid: string): boolean {
    return this.#known.has(uid)
  }

  stateOf(uid: string): Waiting['where'] | undefined {
    return this.#known.get(uid)?.where
  }

  look(uid: string): Wait | undefined {
    const waiting = this.#known.get(uid)
    if (!waiting) return undefined
    const { where, attempts, plugins, readyAt, gate } = waiting
    const readyIn = Math.max(0, readyAt - this.#clock.monotonic())
    return { where, attempts, plugins, readyIn, ...(where === 'gated' && gate ? { gate: gate.reason } : {}) }
  }

  /** A new pod, or one that asks for something else than before. */
  add(info: PodInfo): void {
    const gated = ((info.pod.spec as { schedulingGates?: unknown[] } | undefined)?.schedulingGates?.length ?? 0) > 0
    const known = this.#known.get(info.uid)
    if (known) return this.#update(known, info, gated)
    const now = this.#clock.monotonic()
    const waiting: Waiting = {
      info,
      attempts: 0,
      since: now,
      plugins: new Set(),
      where: 'gated',
      readyAt: now,
      ticket: 0,
    }
    this.#known.set(info.uid, waiting)
    if (!gated) this.#activate(waiting)
  }

  /** The newest version of a pod that asks for the same. */
  refresh(info: PodInfo['pod']): void {
    const waiting = this.#known.get(info.metadata?.uid ?? '')
    if (waiting) waiting.info.pod = info
  }

  remove(uid: string): void {
    const waiting = this.#known.get(uid)
    if (!waiting) return
    this.#known.delete(uid)
    this.#leave(waiting)
  }

  /** The next pod to try, which leaves the queue until it is placed or given back; undefined where there is none now. */
  pop(): PodInfo | undefined {
    // Whoever has nothing else to do need not wait for a back-off to end. Source: SchedulerPopFromBackoffQ.
    const waiting = next(this.#active, 'active') ?? next(this.#backoff, 'back-off')
    if (!waiting) return undefined
    waiting.where = 'popped'
    waiting.attempts++
    return waiting.info
  }

  /** Resolves when there may be something to pop. */
  ready(signal: AbortSignal): Promise<void> {
    if (first(this.#active, 'active') || first(this.#backoff, 'back-off') || signal.aborted) return Promise.resolve()
    return new Promise((resolve) => {
      const done = () => {
        signal.removeEventListener('abort', done)
        this.#wake = undefined
        resolve()
      }
      this.#wake = done
      signal.addEventListener('abort', done, { once: true })
    })
  }

  /** The pod has found its node. */
  placed(uid: string): void {
    this.#known.delete(uid)
  }

  /** Nothing fits now; `plugins` say why. */
  reject(uid: string, plugins: ReadonlySet<string>): void {
    const waiting = this.#known.get(uid)
    if (!waiting) return
    waiting.plugins = plugins
    waiting.since = this.#clock.monotonic()
    waiting.readyAt = waiting.since + backoffDelay(waiting.attempts - 1, retry)
    this.#wait(waiting)
  }

  /** Something went wrong that is no fault of the pod: it is tried again after its back-off. */
  fail(uid: string): void {
    const waiting = this.#known.get(uid)
    if (!waiting) return
    waiting.plugins = new Set()
    waiting.since = this.#clock.monotonic()
    waiting.readyAt = waiting.since + backoffDelay(waiting.attempts - 1, retry)
    this.#retry(waiting)
  }

  /** Something happened: pods are tried again that were rejected by a plug-in which says that it may help. */
  happened(make: () => ClusterEvent, only?: (pod: PodInfo) => boolean): void {
    if (this.#unschedulable.size + this.#gated.size === 0) return
    const event = make()
    for (const waiting of this.#gated)
      if (this.#mayHelp(event, waiting.info, waiting.plugins) && (!only || only(waiting.info))) this.#activate(waiting)
    for (const group of this.#unschedulable.groups()) {
      const { info, plugins } = group.sample
      if (!this.#mayHelp(event, info, plugins)) continue
      for (const waiting of group.members())
        if (!this.#held(waiting.info.uid) && (!only || only(waiting.info))) this.#retry(waiting)
    }
  }

  /** Tries a rejected pod again after its back-off, as though something had gone wrong. */
  tryLater(uid: string): void {
    const waiting = this.#known.get(uid)
    if (waiting?.where !== 'unschedulable') return
    this.#unschedulable.remove(waiting)
    waiting.plugins = new Set()
    this.#retry(waiting)
  }

  /** Tries a pod again at once, whatever rejected it. */
  activate(uid: string): void {
    const waiting = this.#known.get(uid)
    if (waiting?.where !== 'unschedulable' && waiting?.where !== 'back-off') return
    this.#leave(waiting)
    this.#activate(waiting)
  }

  stop(): void {
    this.#timer?.cancel()
    this.#flush?.()
  }

  #update(waiting: Waiting, info: PodInfo, gated: boolean): void {
    const old = waiting.info
    switch (waiting.where) {
      case 'gated':
        waiting.info = info
        waiting.since = this.#clock.monotonic()
        if (gated) this.#gated.delete(waiting)
        else this.#activate(waiting)
        return
      case 'unschedulable':
        this.#unschedulable.remove(waiting)
        waiting.info = info
        if (!this.#held(info.uid) && this.#mayHelp({ kind: 'pod changed', pod: info, old }, info, waiting.plugins))
          this.#retry(waiting)
        else this.#unschedulable.add(waiting)
        return
      default:
        waiting.info = info
    }
  }

  #mayHelp(event: ClusterEvent, info: PodInfo, plugins: ReadonlySet<string>): boolean {
    for (const name of plugins) if (this.#plugins.get(name)?.mayHelp?.(event, info)) return true
    return false
  }

  #wait(waiting: Waiting): void {
    waiting.where = 'unschedulable'
    this.#unschedulable.add(waiting)
    this.#flush ??= this.#clock.after(flushEvery, () => this.#flushLeftOver())
  }

  #flushLeftOver(): void {
    this.#flush = undefined
    const now = this.#clock.monotonic()
    for (const group of this.#unschedulable.groups())
      for (const waiting of group.members())
        if (now - waiting.since > longest && !this.#held(waiting.info.uid)) this.#retry(waiting)
    if (this.#unschedulable.size) this.#flush = this.#clock.after(flushEvery, () => this.#flushLeftOver())
  }

  /** Active again as soon as its back-off is over. */
  #retry(waiting: Waiting): void {
    if (waiting.where === 'unschedulable') this.#unschedulable.remove(waiting)
    if (this.#isGated(waiting)) return
    if (waiting.readyAt <= this.#clock.monotonic()) return this.#activate(waiting)
    waiting.where = 'back-off'
    const failed = waiting.plugins.size === 0
    ;(failed ? this.#errorBackoff : this.#backoff).push(this.#entry(waiting, waiting.readyAt))
    this.#setTimer()
    if (!failed) this.#wake?.()
  }

  #activate(waiting: Waiting): void {
    if (this.#isGated(waiting)) return
    waiting.where = 'active'
    this.#active.push(this.#entry(waiting, waiting.since))
    this.#wake?.()
  }

  /** Puts a pod aside that is not to be tried now, until an event may help. Source: PreEnqueue. */
  #isGated(waiting: Waiting): boolean {
    const gate = this.#gateOf(waiting.info)
    waiting.gate = gate
    if (!gate) {
      this.#gated.delete(waiting)
      return false
    }
    waiting.where = 'gated'
    waiting.plugins = new Set([gate.plugin])
    this.#gated.add(waiting)
    return true
  }

  #entry(waiting: Waiting, at: number): Entry {
    waiting.ticket = ++this.#tickets
    return { waiting, ticket: waiting.ticket, priority: waiting.info.priority, at }
  }

  #leave(waiting: Waiting): void {
    if (waiting.where === 'unschedulable') this.#unschedulable.remove(waiting)
    this.#gated.delete(waiting)
    // What a heap still holds of it is void.
    waiting.ticket = ++this.#tickets
  }

  #setTimer(): void {
    const at = Math.min(soonest(this.#backoff), soonest(this.#errorBackoff))
    if (at === Infinity || (this.#timer && this.#timer.at <= at)) return
    this.#timer?.cancel()
    const cancel = this.#clock.after(Math.max(0, at - this.#clock.monotonic()), () => this.#backoffOver())
    this.#timer = { at, cancel }
  }

  #backoffOver(): void {
    this.#timer = undefined
    const now = this.#clock.monotonic()
    for (const heap of [this.#backoff, this.#errorBackoff])
      while (soonest(heap) <= now) {
        const waiting = next(heap, 'back-off')
        if (waiting) this.#activate(waiting)
      }
    this.#setTimer()
  }
}

const sooner = (a: Entry, b: Entry): boolean => a.at < b.at

/** The first of a heap that is still meant; what is left over before it goes. */
function first(heap: Heap<Entry>, where: Waiting['where']): Entry | undefined {
  for (let entry = heap.peek(); entry; entry = heap.peek()) {
    if (entry.waiting.ticket === entry.ticket && entry.waiting.where === where) return entry
    heap.pop()
  }
  return undefined
}

const soonest = (heap: Heap<Entry>): number => first(heap, 'back-off')?.at ?? Infinity

function next(heap: Heap<Entry>, where: Waiting['where']): Waiting | undefined {
  const entry = first(heap, where)
  if (entry) heap.pop()
  return entry?.waiting
}
