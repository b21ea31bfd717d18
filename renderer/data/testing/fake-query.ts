import type { StreamParams } from '#shared/ipc/contract.ts'
import type { Freshness, QueryMessage, QuerySort, Row, Tone } from '#shared/ipc/queries.ts'
import { matches, parseSelector } from './fake-selectors.ts'
import type { FakeCluster, FakeObject } from './fake-cluster.ts'
import { fakeShape } from './fake-columns.ts'

type Params = StreamParams<'query.open'>
export type QueryChange = Partial<Pick<Params, 'namespaces' | 'filter' | 'sort' | 'window' | 'question'>>

export interface FakeQuery {
  change(change: QueryChange): void
  stop(): void
}

interface Known {
  object: FakeObject
  row: Row
  search: string
}

/** One live query over the fake cluster, as the workbench runs it: a window, totals, tones, changed rows only. */
export function fakeQuery(
  cluster: FakeCluster,
  kind: string,
  first: Params,
  freshness: () => Freshness,
  send: (message: QueryMessage) => void,
): FakeQuery {
  let params = first
  const shape = fakeShape(kind)
  const known = new Map<string, Known>()
  let sorted: Known[] = []
  let total = 0
  let tones: Record<Tone, number> = { ok: 0, busy: 0, warn: 0, bad: 0, off: 0 }
  let dirty = true
  let sent = new Map<string, Row>()
  let columnsSent = false
  let timer: ReturnType<typeof setTimeout> | undefined

  function learn(uid: string): void {
    const object = cluster.all(kind).get(uid)
    if (!object) {
      known.delete(uid)
      return
    }
    const { name, namespace = '', creationTimestamp, deletionTimestamp } = object.metadata
    const cells = shape.cells(object)
    const row: Row = {
      uid,
      name,
      namespace,
      created: Date.parse(creationTimestamp ?? ''),
      cells,
      tone: shape.tone(object),
      deleting: deletionTimestamp !== undefined,
    }
    known.set(uid, { object, row, search: [name, namespace, ...cells].join('\n').toLowerCase() })
  }

  const inScope = ({ object }: Known): boolean =>
    (!params.namespaces.length ||
      !params.resource.namespaced ||
      params.namespaces.includes(object.metadata.namespace ?? '')) &&
    (!params.ownerUid || (object.metadata.ownerReferences ?? []).some(({ uid }) => uid === params.ownerUid)) &&
    (!params.labelSelector || matches(parseSelector(params.labelSelector), object.metadata.labels)) &&
    (!params.fieldSelector ||
      params.fieldSelector.split(',').every((term) => fieldOf(object, term.split('=')[0]!) === term.split('=')[1]))

  function compare(sort: QuerySort): (a: Known, b: Known) => number {
    const collator = new Intl.Collator('en', { numeric: true })
    const index = shape.columns.findIndex(({ id }) => id === sort.column)
    const ageLike = shape.columns[index]?.kind === 'age'
    const sign = (sort.descending ? -1 : 1) * (ageLike ? -1 : 1)
    const value = ({ row }: Known) =>
      index < 0 ? (sort.column === 'namespace' ? row.namespace : row.name) : (row.cells[index] ?? '')
    return (a, b) => {
      const [left, right] = [value(a), value(b)]
      return (
        sign *
        (typeof left === 'number' && typeof right === 'number'
          ? left - right
          : collator.compare(String(left), String(right)))
      )
    }
  }

  function say(): void {
    timer = undefined
    const { filter, window } = params
    const sort = params.sort ?? { column: 'name', descending: false }
    const words = (filter.text ?? '').toLowerCase().split(/\s+/).filter(Boolean)
    if (dirty) {
      const scope = [...known.values()].filter(inScope)
      total = scope.length
      const labels = parseSelector(filter.labels ?? '')
      const base = scope.filter(
        ({ search, object }) => words.every((word) => search.includes(word)) && matches(labels, object.metadata.labels),
      )
      tones = { ok: 0, busy: 0, warn: 0, bad: 0, off: 0 }
      for (const { row } of base) tones[row.tone]++
      sorted = base
        .filter(
          ({ row }) =>
            (!filter.faultsOnly || row.tone === 'warn' || row.tone === 'bad') &&
            (!filter.tones?.length || filter.tones.includes(row.tone)),
        )
        .sort(compare(sort))
      dirty = false
    }
    const rows = sorted.slice(window.offset, window.offset + window.count).map(({ row }) => row)
    send({
      ...(columnsSent ? {} : { columns: shape.columns }),
      question: params.question,
      total,
      matching: sorted.length,
      offset: window.offset,
      uids: rows.map(({ uid }) => uid),
      rows: rows.filter((row) => sent.get(row.uid) !== row),
      sort,
      tones: { ...tones },
      freshness: freshness(),
    })
    columnsSent = true
    sent = new Map(rows.map((row) => [row.uid, row]))
  }

  const schedule = (): void => void (timer ??= setTimeout(say, 16))
  for (const uid of cluster.all(kind).keys()) learn(uid)
  const off = cluster.onChange(kind, (touched) => {
    for (const uid of touched) learn(uid)
    dirty = true
    schedule()
  })
  schedule()
  return {
    change(change) {
      params = { ...params, ...change }
      if (change.filter || change.sort || change.namespaces) dirty = true
      clearTimeout(timer)
      timer = setTimeout(say, 4)
    },
    stop() {
      clearTimeout(timer)
      off()
    },
  }
}

function fieldOf(object: FakeObject, path: string): string {
  let value: unknown = object
  for (const part of path.split('.')) value = (value as Record<string, unknown> | undefined)?.[part]
  return String(value ?? '')
}
