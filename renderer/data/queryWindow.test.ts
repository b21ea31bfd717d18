// @vitest-environment node
import { expect, it } from 'vitest'
import type { QueryMessage, Row } from '#shared/ipc/queries.ts'
import { applyMessage, emptyQuery, rowAt, windowFor } from './queryWindow.ts'

const row = (uid: string, name = uid): Row => ({
  uid,
  name,
  namespace: 'default',
  created: 0,
  cells: [],
  tone: 'ok',
  deleting: false,
})
const message = (some: Partial<QueryMessage>): QueryMessage => ({
  total: 100,
  matching: 100,
  offset: 0,
  uids: [],
  rows: [],
  tones: { ok: 100, busy: 0, warn: 0, bad: 0, off: 0 },
  freshness: { state: 'live' },
  ...some,
})

it('keeps the very objects of rows that did not change, so that they are not drawn again', () => {
  const before = applyMessage(emptyQuery, message({ uids: ['a', 'b'], rows: [row('a'), row('b')] }))
  const after = applyMessage(before, message({ uids: ['b', 'a'], rows: [row('a', 'renamed')] }))
  expect(after.rows[0]).toBe(before.rows[1])
  expect(after.rows[1]).toMatchObject({ name: 'renamed' })
})

it('counts places from the start of all rows, not of the window', () => {
  const state = applyMessage(emptyQuery, message({ offset: 40, uids: ['x'], rows: [row('x')] }))
  expect(rowAt(state, 40)?.uid).toBe('x')
  expect(rowAt(state, 0)).toBeUndefined()
})

it('keeps the columns until others are sent', () => {
  const columns = [{ id: 'ready', title: 'Ready', kind: 'ratio' as const, priority: 0 }]
  const state = applyMessage(applyMessage(emptyQuery, message({ columns })), message({}))
  expect(state.columns).toBe(columns)
})

const none = { offset: 0, count: 0 }

it('asks for a window around what is in view, and for nothing more while the view stays well within it', () => {
  const next = windowFor(none, 1000, 1040, 100_000)!
  expect(next.offset).toBeLessThan(1000)
  expect(next.offset + next.count).toBeGreaterThan(1040)
  expect(windowFor(next, 1000, 1040, 100_000)).toBeUndefined()
  expect(windowFor(next, 1010, 1050, 100_000)).toBeUndefined()
})

it('asks again before the edge is reached, so that no blank row shows', () => {
  const present = windowFor(none, 1000, 1040, 100_000)!
  const end = present.offset + present.count
  expect(windowFor(present, end - 50, end - 10, 100_000)).toBeDefined()
})

it('looks ahead where one scrolls: more rows on that side, and sooner, in a window no larger', () => {
  const still = windowFor(none, 1000, 1040, 100_000)!
  const down = windowFor(none, 1000, 1040, 100_000, 30)!
  const up = windowFor(none, 1000, 1040, 100_000, -30)!
  const end = ({ offset, count }: { offset: number; count: number }) => offset + count
  expect(end(down)).toBeGreaterThan(end(still))
  expect(up.offset).toBeLessThan(still.offset)
  for (const moving of [down, up]) expect(moving.count).toBeLessThanOrEqual(still.count + 20)
  expect(windowFor(still, 1060, 1100, 100_000, 30)).toBeDefined()
  expect(windowFor(still, 1060, 1100, 100_000)).toBeUndefined()
})

it('does not ask for rows behind the last one', () => {
  expect(windowFor({ offset: 0, count: 110 }, 80, 110, 110)).toBeUndefined()
})

it('never asks for more than the contract allows', () => {
  expect(windowFor({ offset: 0, count: 10 }, 0, 900, 100_000)!.count).toBeLessThanOrEqual(500)
})
