/** Completion indexes as status writes them: `0,2-4`. Intervals are in order and do not touch. */
export interface Interval {
  readonly first: number
  readonly last: number
}
export type Intervals = readonly Interval[]

const wholeNumber = /^[-+]?\d+$/

/** What is not below `completions` is left out: indexed jobs may shrink. What cannot be read is skipped. */
export function parseIndexes(text: string | undefined, completions: number): Intervals {
  const result: { first: number; last: number }[] = []
  for (const part of text ? text.split(',') : []) {
    const [low, high = low] = part.split('-') as [string, string?]
    if (!wholeNumber.test(low)) continue
    const first = Number(low)
    if (first >= completions) break
    if (!wholeNumber.test(high)) continue
    const last = Math.min(Number(high), completions - 1)
    const before = result.at(-1)
    if (before?.last === first - 1) before.last = last
    else result.push({ first, last })
  }
  return result
}

export const formatIndexes = (intervals: Intervals): string =>
  intervals
    .map(({ first, last }) => (last === first ? `${first}` : `${first}${last === first + 1 ? ',' : '-'}${last}`))
    .join(',')

export function mergeIndexes(a: Intervals, b: Intervals): Intervals {
  const result: { first: number; last: number }[] = []
  let [i, j] = [0, 0]
  while (i < a.length || j < b.length) {
    const left = a[i]
    const right = b[j]
    const fromLeft = left !== undefined && (right === undefined || left.first < right.first)
    const { first, last } = (fromLeft ? left : right)!
    if (fromLeft) i++
    else j++
    const before = result.at(-1)
    if (!before || first > before.last + 1) result.push({ first, last })
    else if (before.last < last) before.last = last
  }
  return result
}

export const withIndexes = (intervals: Intervals, indexes: Iterable<number>): Intervals =>
  mergeIndexes(
    intervals,
    [...new Set(indexes)].sort((a, b) => a - b).map((index) => ({ first: index, last: index })),
  )

export const countIndexes = (intervals: Intervals): number =>
  intervals.reduce((count, { first, last }) => count + last - first + 1, 0)

export function hasIndex(intervals: Intervals, index: number): boolean {
  let [low, high] = [0, intervals.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if (intervals[middle]!.last >= index) high = middle
    else low = middle + 1
  }
  const found = intervals[low]
  return found !== undefined && found.first <= index
}

/** How many indexes are in both. */
export function countCommon(a: Intervals, b: Intervals): number {
  let count = 0
  for (let i = 0, j = 0; i < a.length && j < b.length;) {
    const left = a[i]!
    const right = b[j]!
    count += Math.max(0, Math.min(left.last, right.last) - Math.max(left.first, right.first) + 1)
    if (left.last <= right.last) i++
    if (right.last <= left.last) j++
  }
  return count
}

/** The lowest `count` indexes below `completions` that are in none of `taken`. */
export function firstFree(taken: Intervals, count: number, completions: number): number[] {
  const free: number[] = []
  let candidate = 0
  for (const { first, last } of [...taken, { first: completions, last: completions }]) {
    for (; candidate < Math.min(first, completions) && free.length < count; candidate++) free.push(candidate)
    candidate = Math.max(candidate, last + 1)
  }
  return free
}
