import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { pods } from '#shared/kube/resources.ts'
import { withSetup, type Mounted } from '../../data/testing/mounted.ts'
import { useQuery, type LiveQuery } from '../../data/useQuery.ts'
import { useRows, type RowCursor } from './useRows.ts'

let mounted: Mounted<{ query: LiveQuery; rows: RowCursor }>
const until = (check: () => void) => vi.waitFor(check, { timeout: 20_000 })
beforeEach(async () => {
  mounted = withSetup(() => {
    const query = useQuery(() => ({ context: 'builtin', resource: pods, filter: { text: 'hello' } }))
    return { query, rows: useRows(query) }
  })
  await vi.waitUntil(() => mounted.result.query.rows.value.length === 5, { timeout: 20_000 })
})
afterEach(() => mounted.unmount())

it('stays on its row when rows before it go away', async () => {
  const { query, rows } = mounted.result
  rows.to(3)
  const { uid } = rows.current.value!
  mounted.workbench.cluster.delete('pods', query.rowAt(0)!.uid)
  await until(() => expect(rows.index.value).toBe(2))
  expect(rows.current.value!.uid).toBe(uid)
})

it('stays in its place when its own row goes away, so that a key never jumps far', async () => {
  const { rows } = mounted.result
  rows.to(1)
  mounted.workbench.cluster.delete('pods', rows.current.value!.uid)
  await until(() => expect(mounted.result.query.rows.value).toHaveLength(4))
  expect(rows.index.value).toBe(1)
  expect(rows.current.value).toBeDefined()
})

it('never goes beyond the ends', () => {
  const { rows } = mounted.result
  rows.to(99)
  expect(rows.index.value).toBe(4)
  rows.to(-7)
  expect(rows.index.value).toBe(0)
})

it('selects from where one began to where one is, and lets go of one', () => {
  const { rows } = mounted.result
  rows.toggle(1, false)
  rows.toggle(3, true)
  expect(rows.selected.size).toBe(3)
  rows.toggle(2, false)
  expect(rows.selected.size).toBe(2)
})
