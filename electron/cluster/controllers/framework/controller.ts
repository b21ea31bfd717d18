import type { Frozen, KubeObject } from '#shared/kube/object.ts'
import { isConflict, isNotFound, StatusError } from '#shared/kube/status.ts'
import type { BackoffOptions } from '../../base/backoff.ts'
import type { Clock } from '../../base/clock.ts'
import type { Logger } from '../../base/logger.ts'
import type { Random } from '../../base/random.ts'
import type { Trace, TraceRef } from '../../base/trace.ts'
import type { KubeClient } from '../../client/api.ts'
import { referenceTo, type EventRecorder } from '../../client/event-recorder.ts'
import type { Informer } from '../../client/informer.ts'
import { WorkQueue } from '../../client/work-queue.ts'
import type { Decision } from './action.ts'
import { Executor } from './executor.ts'
import type { Expectations } from './expectations.ts'
import { OwnWrites, type WrittenCache } from './own-writes.ts'

/** Puts a key into the controller's queue, remembering why; `after` in milliseconds. */
export type Enqueue = (key: string, cause: TraceRef | undefined, after?: number) => void

/** One thing that a controller watches: says which informer must have synced, and turns its events into keys. */
export interface Watch {
  readonly synced: () => Promise<void>
  /** Returns its end. */
  readonly start: (enqueue: Enqueue) => () => void
}

export interface SyncContext {
  readonly now: number
  /** What made the controller look. */
  readonly cause: TraceRef | undefined
  readonly signal: AbortSignal
  /**
   * Carries out steps in order, then the conclusion; rejects with the first failure. `otherwise`: what is traced as the
   * cause where nothing but time made the controller look.
   */
  decide(decision: Decision, otherwise?: TraceRef): Promise<void>
}

export interface Controller {
  /** As upstream names it: the component of its events and traces. */
  readonly name: string
  /** The component of its events, where upstream's is another. */
  readonly eventSource?: string
  /** Its service account in kube-system, which RBAC gives its rights to; or another user, in full. Default: its name. */
  readonly account?: string
  readonly workers: number
  /** Between attempts at a key that fails. Default: 5 ms, doubling, at most 1000 s. */
  readonly retry?: BackoffOptions
  readonly watches: readonly Watch[]
  readonly expectations?: Expectations
  /** Of which caches a key is looked at only when they show what was written for it before. Their events must map to that key. */
  readonly writesTo?: readonly WrittenCache[]
  /** Brings one key to the desired state. Rejects to be called again later. */
  sync(key: string, context: SyncContext): Promise<Pick<Decision, 'requeueAfter' | 'rest'> | void>
}

export interface ControllerDeps {
  /** Whom the API server knows it as. */
  readonly user: string
  readonly client: KubeClient
  readonly recorder: EventRecorder
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly trace: Trace
}

/** A controller of the usual kind: what the caches show in, a decision out. */
export function decider<O>(
  parts: Omit<Controller, 'sync'> & {
    /** From the caches alone; undefined when there is nothing to do for the key. */
    observe(key: string): O | undefined
    reconcile(observed: O, now: number): Decision
  },
): Controller {
  const { observe, reconcile, ...rest } = parts
  return {
    ...rest,
    async sync(key, context) {
      const observed = observe(key)
      if (observed === undefined) return
      const decision = reconcile(observed, context.now)
      await context.decide(decision)
      return decision
    },
  }
}

/** The event of one's own write brings the key back sooner than this, in milliseconds. */
const staleRetry = 1000

/** Runs a controller until disposed: waits for its caches, then works keys off with its number of workers. */
export function startController(deps: ControllerDeps, controller: Controller): AsyncDisposable {
  const { user, clock, random, trace, client, recorder } = deps
  const { name, expectations } = controller
  const logger = deps.logger.child(name)
  const queue = new WorkQueue({ clock, retry: controller.retry })
  const causes = new Map<string, TraceRef>()
  const own = new OwnWrites(controller.writesTo ?? [])
  const written = own.record.bind(own)
  const executor = new Executor({ component: name, user, client, recorder, trace, random, expectations, written })
  const stop = new AbortController()

  const enqueue: Enqueue = (key, cause, after = 0) => {
    if (cause) causes.set(key, cause)
    queue.addAfter(key, after)
  }
  const rests = new Map<string, number>()
  const resting = (key: string): number => {
    const left = (rests.get(key) ?? 0) - clock.monotonic()
    if (left <= 0) rests.delete(key)
    return left
  }
  const ends = controller.watches.map((watch) => watch.start(enqueue))

  const sync = (key: string, cause: TraceRef | undefined) =>
    controller.sync(key, {
      now: clock.now(),
      cause,
      signal: stop.signal,
      decide: (decision, otherwise) => executor.decide(key, cause ?? otherwise, decision),
    })

  const work = async () => {
    for (let key = await queue.get(); key !== undefined; key = await queue.get()) {
      const wait = own.visible(key) ? resting(key) : staleRetry
      if (wait > 0) {
        queue.addAfter(key, wait)
        queue.done(key)
        continue
      }
      const cause = causes.get(key)
      causes.delete(key)
      try {
        const next = await sync(key, cause)
        queue.forget(key)
        if (next?.rest) rests.set(key, clock.monotonic() + next.rest)
        if (next?.requeueAfter !== undefined) queue.addAfter(key, next.requeueAfter)
        // What came and went while a watch was cut shows in no event: nothing else would bring the key back.
        const patience = expectations?.patience(key)
        if (patience) queue.addAfter(key, patience)
      } catch (error) {
        if (stop.signal.aborted) break
        const level = isConflict(error) || isNotFound(error) ? 'debug' : 'warn'
        logger[level]('sync failed; will try again', { key, error: describe(error), failures: queue.failures(key) })
        if (cause) causes.set(key, cause)
        queue.addRateLimited(key)
      } finally {
        queue.done(key)
      }
    }
  }

  const running = (async () => {
    const aborted = new Promise<void>((resolve) => stop.signal.addEventListener('abort', () => resolve()))
    await Promise.race([aborted, Promise.all(controller.watches.map((watch) => watch.synced()))])
    if (!stop.signal.aborted) await Promise.all(Array.from({ length: controller.workers }, work))
  })().catch((error: unknown) => {
    if (!stop.signal.aborted) logger.error('controller failed', { error: describe(error) })
  })

  return {
    async [Symbol.asyncDispose]() {
      stop.abort(new Error(`${name} has been stopped`))
      for (const end of ends) end()
      await queue.shutDown()
      await running
    },
  }
}

/** What the server said is told in its words; anything else is a fault of ours, and its stack says where. */
const describe = (error: unknown): string =>
  error instanceof Error && !(error instanceof StatusError) ? (error.stack ?? error.message) : String(error)

/** Watches a kind: `keys` names what to look at for an event. For an update it sees the object before, too. */
export function watch<T extends KubeObject>(
  informer: Informer<T>,
  keys: (object: Frozen<T>, old: Frozen<T> | undefined) => Iterable<string>,
  more: { onDelete?: (object: Frozen<T>) => void } = {},
): Watch {
  return {
    synced: () => informer.whenSynced(),
    start(enqueue) {
      const all = (object: Frozen<T>, old?: Frozen<T>) => {
        let cause: TraceRef | undefined
        for (const key of keys(object, old)) enqueue(key, (cause ??= referenceTo(informer.type, object) as TraceRef))
      }
      return informer.handle({
        add: (object) => all(object),
        update: (object, old) => all(object, old),
        delete(object) {
          more.onDelete?.(object)
          all(object)
        },
      })
    },
  }
}

/** A cache that is read and must have synced, but whose events matter to nobody here. */
export const reads = <T extends KubeObject>(informer: Informer<T>): Watch => ({
  synced: () => informer.whenSynced(),
  start: () => () => {},
})
