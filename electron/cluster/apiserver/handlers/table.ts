import type { KubeObject, ObjectMeta } from '#shared/kube/object.ts'
import { invalid } from '#shared/kube/status.ts'
import type { Clock } from '../../base/clock.ts'
import type { Entry } from '../../store/api.ts'
import type { ServedKind } from '../kinds/served-kind.ts'
import { defaultColumns } from '../registry/columns/common.ts'
import type { Column } from '../registry/kind.ts'
import { notSupported } from '../registry/validation/field.ts'
import type { ListPage } from '../storage/list.ts'
import { Row } from '../storage/row.ts'
import { itemParts, joined, listMetadata, listParts, type Item, type Parts, type View } from './view.ts'

/** Objects in whose rows a table shows them. */
interface Shown {
  readonly columns: readonly Column[]
  rowOf(object: KubeObject): Row
  metadataOf(object: KubeObject): ObjectMeta
}

interface Asked {
  /** Of meta.k8s.io. */
  readonly version: string
  /** What rows carry, as the query names it. */
  readonly includeObject: string | null
  readonly clock: Clock
}

/** What all tables of a kind have, and those of objects that are not stored. Throws 422 for an includeObject that is none. */
function tables({ columns, rowOf, metadataOf }: Shown, { version, includeObject, clock }: Asked) {
  const include = includeObject || 'Metadata'
  if (!['None', 'Metadata', 'Object'].includes(include)) {
    throw invalid({ group: 'meta.k8s.io', kind: 'TableOptions' }, '', [
      notSupported('includeObject', include, ['Metadata', 'None', 'Object', '']),
    ])
  }
  const apiVersion = `meta.k8s.io/${version}`
  const definitions = JSON.stringify(
    columns.map(({ name, type, format = '', description, priority }) => ({
      name,
      type,
      format,
      description,
      priority,
    })),
  )
  const type = `{"kind":"Table","apiVersion":"${apiVersion}","metadata":`
  const frame = (metadata: object, columnText: string): string =>
    `${type}${JSON.stringify(metadata)},"columnDefinitions":${columnText},"rows":`
  const row = (object: KubeObject): string => {
    const partial = { kind: 'PartialObjectMetadata', apiVersion, metadata: metadataOf(object) }
    const carried = include === 'None' ? '' : `,"object":${JSON.stringify(include === 'Object' ? object : partial)}`
    return `{${rowOf(object).at(clock.now())}${carried}}`
  }
  const object = (shown: KubeObject): Buffer =>
    Buffer.from(`${frame({ resourceVersion: shown.metadata?.resourceVersion }, definitions)}[${row(shown)}]}`)
  const objects = (shown: readonly KubeObject[]): Buffer =>
    Buffer.from(`${frame({}, definitions)}[${shown.map(row).join(',')}]}`)
  return { apiVersion, include, definitions, frame, object, objects }
}

/** The table of an object that is of no served kind, such as a Scale: see `tables`. */
export const objectTable = (columns: readonly Column[], object: KubeObject, asked: Asked): Buffer =>
  tables(
    { columns, rowOf: (shown) => Row.of(shown, columns), metadataOf: ({ metadata = {} }) => metadata },
    asked,
  ).object(object)

/** Rows as kubectl prints them. Source: apiserver/pkg/endpoints/handlers/response.go. */
export function tableView(kind: ServedKind, version: string, includeObject: string | null, clock: Clock): View {
  const { columns } = kind.definition
  const { apiVersion, include, definitions, frame, object, objects } = tables(
    { columns, rowOf: (shown) => kind.rowOf(shown), metadataOf: (shown) => kind.metadataOf(shown) },
    { version, includeObject, clock },
  )
  const partialHead = `{"kind":"PartialObjectMetadata","apiVersion":"${apiVersion}","metadata":`
  // Upstream's default printer leaves the list unset, those of single kinds make an empty one.
  const noRows = columns === defaultColumns ? 'null' : '[]'

  const carrying: Pick<Item, 'bytes' | 'after'> & { head: string } = {
    None: { head: '', bytes: () => '', after: '}' },
    Object: {
      head: `,"object":${kind.head.toString()}`,
      bytes: (entry: Entry) => kind.bytes(entry).subarray(1),
      after: '}',
    },
    Metadata: { head: `,"object":${partialHead}`, bytes: (entry: Entry) => kind.metadata(entry), after: '}}' },
  }[include]!
  const rowItem = (now: number): Item => ({
    before: (entry) => `{${kind.row(entry).at(now)}${carrying.head}`,
    bytes: carrying.bytes,
    after: carrying.after,
  })
  const one = (entry: Entry, columnText: string): Buffer =>
    joined([
      `${frame({ resourceVersion: String(entry.revision) }, columnText)}[`,
      ...itemParts(rowItem(clock.now()), entry),
      ']}',
    ])
  const list = (page: ListPage): Parts =>
    listParts(frame(listMetadata(page), definitions), page, rowItem(clock.now()), noRows, '}')
  const bookmark = (metadata: { resourceVersion?: string } & object): Buffer => {
    const shown = { kind: kind.kind, apiVersion: kind.apiVersion, metadata }
    const row = JSON.stringify({
      cells: columns.map(() => ''),
      object:
        include === 'None'
          ? undefined
          : { ...shown, ...(include === 'Metadata' ? { kind: 'PartialObjectMetadata', apiVersion } : {}) },
    })
    return Buffer.from(`${frame({ resourceVersion: metadata.resourceVersion }, 'null')}[${row}]}`)
  }
  const key = `${kind.apiVersion}|table|${version}|${include}`
  // The definitions of the columns come once in a watch.
  const next: View = {
    key: `${key}|rows`,
    format: 'json',
    one: (entry) => one(entry, 'null'),
    object,
    objects,
    list,
    bookmark,
  }
  return { key, format: 'json', next, one: (entry) => one(entry, definitions), object, objects, list, bookmark }
}
