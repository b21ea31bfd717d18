import type { z } from 'zod'
import type { Freshness, queryStreams, QueryMessage, Row } from '#shared/ipc/queries.ts'
import type { Outlet } from '../channel/server.ts'
import { toChannelError } from '../failure.ts'
import { aborted } from '../pause.ts'
import { bounded, filterOf, refines, withoutExpression, type Filter, type ParseLabels } from './filter.ts'
import type { LiveList } from './live-list.ts'
import { orderOf, usualSort } from './order.ts'
import type { RowRecord } from './record.ts'
import type { OpenedLists } from './shared-lists.ts'
import { SortedRows, type Change } from './sorted-rows.ts'

type Params = z.output<(typeof queryStreams)['query.open']['params']>
type Up = z.output<(typeof queryStreams)['query.open']['up']>

export interface QueryDependencies {
  /** Opens (or shares) the lists that the namespaces need; disposing gives them back. Throws while the context is away. */
  openLists(namespaces: readonly string[]): OpenedLists
  /** Which connection {@link openLists} would use: another one, and the lists are opened anew. */
  connection(): unknown
  onContextChange(callback: () => void): Disposable
  parseLabels: ParseLabels
}

const frame = 16
/** Under constant change, at most this part of the time goes into one query. */
const share = 1 / 4

/** Runs one query until the renderer closes it: at most one message per frame, each row only when it changed. */
export async function runQuery(
  params: Params,
  outlet: Outlet<QueryMessage, Up>,
  dependencies: QueryDependencies,
): Promise<void> {
  const query = new RunningQuery(params, outlet, dependencies)
  outlet.onMessage((up) => query.change(up))
  query.start()
  await aborted(outlet.signal)
  query[Symbol.dispose]()
}

class RunningQuery implements Disposable {
  #params: Params
  #outlet: Outlet<QueryMessage, Up>
  #dependencies: QueryDependencies
  #contextChanges: Disposable

  #lists: readonly LiveList[] = []
  #opened: OpenedLists | undefined
  #connection: unknown
  #subscriptions: Disposable[] = []
  /** What tells the lists to show usage. */
  #usages: Disposable[] = []
  /** Why there are no lists. */
  #closed: Freshness | undefined

  #rows = new SortedRows(orderOf({ column: 'name', descending: false }, []))
  #filter: Filter
  #stale: { order: boolean; filter: false | 'narrower' | 'other' } = { order: true, filter: 'other' }
  /** By uid, the record that the rows hold. */
  #touched = new Map<string, RowRecord | undefined>()

  /** What the renderer holds. */
  #sent = new Map<string, Row>()
  #sentColumns: unknown
  #timer: NodeJS.Timeout | undefined
  /** When the next batch may go, and the next answer to a change: who waits for one does not wait for the batches' turn. */
  #next = 0
  #nextAnswer = 0

  constructor(params: Params, outlet: Outlet<QueryMessage, Up>, dependencies: QueryDependencies) {
    this.#params = params
    this.#outlet = outlet
    this.#dependencies = dependencies
    this.#filter = filterOf(params.filter, dependencies.parseLabels)
    this.#contextChanges = dependencies.onContextChange(() => this.#reconsider())
  }

  start(): void {
    this.#open()
    this.#send()
  }

  change({ filter, sort, window, namespaces, question }: Up): void {
    // Sorting all anew takes many times as long as filtering: only for another order, and only for other lists.
    const resorted = sort && JSON.stringify(sort) !== JSON.stringify(this.#params.sort)
    const moved = namespaces && JSON.stringify(namespaces) !== JSON.stringify(this.#params.namespaces)
    if (filter) {
      const narrower = this.#stale.filter !== 'other' && refines(filter, this.#params.filter)
      this.#filter = filterOf(filter, this.#dependencies.parseLabels)
      this.#stale.filter = narrower ? 'narrower' : 'other'
    }
    if (resorted) this.#stale.order = true
    this.#params = {
      ...this.#params,
      ...(filter ? { filter } : {}),
      ...(sort ? { sort } : {}),
      ...(window ? { window } : {}),
      ...(namespaces ? { namespaces } : {}),
      ...(question === undefined ? {} : { question }),
    }
    if (moved) this.#open()
    else if (window) this.#watchUsage()
    // Somebody waits for this one: it goes out at once, unless another answer just did.
    this.#schedule(0)
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer)
    this.#contextChanges[Symbol.dispose]()
    this.#release()
    this.#opened?.[Symbol.dispose]()
  }

  /** The lists that the namespaces need; those in use before are given back afterwards, so that shared ones live on. */
  #open(): void {
    const before = this.#opened
    this.#release()
    try {
      this.#connection = this.#dependencies.connection()
      this.#opened = this.#dependencies.openLists(this.#params.namespaces)
      this.#lists = this.#opened.lists
      this.#closed = undefined
    } catch (error) {
      const { message, cure } = toChannelError(error)
      this.#connection = this.#opened = undefined
      this.#lists = []
      this.#closed = { state: 'failed', message, ...(cure ? { cure } : {}) }
    }
    before?.[Symbol.dispose]()
    this.#stale.order = true
    this.#subscriptions = this.#lists.map((list) =>
      list.onChange((touched) => {
        for (const [uid, before] of touched) if (!this.#touched.has(uid)) this.#touched.set(uid, before)
        this.#schedule(frame)
      }),
    )
    this.#watchUsage()
  }

  /** For who looks at rows of a whole kind: metrics of some of them cannot be asked for alone. */
  #watchUsage(): void {
    const { window, fieldSelector, labelSelector } = this.#params
    if (!window.count || fieldSelector || labelSelector || this.#usages.length) return
    this.#usages = this.#lists.map((list) => list.watchUsage())
  }

  #release(): void {
    for (const subscription of [...this.#subscriptions, ...this.#usages]) subscription[Symbol.dispose]()
    this.#subscriptions = []
    this.#usages = []
  }

  /** The context may have come, gone, or become another connection. */
  #reconsider(): void {
    let connection: unknown
    try {
      connection = this.#dependencies.connection()
    } catch (error) {
      // What is known stays in view; its lists say how old it is.
      if (this.#opened || toChannelError(error).message === (this.#closed as { message?: string } | undefined)?.message)
        return
    }
    if (connection !== undefined && connection === this.#connection) return
    this.#open()
    this.#schedule(frame)
  }

  #schedule(delay: number): void {
    const due = Math.max(delay, (delay > 0 ? this.#next : this.#nextAnswer) - performance.now())
    if (this.#timer !== undefined && delay > 0) return
    clearTimeout(this.#timer)
    this.#timer = undefined
    const go = () => {
      const began = performance.now()
      this.#send()
      const ended = performance.now()
      if (delay === 0) this.#nextAnswer = ended + Math.max(frame, ended - began)
    }
    if (due <= 0) go()
    else this.#timer = setTimeout(go, due)
  }

  #send(): void {
    this.#timer = undefined
    if (this.#outlet.congested) {
      // Nothing is lost: what changes meanwhile goes out in one message.
      this.#timer = setTimeout(() => this.#send(), 100)
      return
    }
    const began = performance.now()
    this.#refresh()
    this.#outlet.send(this.#message())
    const ended = performance.now()
    this.#next = ended + Math.max(frame, (ended - began) / share)
  }

  #message(): QueryMessage {
    const { window, sort, question } = this.#params
    const columns = this.#opened?.source.shape.columns ?? []
    // A filter may leave fewer rows than the window starts at.
    const offset = Math.min(window.offset, Math.max(0, this.#rows.length - window.count))
    const shown = this.#rows.slice(offset, window.count).map(({ row }) => row)
    const message: QueryMessage = {
      ...(question === undefined ? {} : { question }),
      ...(columns === this.#sentColumns ? {} : { columns }),
      total: this.#rows.total,
      matching: this.#rows.length,
      offset,
      uids: shown.map(({ uid }) => uid),
      rows: shown.filter((row) => this.#sent.get(row.uid) !== row),
      sort: sort ?? usualSort(columns),
      tones: { ...this.#rows.tones },
      freshness: this.#closed ?? worst(this.#lists.map(({ freshness }) => freshness)),
      ...(this.#filter.problem ? { filterProblem: this.#filter.problem } : {}),
    }
    this.#sentColumns = columns
    this.#sent = new Map(shown.map((row) => [row.uid, row]))
    return message
  }

  #refresh(): void {
    const columns = this.#opened?.source.shape.columns ?? []
    if (columns !== this.#sentColumns) this.#stale.order = true
    if (this.#filter.risky) {
      if (bounded(() => this.#bringUpToDate(columns))) return
      this.#filter = withoutExpression(this.#params.filter, this.#dependencies.parseLabels)
      // Whatever was interrupted half-way.
      this.#stale.order = true
    }
    this.#bringUpToDate(columns)
  }

  #bringUpToDate(columns: Parameters<typeof orderOf>[1]): void {
    const { matches, narrows } = this.#filter
    if (this.#stale.order) {
      this.#rows.replace(
        this.#everything(),
        orderOf(this.#params.sort ?? usualSort(columns), columns),
        matches,
        narrows,
      )
    } else {
      if (this.#stale.filter) this.#rows.filter(matches, narrows, this.#stale.filter === 'narrower')
      if (this.#touched.size) this.#rows.update(this.#changes())
    }
    this.#stale = { order: false, filter: false }
    this.#touched.clear()
  }

  *#everything(): Generator<RowRecord> {
    for (const { records } of this.#lists) for (const record of records.values()) if (this.#owned(record)) yield record
  }

  *#changes(): Generator<Change> {
    const mine = (record: RowRecord | undefined) => (record && this.#owned(record) ? record : undefined)
    for (const [uid, before] of this.#touched) {
      const after = this.#lists.map(({ records }) => records.get(uid)).find((record) => record !== undefined)
      yield { before: mine(before), after: mine(after) }
    }
  }

  #owned({ owners }: RowRecord): boolean {
    const { ownerUid } = this.#params
    return ownerUid === undefined || owners.includes(ownerUid)
  }
}

const severity = { live: 0, loading: 1, reconnecting: 2, forbidden: 3, failed: 4 } as const

/** Several lists are as fresh as the least fresh of them. */
export function worst(states: readonly Freshness[]): Freshness {
  return states.reduce<Freshness>(
    (a, b) => (severity[b.state] > severity[a.state] ? b : a),
    states[0] ?? { state: 'live' },
  )
}
