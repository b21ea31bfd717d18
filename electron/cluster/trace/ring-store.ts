import type { Clock } from '../base/clock.ts'
import type { TraceEntry, TraceRing } from '../base/trace.ts'
import type { Trace } from '#shared/kube/trace.ts'
import { encodeStored } from '../apiserver/storage/codec.ts'
import { Derived } from '../apiserver/storage/derived.ts'
import {
  CompactedError,
  FutureRevisionError,
  type Entry,
  type RangeOptions,
  type Store,
  type StoreEvent,
  type WatchOptions,
} from '../store/api.ts'
import { idOf, namespaceOf, nameOf, sequenceIn, traceOf } from './trace-object.ts'

/** Where the API server finds traces. */
export const prefix = '/registry/traces/'
/** How long entries gather before watchers are told. Milliseconds. */
const gatherFor = 50

interface Watcher {
  readonly prefix: string
  readonly onEvents: WatchOptions['onEvents']
}

/**
 * The ring as the API server reads stores: a revision is a sequence, an entry that is shown no longer has been deleted,
 * and a range is in the order of time, not of keys. Bytes are made when somebody reads them. Nobody writes here.
 */
export class RingStore implements Store {
  readonly shared = false
  readonly outage = undefined
  readonly #ring: TraceRing
  readonly #clock: Clock
  readonly #watchers = new Set<Watcher>()
  /** Watchers have been told up to here. */
  #told: number
  #cancel: (() => void) | undefined

  constructor(deps: { ring: TraceRing; clock: Clock }) {
    this.#ring = deps.ring
    this.#clock = deps.clock
    this.#told = this.#ring.newest
    this.#ring.onRecord(() => {
      this.#cancel ??= this.#clock.after(gatherFor, () => this.#tell())
    })
  }

  get revision(): number {
    this.#tell()
    return this.#ring.newest
  }

  get compacted(): number {
    return this.#ring.horizon
  }

  fresh(): undefined {
    return undefined
  }

  get(key: string): Entry | undefined {
    const sequence = sequenceIn(key)
    const entry = sequence < this.#ring.oldestAt(this.#ring.newest) ? undefined : this.#ring.get(sequence)
    return entry && keyOf(entry) === key ? new RingEntry(entry) : undefined
  }

  latest(key: string): Entry | undefined {
    return this.get(key)
  }

  range(under: string, { after, limit = Infinity, revision = this.revision }: RangeOptions = {}): Entry[] {
    this.#check(revision)
    const found: Entry[] = []
    const oldest = this.#ring.oldestAt(revision)
    const first = after === undefined ? oldest : Math.max(oldest, sequenceIn(after) + 1)
    for (let sequence = first; sequence <= revision && found.length < limit; sequence++) {
      const entry = this.#ring.get(sequence)!
      if (isUnder(under, entry)) found.push(new RingEntry(entry))
    }
    return found
  }

  keysWhere(field: string, value: string): string[] | undefined {
    const read = fields[field]
    return (
      read &&
      this.#ring
        .entries()
        .filter((entry) => read(entry) === value)
        .map(keyOf)
    )
  }

  count(under: string, options?: Omit<RangeOptions, 'limit'>): number {
    return this.range(under, options).length
  }

  write(): Promise<never> {
    return Promise.reject(new Error('traces are not written through the store'))
  }

  watch(under: string, { after, onEvents }: WatchOptions): Disposable {
    this.#tell()
    if (after < this.#ring.horizon) throw new CompactedError(this.#ring.horizon)
    const past = this.#events(after).filter(({ key }) => key.startsWith(under))
    if (past.length) onEvents(past)
    const watcher = { prefix: under, onEvents }
    this.#watchers.add(watcher)
    return { [Symbol.dispose]: () => void this.#watchers.delete(watcher) }
  }

  compact(): Promise<void> {
    return Promise.resolve()
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#cancel?.()
    this.#watchers.clear()
    return Promise.resolve()
  }

  #tell(): void {
    this.#cancel?.()
    this.#cancel = undefined
    if (this.#told === this.#ring.newest) return
    const events = this.#watchers.size ? this.#events(this.#told) : []
    this.#told = this.#ring.newest
    if (!events.length) return
    for (const watcher of this.#watchers) {
      const seen = watcher.prefix === prefix ? events : events.filter(({ key }) => key.startsWith(watcher.prefix))
      if (seen.length) watcher.onEvents(seen)
    }
  }

  /** All that happened after a revision: with every entry that comes, the one before it by the ring's capacity goes. */
  #events(after: number): StoreEvent[] {
    const events: StoreEvent[] = []
    for (let revision = after + 1; revision <= this.#ring.newest; revision++) {
      const gone = this.#ring.get(revision - this.#ring.capacity)
      if (gone) {
        const entry = new RingEntry(gone, revision)
        events.push({ type: 'delete', revision, key: entry.key, entry, previous: new RingEntry(gone) })
      }
      const entry = new RingEntry(this.#ring.get(revision)!)
      events.push({ type: 'put', revision, key: entry.key, entry, previous: undefined })
    }
    return events
  }

  #check(revision: number): void {
    const { newest, horizon } = this.#ring
    if (revision > newest) throw new FutureRevisionError(newest)
    if (revision < horizon) throw new CompactedError(horizon)
  }
}

/** What is often asked for, without making objects of all that is kept. */
const fields: Readonly<Record<string, (entry: TraceEntry) => string | undefined>> = {
  'object.uid': ({ uid }) => uid,
  'object.name': ({ name }) => name,
  'object.kind': ({ kind }) => kind.kind,
  root: ({ root }) => idOf(root),
  id: ({ sequence }) => idOf(sequence),
}

const keyOf = (entry: TraceEntry): string => `${prefix}${namespaceOf(entry)}/${nameOf(entry)}`

const isUnder = (under: string, entry: TraceEntry): boolean => under === prefix || keyOf(entry).startsWith(under)

class RingEntry implements Entry {
  readonly revision: number
  readonly created: number
  readonly #entry: TraceEntry
  #trace: Trace | undefined
  #derived: unknown

  constructor(entry: TraceEntry, revision = entry.sequence) {
    this.#entry = entry
    this.revision = revision
    this.created = entry.sequence
  }

  get key(): string {
    return keyOf(this.#entry)
  }

  get value(): Buffer {
    return encodeStored(traceOf(this.#entry), this.revision).value
  }

  /** Whoever reads the object need not parse what has just been written. */
  get derived(): unknown {
    if (!this.#derived) {
      this.#trace = traceOf(this.#entry, this.revision)
      const derived = new Derived()
      derived.object = this.#trace
      this.#derived = derived
    }
    return this.#derived
  }

  set derived(derived: unknown) {
    this.#derived = derived
  }
}
