import type { FlowSchema, PriorityLevelConfiguration } from 'kubernetes-types/flowcontrol/v1'
import type { Clock } from '../../base/clock.ts'
import type { Attributes } from '../authz/authorizer.ts'
import type { UserInfo } from '../registry/kind.ts'
import { compile, inOrder, type Schema } from './classify.ts'
import { PriorityLevel, type Waiting } from './priority-level.ts'

export interface FlowControlDeps {
  clock: Pick<Clock, 'monotonic' | 'after'>
}

/** By which rule, and at which level, a request is served. */
export interface Flow {
  readonly schema: Schema
  readonly level: PriorityLevel
  /** Names both, as headers of the answer. */
  readonly headers: readonly string[]
}

export interface Asking {
  gone(): boolean
  /** Does the work; a promise holds the seat until it settles. */
  start(): Promise<unknown> | undefined
  reject(): void
}

/** Seats of all levels: upstream's max-requests-inflight and max-mutating-requests-inflight. */
const totalSeats = 600
/** Longer than this nobody waits for a turn, in milliseconds. */
const mostPatience = 15_000
/**
 * Requests that need no waiting run one after the other, seats or not: what they compete for is this process. After so
 * many milliseconds of them at a stretch the rest stands in queues, from where all flows are served alike.
 */
const stretch = 10
const mostRemembered = 512

/**
 * API priority and fairness. A request that finds the server idle is started at once and pays for the classification
 * only. Source: apiserver/pkg/util/flowcontrol.
 */
export class FlowControl {
  readonly #clock: FlowControlDeps['clock']
  readonly #schemas = new Map<string, Schema>()
  readonly #levels = new Map<string, PriorityLevel>()
  #ordered: readonly Schema[] = []
  /** By who asks, and by what `#keyOf` tells apart; null: none. */
  #flows = new WeakMap<UserInfo, Map<string, Flow | null>>()
  #tellsNamespaces = false
  #spent = 0
  #waiting = 0
  #cancelDispatch: (() => void) | undefined

  constructor({ clock }: FlowControlDeps) {
    this.#clock = clock
  }

  setSchema(name: string, object: FlowSchema | undefined): void {
    if (object) this.#schemas.set(name, compile(object))
    else this.#schemas.delete(name)
    this.#ordered = [...this.#schemas.values()].sort(inOrder)
    this.#forget()
  }

  setLevel(name: string, object: PriorityLevelConfiguration | undefined): void {
    const old = this.#levels.get(name)
    const level = object && new PriorityLevel(object)
    if (level) this.#levels.set(name, level)
    else this.#levels.delete(name)
    this.#share()
    // Who waits under the old rules is served now rather than forgotten.
    for (let next = old?.next(); next; next = old!.next()) this.#begin(next.request)
  }

  #share(): void {
    this.#forget()
    const limited = [...this.#levels.values()].filter(({ isExempt }) => !isExempt)
    const sum = limited.reduce((total, { shares }) => total + shares, 0)
    for (const level of limited) level.seats = sum ? Math.ceil((totalSeats * level.shares) / sum) : 0
  }

  /** Names, help and values for /metrics. */
  get gauges(): [name: string, help: string, value: number][] {
    const limited = [...this.#levels.values()].filter(({ isExempt }) => !isExempt)
    const family = (name: string, help: string, valueOf: (level: PriorityLevel) => number) =>
      limited.map((level): [string, string, number] => [
        `apiserver_flowcontrol_${name}{priority_level="${level.name}"}`,
        help,
        valueOf(level),
      ])
    return [
      ...family('nominal_limit_seats', 'Nominal number of execution seats.', ({ seats }) => seats),
      ...family('current_executing_seats', 'Number of seats in use.', ({ inUse }) => inUse),
      ...family('current_inqueue_seats', 'Number of seats that requests in queues wait for.', ({ waiting }) => waiting),
    ]
  }

  /** Undefined where no FlowSchema, or no level of its name, exists: such a request waits for nobody. */
  classify(attributes: Attributes): Flow | undefined {
    if (!attributes.isResource) return this.#find(attributes)
    let known = this.#flows.get(attributes.user)
    if (!known) this.#flows.set(attributes.user, (known = new Map()))
    const key = this.#keyOf(attributes)
    let flow = known.get(key)
    if (flow === undefined) {
      if (known.size >= mostRemembered) known.clear()
      known.set(key, (flow = this.#find(attributes) ?? null))
    }
    return flow ?? undefined
  }

  #find(attributes: Attributes): Flow | undefined {
    const schema = this.#ordered.find((candidate) => candidate.matches(attributes))
    const level = schema && this.#levels.get(schema.level)
    return level && { schema, level, headers: headersOf(schema, level) }
  }

  /** All that rules can tell apart in one user's requests. Most tell no namespaces apart. */
  #keyOf({ verb, group, resource, subresource, namespace }: Attributes): string {
    const where = this.#tellsNamespaces ? namespace : namespace ? '*' : ''
    return `${verb} ${group}/${resource}/${subresource} ${where}`
  }

  #forget(): void {
    this.#flows = new WeakMap()
    this.#tellsNamespaces = this.#ordered.some(({ tellsNamespaces }) => tellsNamespaces)
  }

  /** Starts the request, now or later, or rejects it. */
  admit({ schema, level }: Flow, attributes: Attributes, asking: Asking): void {
    if (level.waiting === 0 && this.#spent < stretch && this.#hasSeat(level)) return this.#run(level, asking)
    const request: Waiting = {
      gone: asking.gone,
      reject: asking.reject,
      start: () => this.#run(level, asking),
      cancel: () => {},
    }
    if (this.#enqueue(level, `${schema.name} ${schema.flowOf(attributes)}`, request)) this.#dispatchLater()
    else asking.reject()
  }

  #enqueue(level: PriorityLevel, flow: string, request: Waiting): boolean {
    const wasIdle = level.waiting === 0
    if (!level.enqueue(flow, request)) return false
    this.#waiting++
    if (wasIdle) this.#catchUp(level)
    request.cancel = this.#clock.after(mostPatience, () => {
      if (!level.remove(request)) return
      this.#waiting--
      request.reject()
    })
    return true
  }

  /** A level that wanted nothing for a while has saved up nothing. */
  #catchUp(level: PriorityLevel): void {
    let least = Infinity
    for (const other of this.#levels.values())
      if (other !== level && other.waiting && other.served < least) least = other.served
    if (least !== Infinity) level.served = Math.max(level.served, least)
  }

  /** Its own seats, or those that others can spare. */
  #hasSeat(level: PriorityLevel): boolean {
    if (level.inUse < level.seats) return true
    if (level.inUse >= level.seats * (1 + level.borrowing)) return false
    let lent = 0
    for (const other of this.#levels.values()) {
      if (other.isExempt) continue
      const idle = other.seats - other.inUse
      lent += idle > 0 ? Math.min(Math.floor(other.seats * other.lendable), idle) : idle
    }
    return lent > 0
  }

  #run(level: PriorityLevel, asking: Asking): void {
    const from = this.#clock.monotonic()
    const working = asking.start()
    const cost = this.#clock.monotonic() - from
    if (this.#spent === 0) this.#endStretch()
    this.#spent += cost
    level.served += level.shares ? cost / level.shares : cost
    if (!working) return
    level.inUse++
    const release = () => {
      level.inUse--
      if (this.#waiting) this.#dispatchLater()
    }
    working.then(release, release)
  }

  /** A stretch ends when the event loop has come around: connections have been read and others had their say. */
  #endStretch(): void {
    this.#clock.after(0, () => {
      this.#spent = 0
      if (this.#waiting) this.#dispatch()
    })
    this.#spent = Number.MIN_VALUE
  }

  #dispatchLater(): void {
    this.#cancelDispatch ??= this.#clock.after(0, () => this.#dispatch())
  }

  #dispatch(): void {
    this.#cancelDispatch?.()
    this.#cancelDispatch = undefined
    while (this.#waiting && this.#spent < stretch) {
      const level = this.#behindMost()
      const next = level?.next()
      if (!level || !next) break
      const from = this.#clock.monotonic()
      this.#begin(next.request)
      next.charge(Math.max(this.#clock.monotonic() - from, 0.01))
    }
    if (this.#waiting && this.#spent >= stretch) this.#dispatchLater()
  }

  #begin(request: Waiting): void {
    this.#waiting--
    request.cancel()
    if (!request.gone()) request.start()
  }

  #behindMost(): PriorityLevel | undefined {
    let best: PriorityLevel | undefined
    for (const level of this.#levels.values())
      if (level.waiting && this.#hasSeat(level) && (!best || level.served < best.served)) best = level
    return best
  }
}

const headersOf = (schema: Schema, level: PriorityLevel): readonly string[] => [
  'X-Kubernetes-Pf-Flowschema-Uid',
  schema.uid,
  'X-Kubernetes-Pf-Prioritylevel-Uid',
  level.uid,
]
