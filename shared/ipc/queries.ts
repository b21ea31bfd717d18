import { z } from 'zod'
import { request, stream } from './define.ts'
import { contextId, groupName, kindName, lineOfText, namespaceName, pluralName, uid, versionName } from './words.ts'

export const resourceRef = z.object({
  group: groupName,
  version: versionName,
  plural: pluralName,
  kind: kindName,
  namespaced: z.boolean(),
})
export type ResourceRef = z.infer<typeof resourceRef>

export const filterSchema = z.object({
  /** Words that must all occur in the row (case-insensitive); `/regex/` is a regular expression. */
  text: lineOfText.default(''),
  /** Label selector, as kubectl's -l. */
  labels: lineOfText.default(''),
  /** Only rows whose tone is warn or bad. */
  faultsOnly: z.boolean().default(false),
  /** Only rows of these tones; empty or absent: all. */
  tones: z.array(z.enum(['ok', 'busy', 'warn', 'bad', 'off'])).optional(),
})
export type QueryFilter = z.infer<typeof filterSchema>

export const sortSchema = z.object({ column: z.string().max(253), descending: z.boolean() })
export type QuerySort = z.infer<typeof sortSchema>
/** `count` 0 asks for totals and tones alone. */
export const windowSchema = z.object({ offset: z.number().int().min(0), count: z.number().int().min(0).max(500) })

/** Counts the changes of what is asked: another filter, order or namespaces, not another window. */
const question = z.number().int().min(0).optional()

/** Colour and shape of a status; the word is in the cell. Never colour alone. */
export type Tone = 'ok' | 'busy' | 'warn' | 'bad' | 'off'

export interface ColumnInfo {
  /** Reserved: `name`, `namespace` (hidden when one namespace is shown) and `age`. */
  id: string
  title: string
  /**
   * How the renderer draws the cell. `age`: creation time in milliseconds; `bytes`, `cores`, `percent`: a number of them;
   * `status`: drawn with the row's tone. What is used of something bounded stands beside its bounds: `cpu`, `cpu-limit`.
   */
  kind: 'text' | 'number' | 'bytes' | 'cores' | 'percent' | 'age' | 'status' | 'ratio' | 'labels'
  /** 0 shown at first, 1 hidden at first. */
  priority: number
  description?: string
}

export type Cell = string | number | null

export interface Row {
  uid: string
  name: string
  namespace: string
  /** Milliseconds since the epoch. */
  created: number
  /** In the order of the columns. */
  cells: Cell[]
  tone: Tone
  /** Being deleted. */
  deleting: boolean
}

export type Freshness =
  | { state: 'loading'; loaded: number; total?: number }
  /** `polledEvery`: milliseconds between two looks at a kind that cannot be watched. */
  | { state: 'live'; polledEvery?: number }
  | { state: 'reconnecting'; since: number; message: string }
  | { state: 'forbidden'; message: string }
  | { state: 'failed'; message: string; cure?: string }

/**
 * What a query says: at most one message a frame. The renderer remembers exactly the rows of the last message's `uids`:
 * a row is sent again when it changed, and when it comes back into the window.
 */
export interface QueryMessage {
  /** The last question that came before it: one with an older number answers what nobody asks any more. */
  question?: number | undefined
  /** Sent first and whenever they change. */
  columns?: ColumnInfo[]
  /** Objects known, and those that pass the filter. */
  total: number
  matching: number
  /** Of the window as it is: never so far beyond the end that it shows nothing. */
  offset: number
  /** The window, in order. */
  uids: string[]
  /** Rows that are new to the renderer or changed. */
  rows: Row[]
  /** The order in effect, also when none was asked for. */
  sort?: QuerySort
  /** Count per tone over the rows that pass text and labels, whatever `tones` and `faultsOnly` say: the counts are the choices. */
  tones: Record<Tone, number>
  freshness: Freshness
  /** Why the filter is not what it seems: a selector or expression that is unfinished, or takes too long. */
  filterProblem?: string
}

/** What a query is of. Empty `namespaces`: all. */
const queryScope = z.object({
  context: contextId,
  resource: resourceRef,
  namespaces: z.array(namespaceName).max(1000),
  filter: filterSchema,
  sort: sortSchema.optional(),
  /** Narrows on the server: `involvedObject.uid=…` and the like. */
  fieldSelector: lineOfText.optional(),
  labelSelector: lineOfText.optional(),
  /** Only objects with an owner of this uid. */
  ownerUid: uid.optional(),
})
export type QueryScope = z.infer<typeof queryScope>

export interface AllRows {
  columns: ColumnInfo[]
  rows: Row[]
}

export const queryRequests = {
  /** Every row that passes the filter, in order, once. */
  'query.rows': request<AllRows>()(queryScope),
}

export const queryStreams = {
  /** A live, sorted, filtered window over one kind. */
  'query.open': stream<QueryMessage>()(
    queryScope.extend({ window: windowSchema, question }),
    z.object({
      namespaces: z.array(namespaceName).max(1000).optional(),
      filter: filterSchema.optional(),
      sort: sortSchema.optional(),
      window: windowSchema.optional(),
      question,
    }),
  ),
}
