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
  /** A list, in parts. Those of JSON are made when they are asked for. */
  list(page: ListPage): Parts | Promise<Parts>
  /** The object that carries a bookmark. */
  bookmark(metadata: object): Buffer
  /** The view of all objects but the first of a watch, where it differs. */
  readonly next?: View
}

/** Parts as one buffer of just their size. */
export const joined = (parts: Parts): Buffer =>
  Buffer.concat(Array.from(parts, (part) => (typeof part === 'string' ? Buffer.from(part) : part)))

/** A list of what `item` makes of each entry. `empty`: how a list without items is written. */
export function* listParts(
  type: string,
  page: ListPage,
  item: (entry: Entry) => Parts,
  empty = '[]',
  metadata = listMetadata(page),
): Parts {
  yield `{${type},"metadata":${JSON.stringify(metadata)},"items":`
  yield* page.entries.length ? arrayParts(page, item) : [empty]
  yield '}\n'
}

export function* arrayParts(page: ListPage, item: (entry: Entry) => Parts): Parts {
  let separator = '['
  for (const entry of page.entries) {
    yield separator
    yield* item(entry)
    separator = ','
  }
  yield ']'
}

export const listMetadata = (page: ListPage): object => ({
  resourceVersion: String(page.revision),
  ...(page.continue ? { continue: page.continue } : {}),
  ...(page.remaining === undefined ? {} : { remainingItemCount: page.remaining }),
})
