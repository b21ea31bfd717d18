import type { Freshness, ResourceRef } from '#shared/ipc/queries.ts'
import { isGone, StatusError } from '#shared/kube/status.ts'
import type { KubeList, KubeObject } from '#shared/kube/object.ts'
import { resourcePath } from '#shared/kube/resources.ts'
import type { ApiConnection } from '../connections/api-connection.ts'
import { toChannelError } from '../failure.ts'
import { backOff, pause } from '../pause.ts'
import { Pool, sameRecord, toRecord, uidOf, type RowRecord } from './record.ts'
import type { RowSource } from './row-source.ts'
import { UsageFeed, type UsagePace } from './usage-feed.ts'
import { withUsage } from './usage.ts'

export interface LiveListOptions {
  connection: ApiConnection
  resource: ResourceRef
  /** Undefined: all namespaces. */
  namespace: string | undefined
  fieldSelector?: string | undefined
  labelSelector?: string | undefined
  source: RowSource
  pace?: Pace
  usagePace?: UsagePace
}

/** By uid, the record that was there before. The present one is in `records`. */
export type Touched = ReadonlyMap<string, RowRecord | undefined>

/** How long to wait, in milliseconds. */
export interface Pace {
  /** Before the next try, after so many failures in a row. */
  retry(failures: number): number
  /** Between two looks at a kind that cannot be watched. */
  poll: number
  /** A watch that lasted this long was a good one: nothing speaks against the next. */
  good: number
}

const usualPace: Pace = { retry: backOff, poll: 10_000, good: 1000 }
const pageSize = 500

/**
 * All objects of one kind as records, kept true by a watch. Survives disconnection: records stay, marked as of when
 * they were last known, until the server answers again.
 */
export class LiveList implements Disposable {
  readonly records = new Map<string, RowRecord>()
  freshness: Freshness = { state: 'loading', loaded: 0 }
  #options: LiveListOptions
  #pace: Pace
  #pool = new Pool()
  #abort = new AbortController()
  #listeners = new Set<(touched: Touched) => void>()
  #contact = Date.now()
  /** The whole list was here once. */
  #loaded = false
  #usage: { feed: UsageFeed; watchers: number } | undefined

  constructor(options: LiveListOptions) {
    this.#options = options
    this.#pace = options.pace ?? usualPace
    void this.#run()
  }

  /** Called with what changed; with nothing when only the freshness did. */
  onChange(callback: (touched: Touched) => void): Disposable {
    this.#listeners.add(callback)
    return { [Symbol.dispose]: () => void this.#listeners.delete(callback) }
  }

  /** Rows show what is used, where the kind has that and the cluster tells it, for as long as somebody wants. */
  watchUsage(): Disposable {
    const { connection, source, namespace, usagePace } = this.#options
    const { usage } = source.shape
    if (!usage) return { [Symbol.dispose]: () => {} }
    const watched = (this.#usage ??= {
      feed: new UsageFeed(connection, usage.metrics, namespace, () => this.#showUsage(), usagePace),
      watchers: 0,
    })
    watched.watchers++
    return {
      [Symbol.dispose]: () => {
        if (--watched.watchers > 0) return
        watched.feed[Symbol.dispose]()
        if (this.#usage === watched) this.#usage = undefined
      },
    }
  }

  [Symbol.dispose](): void {
    this.#abort.abort()
    this.#usage?.feed[Symbol.dispose]()
    this.#listeners.clear()
  }

  #showUsage(): void {
    const { shape } = this.#options.source
    if (!shape.usage || !this.#usage) return
    const { feed } = this.#usage
    shape.columns = feed.available ? shape.usage.with : shape.usage.without
    const touched = new Map<string, RowRecord | undefined>()
    for (const [uid, record] of this.records) {
      const next = withUsage(record, shape.usage, feed.of(record.row))
      if (next === record) continue
      this.records.set(uid, next)
      touched.set(uid, record)
    }
    this.#tell(touched)
  }

  async #run(): Promise<void> {
    const { signal } = this.#abort
    /** Where the watch goes on; undefined: list first. */
    let version: string | undefined
    let failures = 0
    while (!signal.aborted) {
      const watch = { asked: false, since: 0 }
      try {
        if (version === undefined) {
          version = await this.#list(signal)
          this.#loaded = true
          if (this.freshness.state !== 'live') this.#fresh({ state: 'live' })
        }
        await this.#watch(version, signal, watch, (reached) => (version = reached))
        failures = lasted(watch, this.#pace) ? 0 : failures + 1
      } catch (error) {
        if (signal.aborted) return
        if (lasted(watch, this.#pace)) failures = 0
        // A good watch that broke is taken up at once: whether the server is away shows then.
        else failures++
        if (isGone(error) || isAhead(error)) {
          version = undefined
        } else if (watch.asked && watch.since === 0 && isUnwatchable(error)) {
          version = undefined
          this.#fresh({ state: 'live', polledEvery: this.#pace.poll })
          await pause(this.#pace.poll, signal)
          continue
        } else if (failures > 0) this.#fresh(this.#stateAfter(error))
      }
      await this.#pauseOrWake(this.#pace.retry(failures))
    }
  }

  /** Waits; not longer than until the server answers somebody else again. */
  async #pauseOrWake(ms: number): Promise<void> {
    if (ms <= 0) return
    const wake = new AbortController()
    const away = this.freshness.state === 'reconnecting' || this.freshness.state === 'failed'
    const subscription = away
      ? this.#options.connection.onContact((contact) => {
          if (contact.reached && contact.recovered) wake.abort()
        })
      : undefined
    await pause(ms, AbortSignal.any([this.#abort.signal, wake.signal]))
    subscription?.[Symbol.dispose]()
  }

  /** Page by page; rows show as they arrive. What was known before stays until the list is whole. */
  async #list(signal: AbortSignal): Promise<string> {
    const { connection, source } = this.#options
    const seen = new Set<string>()
    let next: string | undefined
    let limit: number | undefined = pageSize
    let version = ''
    let whole = false
    while (!whole) {
      const path = this.#path({ ...(limit ? { limit: String(limit) } : {}), ...(next ? { continue: next } : {}) })
      let page: KubeList<KubeObject>
      try {
        page = (await connection.json<KubeList<KubeObject>>(path, { signal, accept: source.accept })).value
      } catch (error) {
        if (!isGone(error) || !next) throw error
        // The server forgot the state that the pages are of. As client-go: everything at once, which cannot expire.
        next = limit = undefined
        seen.clear()
        continue
      }
      this.#contact = Date.now()
      const touched = new Map<string, RowRecord | undefined>()
      for (const object of source.objects(page)) this.#put(object, touched, seen)
      version = page.metadata.resourceVersion ?? ''
      next = page.metadata.continue || undefined
      const remaining = page.metadata.remainingItemCount
      if (next && !this.#loaded)
        this.freshness = { state: 'loading', loaded: seen.size, ...(remaining ? { total: seen.size + remaining } : {}) }
      whole = next === undefined
      this.#tell(touched)
    }
    const gone = new Map<string, RowRecord>()
    for (const [uid, record] of this.records) if (!seen.has(uid)) gone.set(uid, record)
    for (const uid of gone.keys()) this.records.delete(uid)
    if (gone.size) this.#tell(gone)
    return version
  }

  async #watch(
    from: string,
    signal: AbortSignal,
    watch: { asked: boolean; since: number },
    reached: (version: string) => void,
  ): Promise<void> {
    const { connection, source } = this.#options
    watch.asked = true
    // Watches of many lists should not all end at the same moment.
    const timeoutSeconds = String(270 + Math.floor(Math.random() * 30))
    const path = this.#path({ watch: 'true', allowWatchBookmarks: 'true', resourceVersion: from, timeoutSeconds })
    const events = await connection.watch<KubeObject>(path, signal, source.accept)
    watch.since = performance.now()
    this.#contact = Date.now()
    this.#fresh({ state: 'live' })
    for await (const event of events) {
      this.#contact = Date.now()
      const version = source.version(event.object)
      if (version) reached(version)
      if (event.type === 'BOOKMARK') continue
      const touched = new Map<string, RowRecord | undefined>()
      for (const object of source.objects(event.object)) {
        if (event.type !== 'DELETED') this.#put(object, touched)
        else this.#remove(uidOf(object), touched)
      }
      if (touched.size) this.#tell(touched)
    }
  }

  /** A change that nobody can see touches nothing: nodes and leases report every few seconds. */
  #put(object: KubeObject, touched: Map<string, RowRecord | undefined>, seen?: Set<string>): void {
    const { shape } = this.#options.source
    const bare = toRecord(object, shape, this.#pool)
    const record = shape.usage && this.#usage ? withUsage(bare, shape.usage, this.#usage.feed.of(bare.row)) : bare
    const { uid } = record.row
    seen?.add(uid)
    const before = this.records.get(uid)
    if (before && sameRecord(before, record)) return
    this.records.set(uid, record)
    touched.set(uid, before)
  }

  #remove(uid: string, touched: Map<string, RowRecord | undefined>): void {
    const before = this.records.get(uid)
    if (before && this.records.delete(uid)) touched.set(uid, before)
  }

  #path(parameters: Record<string, string>): string {
    const { resource, namespace, fieldSelector, labelSelector } = this.#options
    const query = new URLSearchParams({
      ...parameters,
      ...(fieldSelector ? { fieldSelector } : {}),
      ...(labelSelector ? { labelSelector } : {}),
    })
    return `${resourcePath(resource, { namespace })}?${query}`
  }

  #stateAfter(error: unknown): Freshness {
    const { message, cure } = toChannelError(error)
    if (error instanceof StatusError && error.code === 403) return { state: 'forbidden', message }
    if (!this.#loaded) return { state: 'failed', message, ...(cure ? { cure } : {}) }
    return { state: 'reconnecting', since: this.#contact, message: cure ? `${message} ${cure}` : message }
  }

  #fresh(freshness: Freshness): void {
    if (JSON.stringify(this.freshness) === JSON.stringify(freshness)) return
    this.freshness = freshness
    this.#tell(new Map())
  }

  #tell(touched: Touched): void {
    for (const callback of this.#listeners) callback(touched)
  }
}

const lasted = (watch: { since: number }, { good }: Pace): boolean =>
  watch.since > 0 && performance.now() - watch.since >= good

/** The version is from a later time of the server than the server knows: it was restored, or is another. */
const isAhead = (error: unknown): boolean =>
  error instanceof StatusError &&
  (error.status.details?.causes ?? []).some(({ reason }) => reason === 'ResourceVersionTooLarge')

/** Who may list but not watch, and what has no watch at all, is looked at from time to time. */
const isUnwatchable = (error: unknown): boolean =>
  error instanceof StatusError && (error.code === 403 || error.code === 405)
