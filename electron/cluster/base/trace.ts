import type { Clock } from './clock.ts'

/** An object as a cause is named; the revision is the one that was seen. */
export interface TraceRef {
  readonly apiVersion?: string
  readonly kind: string
  readonly namespace?: string
  readonly name: string
  readonly uid?: string
  readonly resourceVersion?: string
}

/** Of what kind an object is. Kept as it is handed in: resource types and definitions of kinds do. */
export interface TracedKind {
  readonly group: string
  readonly version: string
  readonly plural: string
  readonly kind: string
}

/** Who did what to which object, and what made them. */
export interface TraceNote {
  /** The user of the API who did it. */
  readonly user: string
  /** The program, as people know it: `replicaset-controller`, `kubelet`, `kubectl`. */
  readonly component: string
  /** The object whose change made it act; undefined where nobody said. */
  readonly cause?: TraceRef | undefined
  /** It only ever reacts: where no cause is stated, it did what somebody else had last asked of the object. */
  readonly reacts?: boolean
  /** Verb and, where there is one, subresource: `create`, `update/status`; or what an event reports: `Started`. */
  readonly action: string
  readonly kind: TracedKind
  readonly namespace: string | undefined
  readonly name: string
  readonly uid: string | undefined
  readonly resourceVersion: string | undefined
  /** What is different now, in words: `replicas 3 → 5`. */
  readonly change?: string | undefined
  /** What went wrong, where the action failed. */
  readonly failure?: string
}

export interface TraceEntry extends TraceNote {
  /** Grows by one with every entry, and from one start of the process to the next. */
  readonly sequence: number
  /** Milliseconds since the epoch. */
  readonly at: number
  /** The entry that it comes of, if that is known. */
  readonly parent: number | undefined
  /** Of what kind the object is that it came of: known for as long as this entry is. */
  readonly parentKind: TracedKind | undefined
  /** The entry that all of this began with: its own where it has no parent. */
  readonly root: number
  /** Steps from the root. */
  readonly depth: number
  /** What was done to the same object before, and before that by somebody else; 0: nothing. Failures do nothing. */
  readonly before: number
  readonly order: number
}

export interface Trace {
  record(note: TraceNote): void
}

/** A reaction that comes later than this has other reasons than what was asked last. Milliseconds. */
const reactsWithin = 600_000
/** Leaves room for so many entries per millisecond since the last start; the sum stays below 15 digits. */
const perMillisecond = 256

/**
 * The newest entries: `capacity` of them are shown, and some more are kept for a while so that it can be told which
 * are shown no longer. An entry costs one object, two looks into a map and a write to it.
 */
export class TraceRing implements Trace {
  /** An entry is shown until so many have come after it. */
  readonly capacity: number
  readonly #clock: Clock
  readonly #kept: number
  readonly #entries: TraceEntry[] = []
  /** The sequence of the newest entry about an object, by its uid. */
  readonly #newest = new Map<string, number>()
  readonly #start: number
  #sequence: number
  #wake: (() => void) | undefined

  constructor(deps: { clock: Clock; capacity?: number }) {
    this.capacity = deps.capacity ?? 32_768
    this.#clock = deps.clock
    this.#kept = Math.ceil(this.capacity * 1.25)
    this.#start = deps.clock.now() * perMillisecond
    this.#sequence = this.#start
  }

  /** Called at every entry. One listener at most: what it does is paid for by whoever records. */
  onRecord(wake: () => void): void {
    this.#wake = wake
  }

  /** The sequence of the newest entry; where there is none yet, one that is less than all to come. */
  get newest(): number {
    return this.#sequence
  }

  /** Of which moments it is still known what was shown: from this sequence on. */
  get horizon(): number {
    return this.#sequence - this.#kept <= this.#start ? this.#start : this.#sequence - (this.#kept - this.capacity)
  }

  /** The oldest entry that was shown when that sequence was the newest; it may be kept no longer. */
  oldestAt(sequence: number): number {
    return Math.max(this.#start, sequence - this.capacity) + 1
  }

  get(sequence: number): TraceEntry | undefined {
    if (sequence > this.#sequence || sequence <= Math.max(this.#start, this.#sequence - this.#kept)) return undefined
    return this.#entries[this.#slot(sequence)]
  }

  record(note: TraceNote): void {
    const parent = this.#parentOf(note)
    const sequence = ++this.#sequence
    const slot = this.#slot(sequence)
    const gone = this.#entries[slot]
    if (gone?.uid !== undefined && this.#newest.get(gone.uid) === gone.sequence) this.#newest.delete(gone.uid)
    const { uid, user } = note
    const last = this.#last(uid)
    if (uid !== undefined && note.failure === undefined) this.#newest.set(uid, sequence)
    this.#entries[slot] = {
      ...note,
      sequence,
      at: this.#clock.now(),
      parent: parent?.sequence,
      parentKind: parent?.kind,
      root: parent?.root ?? sequence,
      depth: parent ? parent.depth + 1 : 0,
      before: last?.sequence ?? 0,
      order: orderAfter(last, user),
    }
    this.#wake?.()
  }

  /** What is shown now, oldest first. */
  entries(): TraceEntry[] {
    const first = this.oldestAt(this.#sequence)
    return Array.from({ length: this.#sequence + 1 - first }, (_, i) => this.get(first + i)!)
  }

  #slot(sequence: number): number {
    return (sequence - this.#start - 1) % this.#kept
  }

  #parentOf({ cause, reacts, uid, user }: TraceNote): TraceEntry | undefined {
    if (cause) {
      const seen = Number(cause.resourceVersion ?? Infinity)
      let entry = this.#last(cause.uid)
      while (entry && revisionOf(entry) > seen) entry = this.get(entry.before)
      return entry
    }
    if (!reacts) return undefined
    const order = this.get(orderAfter(this.#last(uid), user))
    return order && this.#clock.now() - order.at <= reactsWithin ? order : undefined
  }

  /** What was done last to an object. */
  #last(uid: string | undefined): TraceEntry | undefined {
    return uid === undefined ? undefined : this.get(this.#newest.get(uid) ?? 0)
  }
}

/** What somebody else than `user` did last to the object that `last` was done to. */
const orderAfter = (last: TraceEntry | undefined, user: string): number =>
  last === undefined ? 0 : last.user === user ? last.order : last.sequence

const revisionOf = ({ resourceVersion }: TraceEntry): number => Number(resourceVersion ?? 0)
