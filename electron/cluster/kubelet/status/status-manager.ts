import { pods } from '#shared/kube/resources.ts'
import { isNotFound, StatusError } from '#shared/kube/status.ts'
import { backoffDelay } from '../../base/backoff.ts'
import { timestamp, type Clock } from '../../base/clock.ts'
import type { Logger } from '../../base/logger.ts'
import type { Random } from '../../base/random.ts'
import type { KubeClient } from '../../client/api.ts'
import { uidOf, type Pod, type PodStatus } from '../types.ts'
import { patched, statusPatch, withTransitionTimes } from './merge.ts'

export interface StatusManagerDeps {
  client: KubeClient
  clock: Clock
  random: Random
  logger: Logger
  /** What the API knows a pod as, if it does: by default as itself. */
  inApi?: (pod: Pod) => Pod | undefined
}

interface Tracked {
  pod: Pod
  /** What is to be in the API. */
  wanted: PodStatus
  /** What is there, as far as is known. */
  known: PodStatus
  /** Resource version of `known`. */
  version: string
  /** The pod has ended here and may leave the API. */
  finished: boolean
  sending: Promise<void> | undefined
  failures: number
}

const retry = { initial: 500, max: 30_000, jitter: 0.5 }

/**
 * The only writer of pod statuses. One write per pod is on its way at a time and the newest status goes next, so an
 * old one can never win. Removes pods from the API once they are gone from this node.
 */
export class StatusManager implements AsyncDisposable {
  readonly #deps: StatusManagerDeps
  readonly #tracked = new Map<string, Tracked>()
  readonly #stop = new AbortController()

  constructor(deps: StatusManagerDeps) {
    this.#deps = deps
  }

  /** The newest status of a pod: ours, else the API's. */
  status(pod: Pod): PodStatus {
    return this.#tracked.get(uidOf(pod))?.wanted ?? pod.status ?? {}
  }

  set(pod: Pod, status: PodStatus): void {
    const tracked = this.#track(pod)
    tracked.wanted = withTransitionTimes(status, tracked.wanted, timestamp(this.#deps.clock.now()))
    this.#send(tracked)
  }

  /** The API's word on a pod: somebody else may have changed its status. */
  observe(pod: Pod): void {
    const tracked = this.#tracked.get(uidOf(pod))
    if (!tracked) return
    tracked.pod = pod
    // A watch lags behind our own writes: what it shows of the time before them is no news.
    const version = pod.metadata?.resourceVersion ?? ''
    if (!tracked.sending && !isOlder(version, tracked.version)) {
      tracked.known = pod.status ?? {}
      tracked.version = version
    }
    if (tracked.finished || statusPatch(tracked.known, tracked.wanted)) this.#send(tracked)
  }

  /** The API knows a pod by another object from now on, which has a status of its own. */
  shownAs(pod: Pod, shown: Pod): void {
    const tracked = this.#track(pod)
    tracked.known = shown.status ?? {}
    tracked.version = shown.metadata?.resourceVersion ?? ''
    this.#send(tracked)
  }

  /** All containers are gone and cleaned up: a deleted pod is removed from the API now. */
  finish(pod: Pod): void {
    const tracked = this.#track(pod)
    tracked.finished = true
    this.#send(tracked)
  }

  forget(podUid: string): void {
    this.#tracked.delete(podUid)
  }

  /** Resolves when the API has been told of everything that was known when this was asked. */
  async settled(): Promise<void> {
    for (const { sending } of this.#tracked.values()) await sending
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new Error('the status manager has been stopped'))
    for (const { sending } of this.#tracked.values()) await sending
  }

  #track(pod: Pod): Tracked {
    const uid = uidOf(pod)
    const existing = this.#tracked.get(uid)
    if (existing) {
      existing.pod = pod
      return existing
    }
    const status: PodStatus = pod.status ?? {}
    const version = pod.metadata?.resourceVersion ?? ''
    const tracked: Tracked = {
      pod,
      wanted: status,
      known: status,
      version,
      finished: false,
      sending: undefined,
      failures: 0,
    }
    this.#tracked.set(uid, tracked)
    return tracked
  }

  #send(tracked: Tracked): void {
    tracked.sending ??= this.#drain(tracked)
  }

  async #drain(tracked: Tracked): Promise<void> {
    const { clock, random, logger } = this.#deps
    const { signal } = this.#stop
    // Changes made in one go are sent in one go.
    await Promise.resolve()
    while (!signal.aborted && this.#tracked.get(uidOf(tracked.pod)) === tracked) {
      try {
        if (!(await this.#step(tracked))) break
        tracked.failures = 0
      } catch (error) {
        if (isGoneForGood(error)) break
        if (error instanceof StatusError && error.code === 422) {
          logger.error('the server refuses the status of a pod', {
            pod: tracked.pod.metadata?.name,
            error: error.message,
          })
          break
        }
        const fields = { pod: tracked.pod.metadata?.name, error: (error as Error).message }
        logger.warn('cannot write the status of a pod; will try again', fields)
        await clock.sleep(backoffDelay(tracked.failures++, retry, random), signal).catch(() => {})
      }
    }
    tracked.sending = undefined
  }

  /** One request; false when there is nothing left to do. */
  async #step(tracked: Tracked): Promise<boolean> {
    const { client, inApi } = this.#deps
    const shown = inApi ? inApi(tracked.pod) : tracked.pod
    if (!shown) return false
    const { namespace, name = '', uid = '' } = shown.metadata ?? {}
    const patch = statusPatch(tracked.known, tracked.wanted)
    if (patch) {
      const { wanted } = tracked
      // The uid keeps a status from landing on a later pod of the same name.
      const body = { metadata: { uid }, status: patch }
      const answer = await client.patch(pods, { namespace, name }, 'strategic', body, { subresource: 'status' })
      tracked.known = patched(answer.status ?? {}, wanted)
      tracked.version = answer.metadata?.resourceVersion ?? tracked.version
      return true
    }
    if (!tracked.finished || !tracked.pod.metadata?.deletionTimestamp) return false
    await client.delete(pods, { namespace, name }, { gracePeriodSeconds: 0, preconditions: { uid } })
    return false
  }
}

/** The pod is not there any more, or another one bears its name. */
const isGoneForGood = (error: unknown): boolean =>
  isNotFound(error) || (error instanceof StatusError && error.code === 409)

/** Since v1.35 resource versions of one resource may be compared, as numbers. */
const isOlder = (a: string, b: string): boolean => a.length < b.length || (a.length === b.length && a < b)
