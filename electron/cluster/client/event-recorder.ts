import type { Event, ObjectReference } from 'kubernetes-types/core/v1'
import type { Frozen, KubeObject } from '#shared/kube/object.ts'
import { apiVersionOf, events, type ResourceType } from '#shared/kube/resources.ts'
import { isNotFound, StatusError } from '#shared/kube/status.ts'
import type { Clock } from '../base/clock.ts'
import type { Logger } from '../base/logger.ts'
import type { KubeClient } from './api.ts'
import { EventCorrelator, type Correlated, type EventSource, type EventType } from './event-correlator.ts'

export interface EventRecorder {
  /** Never waits and never fails: events are sent in the background, in order, and dropped when there are too many. */
  event(about: ObjectReference, type: EventType, reason: string, message: string): void
}

/** Events waiting to be sent, above which further ones are dropped. */
const capacity = 1000
/** So many are sent at once, then so many a second: events are no reason to keep the server from its work. */
const pace = { burst: 100, perSecond: 100 }
const attempts = 12
/** Between attempts while the server is away, in milliseconds. */
const retryDelay = 10_000

/** Sends Events as client-go's broadcaster does: equal ones are counted, similar ones combined, floods cut. */
export class ApiEventRecorder implements EventRecorder, AsyncDisposable {
  readonly #deps: { client: KubeClient; clock: Clock; logger: Logger }
  readonly #correlator: EventCorrelator
  readonly #stop = new AbortController()
  readonly #waiting: Correlated[] = []
  #tokens = pace.burst
  /** When the tokens were counted last, by the monotonic clock. */
  #counted = 0
  #sending: Promise<void> | undefined

  constructor(deps: { client: KubeClient; clock: Clock; logger: Logger; source: EventSource }) {
    this.#deps = deps
    this.#correlator = new EventCorrelator(deps.source)
  }

  event(about: ObjectReference, type: EventType, reason: string, message: string): void {
    if (this.#waiting.length >= capacity || this.#stop.signal.aborted) return
    const correlated = this.#correlator.correlate(about, type, reason, message, this.#deps.clock.now())
    if (!correlated) return
    this.#correlator.sent(correlated.key, correlated.event)
    this.#waiting.push(correlated)
    this.#sending ??= this.#drain()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new Error('the event recorder has been stopped'))
    this.#waiting.length = 0
    await this.#sending
  }

  async #drain(): Promise<void> {
    for (let next = this.#waiting.shift(); next; next = this.#waiting.shift()) {
      await this.#turn()
      await this.#send(next)
    }
    this.#sending = undefined
  }

  async #turn(): Promise<void> {
    const { clock } = this.#deps
    const now = clock.monotonic()
    this.#tokens = Math.min(pace.burst, this.#tokens + ((now - this.#counted) * pace.perSecond) / 1000)
    this.#counted = now
    const wait = ((1 - this.#tokens) * 1000) / pace.perSecond
    if (wait > 0) await clock.sleep(wait, this.#stop.signal).catch(() => {})
    this.#tokens--
  }

  async #send({ event, patch }: Correlated): Promise<void> {
    const { client, clock, logger } = this.#deps
    for (let attempt = 0; attempt < attempts && !this.#stop.signal.aborted; attempt++) {
      try {
        if (patch) await client.patch(events, keyOfEvent(event), 'strategic', patch)
        else await client.create(events, event)
        return
      } catch (error) {
        if (patch && isNotFound(error)) return this.#send({ key: '', event })
        // What the server has refused it will refuse again; only an absent server is worth waiting for.
        if (error instanceof StatusError && error.code < 500) {
          logger.debug('event refused', { reason: event.reason, error: error.message })
          return
        }
        await clock.sleep(retryDelay, this.#stop.signal).catch(() => {})
      }
    }
  }
}

const keyOfEvent = (event: Event) => ({ namespace: event.metadata.namespace, name: event.metadata.name ?? '' })

/** The reference that events (and traces) name an object by. */
export function referenceTo<T extends KubeObject>(type: ResourceType<T>, object: Frozen<T>): ObjectReference {
  const { namespace, name, uid, resourceVersion } = (object as KubeObject).metadata ?? {}
  return {
    apiVersion: apiVersionOf(type),
    kind: type.kind,
    ...(namespace ? { namespace } : {}),
    name: name ?? '',
    ...(uid ? { uid } : {}),
    ...(resourceVersion ? { resourceVersion } : {}),
  }
}
