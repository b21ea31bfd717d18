import type { AllRows, ColumnInfo, QueryMessage, QueryScope, Row } from '#shared/ipc/queries.ts'
import type { Outlet } from '../channel/server.ts'
import { Failure } from '../failure.ts'
import { runQuery, type QueryDependencies } from './query.ts'

/** Every row of a query, in order, once the list is whole: what is exported is what the table would show. */
export async function allRows(
  scope: QueryScope,
  signal: AbortSignal,
  dependencies: QueryDependencies,
): Promise<AllRows> {
  const done = new AbortController()
  let columns: ColumnInfo[] = []
  let rows: Row[] = []
  let refusal: Failure | undefined
  const outlet: Outlet<QueryMessage, never> = {
    send({ columns: told, uids, rows: fresh, freshness }) {
      columns = told ?? columns
      // A row is told once, and not again when the list goes on.
      const known = new Map([...rows, ...fresh].map((row) => [row.uid, row]))
      rows = uids.map((uid) => known.get(uid)!)
      if (freshness.state === 'loading') return
      if (freshness.state === 'forbidden') refusal = new Failure('Forbidden', freshness.message, undefined, 403)
      if (freshness.state === 'failed') refusal = new Failure('Unreachable', freshness.message, freshness.cure)
      done.abort()
    },
    onMessage: () => {},
    signal: AbortSignal.any([signal, done.signal]),
    congested: false,
    clear: () => Promise.resolve(),
  }
  await runQuery({ ...scope, window: { offset: 0, count: Infinity } }, outlet, dependencies)
  if (refusal) throw refusal
  if (signal.aborted) throw new Failure('Cancelled', 'no longer wanted')
  return { columns, rows }
}
