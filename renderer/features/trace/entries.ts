import { cellOf, textOf } from '../../data/cells.ts'
import type { ColumnInfo, Row, Tone } from '#shared/ipc/queries.ts'
import { parentOfTrace, traceTone } from '#shared/kube/summaries/trace.ts'
import type { Trace } from '#shared/kube/trace.ts'

export interface Reference {
  kind: string
  name: string
}

/** A trace as it is drawn. */
export interface Entry {
  uid: string
  id: string
  /** What all of it began with. */
  root: string
  /** `namespace/name` of the trace that it came of. */
  parent: string | undefined
  depth: number
  /** Milliseconds since the epoch. */
  time: number
  namespace: string
  user: string
  component: string
  action: string
  object: Reference
  cause: Reference | undefined
  change: string
  failed: boolean
  tone: Tone
}

/** Of a row of a query. */
export function entryOf(columns: readonly ColumnInfo[], row: Row): Entry {
  const text = (id: string): string => textOf(columns, row, id)
  const time = cellOf(columns, row, 'time')
  return {
    uid: row.uid,
    id: text('id'),
    root: text('root'),
    parent: text('parent') || undefined,
    depth: Number(cellOf(columns, row, 'depth') ?? 0),
    time: typeof time === 'number' ? time : row.created,
    namespace: row.namespace,
    user: text('user'),
    component: text('by'),
    action: text('action'),
    object: referenceOf(text('object')) ?? { kind: '', name: row.name },
    cause: referenceOf(text('cause')),
    change: text('change'),
    failed: text('failed') !== '',
    tone: row.tone,
  }
}

/** Of the object itself. */
export function entryOfTrace(trace: Trace): Entry {
  const { metadata, id, root, depth, time, user, component, action, object, cause, change, failure } = trace
  return {
    uid: metadata?.uid ?? '',
    id,
    root,
    parent: parentOfTrace(trace),
    depth,
    time: Date.parse(time),
    namespace: metadata?.namespace ?? '',
    user,
    component,
    action,
    object,
    cause: cause?.object,
    change: failure ?? change ?? '',
    failed: failure !== undefined,
    tone: traceTone(trace),
  }
}

function referenceOf(text: string): Reference | undefined {
  const slash = text.indexOf('/')
  return slash < 0 ? undefined : { kind: text.slice(0, slash), name: text.slice(slash + 1) }
}

/** Components have colons in the names of their users; people seldom. */
const isPerson = ({ user }: Entry): boolean => !user.includes(':')

/** A person's name, or the component's. */
export const actorOf = (entry: Entry): string => (isPerson(entry) ? entry.user : entry.component)

/** The program that a person used. */
export const toolOf = (entry: Entry): string | undefined => (isPerson(entry) ? entry.component : undefined)

/** Ids of one ring are of one length and grow: in this order they are in the order of time. */
export const newestFirst = (a: Entry, b: Entry): number => (a.id < b.id ? 1 : -1)
export const oldestFirst = (a: Entry, b: Entry): number => -newestFirst(a, b)

/** `+0.2 s`, `+3 min`: how long after the first. */
export function laterBy(milliseconds: number): string {
  const seconds = milliseconds / 1000
  if (seconds < 10) return `+${seconds.toFixed(1)} s`
  if (seconds < 120) return `+${Math.round(seconds)} s`
  return seconds < 7200 ? `+${Math.round(seconds / 60)} min` : `+${Math.round(seconds / 3600)} h`
}
