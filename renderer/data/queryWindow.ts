import type { ColumnInfo, Freshness, QueryMessage, QuerySort, Row, Tone } from '#shared/ipc/queries.ts'

/** What the renderer knows of a live query: totals, and the rows of one window. Immutable; each message makes a new one. */
export interface QueryState {
  readonly columns: readonly ColumnInfo[]
  readonly total: number
  readonly matching: number
  readonly offset: number
  readonly rows: readonly (Row | undefined)[]
  readonly tones: Readonly<Record<Tone, number>>
  readonly freshness: Freshness
  readonly sort: QuerySort | undefined
  readonly filterProblem: string | undefined
  /** False until the first message. */
  readonly answered: boolean
}

export const emptyQuery: QueryState = {
  columns: [],
  total: 0,
  matching: 0,
  offset: 0,
  rows: [],
  tones: { ok: 0, busy: 0, warn: 0, bad: 0, off: 0 },
  freshness: { state: 'loading', loaded: 0 },
  sort: undefined,
  filterProblem: undefined,
  answered: false,
}

/** Keeps the very row objects that did not change, so that only changed rows are drawn again. */
export function applyMessage(state: QueryState, message: QueryMessage): QueryState {
  const known = new Map<string, Row>()
  for (const row of state.rows) if (row) known.set(row.uid, row)
  for (const row of message.rows) known.set(row.uid, row)
  return {
    columns: message.columns ?? state.columns,
    total: message.total,
    matching: message.matching,
    offset: message.offset,
    rows: message.uids.map((uid) => known.get(uid)),
    tones: message.tones,
    freshness: message.freshness,
    sort: message.sort ?? state.sort,
    filterProblem: message.filterProblem,
    answered: true,
  }
}

export const rowAt = (state: QueryState, index: number): Row | undefined => state.rows[index - state.offset]

export interface Window {
  offset: number
  count: number
}

/**
 * Rows asked for beyond the view: at rest on both sides, while scrolling ahead (some six frames of dragging ten thousand rows
 * past in three seconds) and behind. Asked again when half of them are used up.
 */
const margins = { rest: 170, ahead: 300, behind: 60 }
const most = 500

/**
 * The window to ask for so that the given rows are in it, or undefined while the present one still does. `towards`: above
 * zero scrolling down, below zero up.
 */
export function windowFor(
  present: Window,
  first: number,
  last: number,
  matching: number,
  towards = 0,
): Window | undefined {
  const { rest, ahead, behind } = margins
  const before = towards === 0 ? rest : towards < 0 ? ahead : behind
  const after = towards === 0 ? rest : towards > 0 ? ahead : behind
  const low = Math.max(0, first - before / 2)
  const high = Math.min(matching, last + after / 2)
  if (low >= present.offset && high <= present.offset + present.count) return undefined
  const offset = Math.max(0, first - before)
  return { offset, count: Math.min(most, last + after - offset) }
}
