import type { KubeObject } from '#shared/kube/object.ts'
import type { Entry } from '../../store/api.ts'
import type { ListPage } from '../storage/list.ts'

export type Parts = Iterable<Buffer | string>

/** A form in which objects of a kind are shown: as they are, as rows of a table, as their metadata only. */
export interface View {
  /** Different for every form. */
  readonly key: string
  readonly format: 'json' | 'protobuf'
  /** One stored object. */
  one(entry: Entry): Buffer
  /** An object that is not stored. */
  object(object: KubeObject): Buffer
  /** A list of objects that are not stored. */
  objects(objects: readonly KubeObject[]): Buffer
  /** A list, in parts that are made when they are asked for. A promise where their length has to be known first. */
  list(page: ListPage): Parts | Promise<Parts>
  /** The object that carries a bookmark. */
  bookmark(metadata: object): Buffer
  /** The view of all objects but the first of a watch, where it differs. */
  readonly next?: View
}

/** Parts as one buffer of just their size. */
export const joined = (parts: Parts): Buffer =>
  Buffer.concat(Array.from(parts, (part) => (typeof part === 'string' ? Buffer.from(part) : part)))

/** How a list writes one of its entries: text, bytes behind it, and what ends it. */
export interface Item {
  before(entry: Entry): string
  bytes(entry: Entry): Buffer | string
  readonly after: string
}

export const itemParts = ({ before, bytes, after }: Item, entry: Entry): Parts => [before(entry), bytes(entry), after]

/**
 * A list between its `head` and its `tail`; `empty`: how one without items is written. Lists are made of this, and each
 * part costs: two for an entry.
 */
export function* listParts(
  head: string,
  page: ListPage,
  { before, bytes, after }: Item,
  empty: string,
  tail: string,
): Parts {
  let between = `${head}[`
  for (const entry of page.entries) {
    yield between + before(entry)
    yield bytes(entry)
    between = `${after},`
  }
  yield page.entries.length ? `${after}]${tail}` : head + empty + tail
}

export const listMetadata = (page: ListPage): object => ({
  resourceVersion: String(page.revision),
  ...(page.continue ? { continue: page.continue } : {}),
  ...(page.remaining === undefined ? {} : { remainingItemCount: page.remaining }),
})
