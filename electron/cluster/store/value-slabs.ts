import type { Entry } from './api.ts'

const slabSize = 256 * 1024
/** Larger values get memory of their own: the unused tail of a slab stays below an eighth. */
const largestShared = slabSize / 8
/** A full slab with a smaller live share is emptied. A higher share copies more, a lower one wastes more. */
const leastLiveShare = 0.75

interface Slab {
  readonly memory: Buffer
  used: number
  live: number
  /** Everything placed here, also what has been released or moved since. */
  readonly entries: StoredEntry[]
}

/** An entry whose value lies in a slab. */
export class StoredEntry implements Entry {
  readonly key: string
  value: Buffer
  readonly revision: number
  readonly created: number
  derived: unknown = undefined
  slab: Slab | undefined = undefined

  constructor(key: string, value: Buffer, revision: number, created: number) {
    this.key = key
    this.value = value
    this.revision = revision
    this.created = created
  }
}

/**
 * The memory of the values. An ArrayBuffer per value would cost some 300 bytes each beyond the value, and Node's own pool
 * lets one small survivor pin its neighbours; here values share slabs, and a slab that is mostly garbage is emptied by
 * moving its survivors, so at most a quarter of the memory is waste.
 */
export class ValueSlabs {
  #current: Slab = newSlab()

  /** Copies the entry's value into a slab and points the entry there. */
  place(entry: StoredEntry): void {
    const size = entry.value.length
    if (size > largestShared) {
      entry.slab = undefined
      entry.value = copyInto(Buffer.allocUnsafeSlow(size), 0, entry.value)
      return
    }
    if (this.#current.used + size > slabSize) {
      const full = this.#current
      this.#current = newSlab()
      this.#emptyWhenMostlyGarbage(full)
    }
    const slab = this.#current
    entry.value = copyInto(slab.memory, slab.used, entry.value)
    entry.slab = slab
    slab.used += size
    slab.live += size
    slab.entries.push(entry)
  }

  /** The entry is part neither of the state nor of the history any more. Its value stays readable. */
  release(entry: StoredEntry): void {
    const slab = entry.slab
    if (!slab) return
    entry.slab = undefined
    slab.live -= entry.value.length
    this.#emptyWhenMostlyGarbage(slab)
  }

  #emptyWhenMostlyGarbage(slab: Slab): void {
    if (slab === this.#current || slab.live >= slab.used * leastLiveShare) return
    const survivors = slab.entries.filter((entry) => entry.slab === slab)
    slab.entries.length = 0
    for (const entry of survivors) this.place(entry)
  }
}

const newSlab = (): Slab => ({ memory: Buffer.allocUnsafeSlow(slabSize), used: 0, live: 0, entries: [] })

function copyInto(target: Buffer, offset: number, value: Buffer): Buffer {
  target.set(value, offset)
  return target.subarray(offset, offset + value.length)
}
