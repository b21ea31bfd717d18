/** Chunks split at this size: an insert moves at most so many references. */
const chunkLimit = 512

/**
 * Items ordered by key: a list of sorted chunks. Lookup is two binary searches, an insert moves part of one chunk, and a
 * range costs what it returns.
 */
export class OrderedIndex<T extends { readonly key: string }> {
  #chunks: T[][] = []

  get(key: string): T | undefined {
    const chunk = this.#chunks[this.#chunkOf(key)]
    const item = chunk?.[lowerBound(chunk, key)]
    return item?.key === key ? item : undefined
  }

  /** Adds the item or replaces the one with the same key. */
  set(item: T): void {
    const at = this.#chunkOf(item.key)
    const chunk = this.#chunks[at]
    if (!chunk) {
      this.#chunks.push([item])
      return
    }
    const position = lowerBound(chunk, item.key)
    if (chunk[position]?.key === item.key) {
      chunk[position] = item
      return
    }
    if (position === chunk.length) chunk.push(item)
    else chunk.splice(position, 0, item)
    if (chunk.length > chunkLimit) {
      // Keys that arrive in order (loading, generated names) leave full chunks behind instead of halves.
      const keep = position === chunk.length - 1 ? chunk.length - 1 : chunk.length >> 1
      this.#chunks.splice(at + 1, 0, chunk.splice(keep))
    }
  }

  delete(key: string): void {
    const at = this.#chunkOf(key)
    const chunk = this.#chunks[at]
    if (!chunk) return
    const position = lowerBound(chunk, key)
    if (chunk[position]?.key !== key) return
    chunk.splice(position, 1)
    if (!chunk.length) this.#chunks.splice(at, 1)
  }

  /** Items whose key starts with the prefix and is greater than `after`. */
  range(prefix: string, after = '', limit = Infinity): T[] {
    const items: T[] = []
    let [at, position] = this.#seek(after >= prefix ? after : prefix, after >= prefix)
    for (let chunk = this.#chunks[at]; chunk && items.length < limit; chunk = this.#chunks[++at]) {
      const stop = endOf(chunk, position, prefix)
      const last = Math.min(stop, position + limit - items.length)
      for (; position < last; position++) items.push(chunk[position]!)
      if (stop < chunk.length) break
      position = 0
    }
    return items
  }

  /** How many items `range` would return. */
  count(prefix: string, after = ''): number {
    let [at, position] = this.#seek(after >= prefix ? after : prefix, after >= prefix)
    let count = 0
    for (let chunk = this.#chunks[at]; chunk; chunk = this.#chunks[++at]) {
      const stop = endOf(chunk, position, prefix)
      count += Math.max(0, stop - position)
      if (stop < chunk.length) break
      position = 0
    }
    return count
  }

  /** Where the first key not less than this one is (or the first greater one). */
  #seek(key: string, exclusive: boolean): [chunk: number, position: number] {
    const at = this.#chunkOf(key)
    const chunk = this.#chunks[at]
    if (!chunk) return [at, 0]
    const position = lowerBound(chunk, key)
    return [at, exclusive && chunk[position]?.key === key ? position + 1 : position]
  }

  /** The last chunk that starts at or before the key, or the first. */
  #chunkOf(key: string): number {
    let low = 0
    let high = this.#chunks.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#chunks[middle]![0]!.key <= key) low = middle + 1
      else high = middle
    }
    return Math.max(0, low - 1)
  }
}

function lowerBound<T extends { readonly key: string }>(chunk: readonly T[], key: string): number {
  let low = 0
  let high = chunk.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (chunk[middle]!.key < key) low = middle + 1
    else high = middle
  }
  return low
}

/** Where the items under the prefix end that begin at `from`; the common case, the chunk's end, costs one comparison. */
function endOf<T extends { readonly key: string }>(chunk: readonly T[], from: number, prefix: string): number {
  if (chunk[chunk.length - 1]!.key.startsWith(prefix)) return chunk.length
  let low = from
  let high = chunk.length - 1
  while (low < high) {
    const middle = (low + high) >>> 1
    if (chunk[middle]!.key.startsWith(prefix)) low = middle + 1
    else high = middle
  }
  return low
}
