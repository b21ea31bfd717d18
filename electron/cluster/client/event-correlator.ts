import type { Event, ObjectReference } from 'kubernetes-types/core/v1'
import { timestamp } from '../base/clock.ts'

export type EventType = 'Normal' | 'Warning'

export interface EventSource {
  /** Such as `deployment-controller`. */
  readonly component: string
  /** The node, for agents. */
  readonly host?: string
}

/** What to send: a new Event, or the change of one that has been sent before. */
export interface Correlated {
  readonly key: string
  readonly event: Event
  /** Strategic patch of `event` where it has been sent before. */
  readonly patch?: { count: number; lastTimestamp: string; message: string }
}

/** client-go's defaults: tools/record/events_cache.go. */
const limits = {
  /** Distinct messages of otherwise equal events, above which they are combined… */
  similar: 10,
  /** …within so many milliseconds. */
  window: 600_000,
  /** Events of one source about one object that pass at once… */
  burst: 25,
  /** …and the milliseconds until one more passes. */
  refill: 300_000,
  /** Keys remembered of each kind. */
  remembered: 4096,
}

/** What is left of the 253 characters of a name beside a dot and the time in nanoseconds. */
const nameLength = 253 - 1 - 16

/** Combines similar events, counts equal ones and drops what one object has too many of. Pure but for its memory. */
export class EventCorrelator {
  readonly #source: EventSource
  readonly #similar = new Recent<{ at: number; messages: Set<string> }>(limits.remembered)
  readonly #sent = new Recent<Event>(limits.remembered)
  readonly #budgets = new Recent<{ tokens: number; at: number }>(limits.remembered)

  constructor(source: EventSource) {
    this.#source = source
  }

  /** Undefined where the event is to be dropped. `now` in milliseconds. */
  correlate(
    object: ObjectReference,
    type: EventType,
    reason: string,
    text: string,
    now: number,
  ): Correlated | undefined {
    const about = [
      this.#source.component,
      this.#source.host,
      object.kind,
      object.namespace,
      object.name,
      object.uid,
      object.apiVersion,
    ].join('|')
    const group = [about, type, reason].join('|')
    const combined = this.#isOneOfMany(group, text, now)
    const message = combined ? `(combined from similar events): ${text}` : text
    const key = combined ? group : [group, object.fieldPath, text].join('|')
    const before = this.#sent.get(key)
    if (!this.#spend(about, now)) return undefined
    const at = timestamp(now)
    if (!before) return { key, event: this.#create(object, type, reason, message, now) }
    const patch = { count: (before.count ?? 1) + 1, lastTimestamp: at, message }
    return { key, event: { ...before, ...patch }, patch }
  }

  /** Remembers what the server has. */
  sent(key: string, event: Event): void {
    this.#sent.set(key, event)
  }

  #isOneOfMany(group: string, text: string, now: number): boolean {
    const known = this.#similar.get(group)
    const record = known && now - known.at <= limits.window ? known : { at: now, messages: new Set<string>() }
    record.at = now
    record.messages.add(text)
    this.#similar.set(group, record)
    if (record.messages.size < limits.similar) return false
    record.messages.delete(record.messages.values().next().value!)
    return true
  }

  #spend(about: string, now: number): boolean {
    const budget = this.#budgets.get(about) ?? { tokens: limits.burst, at: now }
    budget.tokens = Math.min(limits.burst, budget.tokens + (now - budget.at) / limits.refill)
    budget.at = now
    this.#budgets.set(about, budget)
    if (budget.tokens < 1) return false
    budget.tokens--
    return true
  }

  #create(object: ObjectReference, type: EventType, reason: string, message: string, now: number): Event {
    const { component, host } = this.#source
    const at = timestamp(now)
    return {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: {
        name: `${object.name?.slice(0, nameLength)}.${this.#stamp(now)}`,
        namespace: object.namespace ?? 'default',
      },
      involvedObject: object,
      reason,
      message,
      source: { component, ...(host ? { host } : {}) },
      firstTimestamp: at,
      lastTimestamp: at,
      count: 1,
      type,
      reportingComponent: component,
      reportingInstance: host ?? '',
    }
  }

  #lastStamp = 0n
  /** Nanoseconds in hexadecimal, never twice the same. */
  #stamp(now: number): string {
    const at = BigInt(Math.round(now * 1000)) * 1000n
    this.#lastStamp = at > this.#lastStamp ? at : this.#lastStamp + 1n
    return this.#lastStamp.toString(16)
  }
}

/** The most recently written entries. */
class Recent<V> {
  readonly #capacity: number
  readonly #entries = new Map<string, V>()

  constructor(capacity: number) {
    this.#capacity = capacity
  }

  get(key: string): V | undefined {
    return this.#entries.get(key)
  }

  set(key: string, value: V): void {
    this.#entries.delete(key)
    this.#entries.set(key, value)
    if (this.#entries.size > this.#capacity) this.#entries.delete(this.#entries.keys().next().value!)
  }
}
