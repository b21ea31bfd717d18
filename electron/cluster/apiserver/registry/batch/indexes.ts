/** Indexes of a job's pods, written as `1,3-5`. */
interface Interval {
  readonly low: number
  readonly high: number
}

/** Source: parseIndexInterval. A text when it cannot be read. */
function parseInterval(text: string, completions: number): Interval | string {
  const ends = text.split('-')
  if (ends.length > 2) {
    return `the fragment ${JSON.stringify(text)} violates the requirement that an index interval can have at most two parts separated by '-'`
  }
  for (const end of ends) {
    if (!/^\+?\d+$/.test(end)) return `cannot convert string to integer for index: ${JSON.stringify(end)}`
    if (Number(end) >= completions) return `too large index: ${JSON.stringify(end)}`
  }
  const [low, high] = [Number(ends[0]), Number(ends.at(-1))]
  return ends.length === 2 && low >= high ? order(low, high) : { low, high }
}

const order = (previous: number, current: number): string =>
  `non-increasing order, previous: ${previous}, current: ${current}`

/** How many indexes the text names; a text when it cannot be read. Source: validateIndexesFormat. */
export function countIndexes(text: string, completions: number): number | string {
  if (!text) return 0
  let count = 0
  let last = -1
  for (const part of text.split(',')) {
    const interval = parseInterval(part, completions)
    if (typeof interval === 'string') return interval
    const { low, high } = interval
    if (low <= last) return order(last, low)
    count += high - low + 1
    last = high
  }
  return count
}

/** The first index that is in both. Source: validateFailedIndexesNotOverlapCompleted. */
export function overlapOf(completed: string, failed: string, completions: number): number | undefined {
  const read = (text: string) =>
    text.split(',').flatMap((part) => {
      const interval = parseInterval(part, completions)
      return typeof interval === 'string' ? [] : [interval]
    })
  const good = read(completed)
  const bad = read(failed)
  for (let i = 0, j = 0; i < good.length && j < bad.length;) {
    const [a, b] = [good[i]!, bad[j]!]
    if (a.low <= b.high && b.low <= a.high) return Math.max(a.low, b.low)
    if (a.low <= b.low) i++
    else j++
  }
  return undefined
}
