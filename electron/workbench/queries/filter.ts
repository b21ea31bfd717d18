import vm from 'node:vm'
import type { QueryFilter } from '#shared/ipc/queries.ts'
import type { Labels, RowRecord } from './record.ts'

export type Matcher = (record: RowRecord) => boolean

export interface Filter {
  /** Text and labels. */
  matches: Matcher
  /** Tones, which choose among what matches. */
  narrows: Matcher | undefined
  /** Matching takes as long as the person's expression makes it: run it within {@link bounded}. */
  risky: boolean
  /** Why the filter is not what it seems. */
  problem?: string
}

export type ParseLabels = (selector: string) => (labels: Labels) => boolean

/** What stands between slashes. */
const patternOf = (text: string): string | undefined => /^\/(.+)\/$/s.exec(text.trim())?.[1]

/** A filter as typed. What is unfinished says so and does the next best thing rather than failing. */
export function filterOf(filter: QueryFilter, parseLabels: ParseLabels): Filter {
  const tests: Matcher[] = []
  const problems: string[] = []
  const pattern = patternOf(filter.text)
  const expression = pattern === undefined ? undefined : compile(pattern)
  if (expression)
    tests.push(
      ({ search, labelSearch }) => expression.test(search) || (labelSearch !== '' && expression.test(labelSearch)),
    )
  else tests.push(...words(filter.text))
  if (pattern !== undefined && !expression)
    problems.push(`/${pattern}/ is not a regular expression yet: it is looked for as text.`)
  if (filter.labels.trim()) {
    try {
      const selects = parseLabels(filter.labels)
      tests.push(({ labels }) => selects(labels ?? {}))
    } catch (error) {
      tests.push(() => false)
      problems.push((error as Error).message)
    }
  }
  const { tones = [], faultsOnly } = filter
  const narrows: Matcher | undefined =
    tones.length || faultsOnly
      ? ({ row: { tone } }) =>
          (!tones.length || tones.includes(tone)) && (!faultsOnly || tone === 'warn' || tone === 'bad')
      : undefined
  return {
    matches: all(tests),
    narrows,
    risky: expression !== undefined,
    ...(problems.length ? { problem: problems.join(' ') } : {}),
  }
}

/** What becomes of a filter whose expression took too long: nothing passes, and it says why. */
export function withoutExpression(filter: QueryFilter, parseLabels: ParseLabels): Filter {
  const { narrows } = filterOf({ ...filter, text: '' }, parseLabels)
  return { matches: () => false, narrows, risky: false, problem: 'This expression takes too long: simplify it.' }
}

const wordsOf = (text: string): string[] => text.toLowerCase().split(/\s+/).filter(Boolean)

const words = (text: string): Matcher[] =>
  wordsOf(text).map(
    (word): Matcher =>
      ({ search, labelSearch }) =>
        search.includes(word) || labelSearch.includes(word),
  )

/**
 * Whether nothing can match `next` that did not match `before`, as while a word is typed: each word of before is part of one
 * of next. (Tones choose among what matches and do not count.)
 */
export function refines(next: QueryFilter, before: QueryFilter): boolean {
  if (next.labels.trim() !== before.labels.trim() || patternOf(next.text) || patternOf(before.text)) return false
  const longer = wordsOf(next.text)
  return wordsOf(before.text).every((word) => longer.some((one) => one.includes(word)))
}

function all(tests: readonly Matcher[]): Matcher {
  const [first, second] = tests
  if (!first) return () => true
  if (!second) return first
  return (record) => tests.every((test) => test(record))
}

/** Lines are the row's texts, so `^` and `$` mean the ends of a name or cell. */
function compile(source: string): RegExp | undefined {
  try {
    return new RegExp(source, 'im')
  } catch {
    return undefined
  }
}

const box: { work?: () => void } = vm.createContext({})
const script = new vm.Script('work()')

/**
 * Runs what may never end (a regular expression can take longer than the universe lasts); false when it did not end in
 * time.
 */
export function bounded(work: () => void, ms = 100): boolean {
  box.work = work
  try {
    script.runInContext(box, { timeout: ms })
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_SCRIPT_EXECUTION_TIMEOUT') return false
    throw error
  } finally {
    delete box.work
  }
}
