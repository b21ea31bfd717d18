import type { KubeObject } from '#shared/kube/object.ts'
import { expired, internal, StatusError, type Status } from '#shared/kube/status.ts'
import type { Clock } from '../../base/clock.ts'
import { CompactedError } from '../../store/api.ts'
import type { Selection, ServedKind } from '../kinds/served-kind.ts'
import { reach } from '../storage/list.ts'
import { tooOld } from '../storage/errors.ts'
import { Change, WatchBatch } from '../storage/watch-batch.ts'
import { ConvertedSelection } from './converted-selection.ts'

export interface WatchRequest extends Selection {
  revision: number | undefined
  sendInitialEvents: boolean | undefined
  allowBookmarks: boolean
  timeoutSeconds: number | undefined
}

/** Where a watch's events go, as bytes or as objects. */
export interface WatchOutput {
  batch(batch: WatchBatch): void
  bookmark(metadata: KubeObject['metadata']): void
  error(status: Status): void
  /** Nothing follows. */
  end(): void
}

const bookmarkEvery = 60_000

/**
 * Serves a watch, from `begin` on, until it is disposed, its time is up or the store ends it. Source of the rules:
 * docs/reference/using-api/api-concepts, "Semantics for watch".
 */
export async function openWatch(
  kind: ServedKind,
  request: WatchRequest,
  begin: () => WatchOutput,
  clock: Clock,
): Promise<Disposable> {
  const { objects } = kind
  const { revision } = request
  if (request.sendInitialEvents && revision) await reach(objects, revision, clock)
  const fresh = revision === undefined ? objects.fresh() : undefined
  if (fresh) await fresh
  const isConverted = kind.readsConverted(request)
  const filter = kind.watchFilter(isConverted ? { ...request, fields: [] } : request)
  const matches = isConverted ? kind.matcher(request)! : filter.matches
  // Without a place to start from, everything that exists is news.
  const initial = request.sendInitialEvents ?? !revision
  const output = begin()
  const session = new WatchSession(output, kind, clock)
  try {
    let after = revision || objects.revision
    if (initial) {
      after = objects.revision
      const entries = objects.store.range(filter.prefix)
      const converting = isConverted && kind.prepare(entries)
      if (converting) await converting
      const shown = matches ? entries.filter(matches) : entries
      const waiting = kind.prepare(shown)
      if (waiting) await waiting
      if (shown.length)
        output.batch(
          new WatchBatch(
            shown.map((entry) => new Change('ADDED', entry)),
            after,
          ),
        )
      if (request.sendInitialEvents && request.allowBookmarks) {
        output.bookmark({ resourceVersion: String(after), annotations: { 'k8s.io/initial-events-end': 'true' } })
      }
    }
    if (isConverted) {
      const entries = objects.store.range(filter.prefix, { revision: Math.min(after, objects.revision) })
      const converting = kind.prepare(entries)
      if (converting) await converting
      session.selection = new ConvertedSelection(kind, matches!, entries.filter(matches!))
    }
    session.start(objects.hub.open(filter, after, session), request)
  } catch (error) {
    if (error instanceof StatusError) session.fail(error.status)
    else if (error instanceof CompactedError) session.fail(tooOld(revision ?? 0, error.oldest).status)
    else throw error
  }
  return session
}

class WatchSession implements Disposable {
  readonly #output: WatchOutput
  readonly #kind: ServedKind
  readonly #clock: Clock
  #watch: Disposable | undefined
  #cancelBookmark = (): void => {}
  #cancelTimeout = (): void => {}
  #ended = false
  /** Batches that wait to be converted. */
  #turn: Promise<void> | undefined
  /** Narrows down what the hub lets through. */
  selection: ConvertedSelection | undefined

  constructor(output: WatchOutput, kind: ServedKind, clock: Clock) {
    this.#output = output
    this.#kind = kind
    this.#clock = clock
  }

  start(watch: Disposable, { allowBookmarks, timeoutSeconds }: WatchRequest): void {
    this.#watch = watch
    if (this.#ended) return watch[Symbol.dispose]()
    if (allowBookmarks) this.#scheduleBookmark()
    if (timeoutSeconds !== undefined && timeoutSeconds > 0) {
      this.#cancelTimeout = this.#clock.after(timeoutSeconds * 1000, () => this.#end())
    }
  }

  onBatch(batch: WatchBatch): void {
    if (this.#ended) return
    const preparing = this.#kind.prepare(batch.changes.map(({ entry }) => entry))
    const { selection } = this
    if (!selection && !preparing && !this.#turn) return this.#output.batch(batch)
    // What takes longer to convert holds up what comes after it.
    const converted = Promise.all([preparing, this.#turn])
    this.#inTurn(selection ? converted.then(() => selection.narrow(batch)) : converted.then(() => batch), (shown) => {
      if (shown.changes.length) this.#output.batch(shown)
    })
  }

  /** Sends what has taken its time, and lets nothing overtake it. */
  #inTurn<T>(waited: Promise<T>, send: (value: T) => void): void {
    const turn = waited.then(
      (value) => {
        if (this.#turn === turn) this.#turn = undefined
        if (!this.#ended) send(value)
      },
      (error: unknown) => this.fail(error instanceof StatusError ? error.status : internal(String(error)).status),
    )
    this.#turn = turn
  }

  onEnd(error: Error): void {
    if (error instanceof CompactedError) this.fail(expired('too old resource version').status)
    else this.#end()
  }

  fail(status: Status): void {
    if (this.#ended) return
    this.#output.error(status)
    this.#end()
  }

  /** Tells a quiet watcher how far it is, so that it can go on from there after compactions. */
  #scheduleBookmark(): void {
    this.#cancelBookmark = this.#clock.after(bookmarkEvery, () => {
      const metadata = { resourceVersion: String(this.#kind.objects.revision) }
      // Who goes on from it has been sent everything before.
      if (this.#turn) this.#inTurn(this.#turn, () => this.#output.bookmark(metadata))
      else this.#output.bookmark(metadata)
      this.#scheduleBookmark()
    })
  }

  #end(): void {
    if (this.#ended) return
    this[Symbol.dispose]()
    this.#output.end()
  }

  [Symbol.dispose](): void {
    this.#ended = true
    this.#cancelBookmark()
    this.#cancelTimeout()
    this.#watch?.[Symbol.dispose]()
  }
}
