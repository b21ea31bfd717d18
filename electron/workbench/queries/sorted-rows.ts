import type { Tone } from '#shared/ipc/queries.ts'
import type { Matcher } from './filter.ts'
import type { Order } from './order.ts'
import type { RowRecord } from './record.ts'

/** What became of one uid: the record that the rows hold, if they do, and the one that they shall hold. */
export interface Change {
  before: RowRecord | undefined
  after: RowRecord | undefined
}

const everything: Matcher = () => true

/**
 * Records in order, and those that pass a filter. A change costs a bisection; a new filter costs a pass and no sort, since
 * all are kept in order; only a new order sorts.
 */
export class SortedRows {
  #order: Order
  #matches: Matcher = everything
  #narrows: Matcher | undefined
  /** All in order; those that match; those of them that the narrowing leaves. The same array where nothing is left out. */
  #all: RowRecord[] = []
  #matching: RowRecord[] = []
  #shown: RowRecord[] = []
  /** Of what matches, before narrowing. */
  readonly tones: Record<Tone, number> = { ok: 0, busy: 0, warn: 0, bad: 0, off: 0 }

  constructor(order: Order) {
    this.#order = order
  }

  /** All, and those that pass. */
  get total(): number {
    return this.#all.length
  }
  get length(): number {
    return this.#shown.length
  }

  slice(offset: number, count: number): readonly RowRecord[] {
    return this.#shown.slice(offset, offset + count)
  }

  replace(all: Iterable<RowRecord>, order: Order, matches = this.#matches, narrows = this.#narrows): void {
    this.#order = order
    this.#all = [...all].sort(order)
    this.filter(matches, narrows)
  }

  /** `within`: nothing can match that did not match before. */
  filter(matches: Matcher, narrows?: Matcher, within = false): void {
    this.#matches = matches
    this.#narrows = narrows
    this.#matching = (within ? this.#matching : this.#all).filter(matches)
    this.#shown = narrows ? this.#matching.filter(narrows) : this.#matching
    this.#count()
  }

  update(changes: Iterable<Change>): void {
    const removed: RowRecord[] = []
    const added: RowRecord[] = []
    for (const { before, after } of changes) {
      if (before) removed.push(before)
      if (after) added.push(after)
    }
    removed.sort(this.#order)
    added.sort(this.#order)
    this.#all = this.#spliced(this.#all, removed, added)
    const [left, came] = [removed.filter(this.#matches), added.filter(this.#matches)]
    for (const { row } of left) this.tones[row.tone]--
    for (const { row } of came) this.tones[row.tone]++
    this.#matching = this.#spliced(this.#matching, left, came)
    const narrows = this.#narrows
    this.#shown = narrows ? this.#spliced(this.#shown, left.filter(narrows), came.filter(narrows)) : this.#matching
  }

  /**
   * The rows without some and with others, each in order. Places are found by bisection and what is between is copied
   * unseen: looking at every one of 100,000 records would take a hundred times as long.
   */
  #spliced(rows: readonly RowRecord[], removed: readonly RowRecord[], added: readonly RowRecord[]): RowRecord[] {
    const gone = removed.map((record) => this.#position(rows, record)).filter((at, i) => rows[at] === removed[i])
    const result: RowRecord[] = []
    let from = 0
    let next = 0
    const copyTo = (end: number) => {
      for (; from < end; from++) {
        if (from === gone[next]) next++
        else result.push(rows[from]!)
      }
    }
    for (const record of added) {
      copyTo(this.#position(rows, record))
      result.push(record)
    }
    copyTo(rows.length)
    return result
  }

  /** Where a record stands, or would. */
  #position(rows: readonly RowRecord[], record: RowRecord): number {
    let low = 0
    let high = rows.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#order(rows[middle]!, record) < 0) low = middle + 1
      else high = middle
    }
    return low
  }

  #count(): void {
    for (const tone of Object.keys(this.tones) as Tone[]) this.tones[tone] = 0
    for (const { row } of this.#matching) this.tones[row.tone]++
  }
}
