import { exactField } from '#shared/kube/field-selectors.ts'
import type { Clock } from '../../base/clock.ts'
import { CompactedError, FutureRevisionError, type Entry } from '../../store/api.ts'
import type { Selection, ServedKind } from '../kinds/served-kind.ts'
import { decodeContinue, encodeContinue } from './continue-token.ts'
import { continueExpired, listExpired, tooLarge, translateStoreError } from './errors.ts'

export interface ListRequest extends Selection {
  /** 0: everything. */
  limit: number
  continue: string
  /** As asked; undefined: the newest state, whatever it costs. */
  revision: number | undefined
  /** The state at exactly that revision is wanted. */
  exact: boolean
}

export interface ListPage {
  entries: readonly Entry[]
  /** The list's resourceVersion. */
  revision: number
  continue?: string
  /** How many entries follow; unknown where a selector narrows. */
  remaining?: number
}

const waitForRevision = 3000

/** Waits until the store has reached the revision; 504 when it does not in time. */
export async function reach(objects: ServedKind['objects'], revision: number, clock: Clock): Promise<void> {
  if (objects.revision >= revision) return
  const fresh = objects.fresh()
  if (fresh) await fresh
  for (let waited = 0; objects.revision < revision; waited += 50) {
    if (waited >= waitForRevision) throw tooLarge(revision, objects.revision)
    await clock.sleep(50)
  }
}

/** Source of the rules: docs/reference/using-api/api-concepts, "Resource versions". */
export async function listEntries(kind: ServedKind, request: ListRequest, clock: Clock): Promise<ListPage> {
  const { objects } = kind
  const token = request.continue ? decodeContinue(request.continue) : undefined
  const consistent = token ? token.revision === undefined : request.revision === undefined
  if (consistent) {
    const fresh = objects.fresh()
    if (fresh) await fresh
  } else if (!token && request.revision) await reach(objects, request.revision, clock)
  const at = token ? token.revision : request.exact ? request.revision : undefined
  const revision = at ?? objects.revision
  try {
    const converting =
      kind.readsConverted(request) &&
      kind.prepare(objects.store.range(objects.prefixOf(request.namespace), { revision }))
    if (converting) await converting
    const page = select(kind, request, revision, token?.after)
    const waiting = kind.prepare(page.entries)
    if (waiting) await waiting
    return page
  } catch (error) {
    if (!(error instanceof CompactedError || error instanceof FutureRevisionError)) throw error
    if (error instanceof FutureRevisionError) throw translateStoreError(error, revision)
    throw token ? continueExpired(encodeContinue({ revision: undefined, after: token.after })) : listExpired()
  }
}

function select(kind: ServedKind, request: ListRequest, revision: number, after: string | undefined): ListPage {
  const prefix = kind.objects.prefixOf(request.namespace)
  const start = after === undefined ? undefined : prefix + after
  const matches = kind.matcher(request)
  if (!request.limit) {
    const all = candidatesOf(kind, request, revision, prefix, start)
    return { entries: matches ? all.filter(matches) : all, revision }
  }
  return matches
    ? selectMatching(kind, request, matches, revision, prefix, start)
    : selectPage(kind, request.limit, revision, prefix, start)
}

/** So many entries are looked at between two looks at what follows. */
const stride = 1000

/** Costs what has to be looked at until the page is full. It ends at the last key looked at, whether more match or not. */
function selectMatching(
  kind: ServedKind,
  request: ListRequest,
  matches: (entry: Entry) => boolean,
  revision: number,
  prefix: string,
  start: string | undefined,
): ListPage {
  const entries: Entry[] = []
  for (let after = start; ;) {
    const candidates = candidatesOf(kind, request, revision, prefix, after, stride)
    let seen = 0
    for (; seen < candidates.length && entries.length < request.limit; seen++)
      if (matches(candidates[seen]!)) entries.push(candidates[seen]!)
    const last = candidates[seen - 1]?.key
    const isAll = seen === candidates.length && candidates.length < stride
    if (isAll || last === undefined) return { entries, revision }
    if (entries.length === request.limit)
      return { entries, revision, continue: encodeContinue({ revision, after: last.slice(prefix.length) }) }
    after = last
  }
}

/** Costs what the page costs, however much follows. */
function selectPage(
  { objects }: ServedKind,
  limit: number,
  revision: number,
  prefix: string,
  start: string | undefined,
): ListPage {
  const { store } = objects
  const entries = store.range(prefix, { limit, revision, ...(start === undefined ? {} : { after: start }) })
  const last = entries.at(-1)?.key
  const remaining = last === undefined ? 0 : store.count(prefix, { revision, after: last })
  if (!remaining) return { entries, revision }
  return { entries, revision, continue: encodeContinue({ revision, after: last!.slice(prefix.length) }), remaining }
}

/** The first entries under the prefix, in order, fewer where an index or a name says which can match. */
function candidatesOf(
  kind: ServedKind,
  { namespace, fields }: ListRequest,
  revision: number,
  prefix: string,
  start: string | undefined,
  limit = Infinity,
): readonly Entry[] {
  const { objects } = kind
  const newest = revision === objects.revision
  const name = exactField(fields, 'metadata.name')
  if (newest && name !== undefined && (namespace || !kind.namespaced)) {
    const key = objects.keyOf(namespace, name)
    const entry = start === undefined || key > start ? objects.get(key) : undefined
    return entry ? [entry] : []
  }
  if (newest) {
    for (const { field, equals, value } of fields) {
      if (!equals) continue
      const keys = objects.indexed(field, value)
      if (!keys) continue
      const within = keys.filter((key) => key.startsWith(prefix) && (start === undefined || key > start))
      return within.slice(0, limit).flatMap((key) => objects.get(key) ?? [])
    }
  }
  return objects.store.range(prefix, {
    limit,
    ...(start === undefined ? {} : { after: start }),
    ...(newest ? {} : { revision }),
  })
}
