import { computed, ref, shallowReactive, watch, type ComputedRef } from 'vue'
import { refOf } from '../../data/kinds.ts'
import type { LiveQuery } from '../../data/useQuery.ts'
import type { ObjectTarget } from '../../app/target.ts'
import type { ResourceInfo } from '#shared/ipc/contexts.ts'
import type { Row } from '#shared/ipc/queries.ts'

export const targetOf = (context: string, kind: ResourceInfo, row: Row): ObjectTarget => ({
  context,
  resource: refOf(kind),
  ...(row.namespace ? { namespace: row.namespace } : {}),
  name: row.name,
  uid: row.uid,
})

export interface RowCursor {
  /** Index of the row that keys act on; -1 for none. */
  readonly index: ComputedRef<number>
  readonly current: ComputedRef<Row | undefined>
  readonly selected: ReadonlyMap<string, Row>
  to(index: number): void
  toggle(index: number, extend: boolean): void
  selectReach(): void
  clear(): void
  reset(): void
}

/**
 * The cursor stays on its row when rows move around it, and on its place when the row goes away. The selection keeps
 * the rows themselves, so it may reach beyond what is in the window.
 */
export function useRows(query: LiveQuery): RowCursor {
  const place = ref(-1)
  const uid = ref<string>()
  let anchor = -1
  const selected = shallowReactive(new Map<string, Row>())

  watch(query.state, (state) => {
    if (place.value < 0) return
    const found = uid.value === undefined ? -1 : state.rows.findIndex((row) => row?.uid === uid.value)
    if (found >= 0) {
      place.value = state.offset + found
    } else {
      place.value = Math.min(place.value, state.matching - 1)
      uid.value = query.rowAt(place.value)?.uid ?? uid.value
    }
    for (const row of state.rows) if (row && selected.has(row.uid)) selected.set(row.uid, row)
  })

  const index = computed(() => place.value)
  const to = (wanted: number): void => {
    const last = query.state.value.matching - 1
    place.value = last < 0 ? -1 : Math.max(0, Math.min(last, wanted))
    anchor = place.value
    uid.value = query.rowAt(place.value)?.uid
  }
  return {
    index,
    current: computed(() => (place.value < 0 ? undefined : query.rowAt(place.value))),
    selected,
    to,
    toggle(at, extend) {
      const start = extend && anchor >= 0 ? anchor : at
      const rows: Row[] = []
      for (let i = Math.min(start, at); i <= Math.max(start, at); i++) {
        const row = query.rowAt(i)
        if (row) rows.push(row)
      }
      const last = query.rowAt(at)
      const removing = !extend && last !== undefined && selected.has(last.uid)
      for (const row of rows) {
        if (removing) selected.delete(row.uid)
        else selected.set(row.uid, row)
      }
      const keep = extend ? start : at
      to(at)
      anchor = keep
    },
    selectReach() {
      for (const row of query.rows.value) selected.set(row.uid, row)
    },
    clear: () => selected.clear(),
    reset() {
      selected.clear()
      place.value = -1
      uid.value = undefined
      anchor = -1
    },
  }
}
