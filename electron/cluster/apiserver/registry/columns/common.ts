import type { KubeObject } from '#shared/kube/object.ts'
import type { Column } from '../kind.ts'
import descriptions from './descriptions.json' with { type: 'json' }
import { since, type CellValue } from './since.ts'

const nameText =
  'Name must be unique within a namespace. Is required when creating resources, although some resources may allow a client to request the generation of an appropriate name automatically. Name is primarily intended for creation idempotence and configuration definition. Cannot be updated. More info: https://kubernetes.io/docs/concepts/overview/working-with-objects/names#names'
const ageText =
  'CreationTimestamp is a timestamp representing the server time when this object was created. It is not guaranteed to be set in happens-before order across separate operations. Clients may not set this value. It is represented in RFC3339 form and is in UTC.\n\nPopulated by the system. Read-only. Null for lists. More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#metadata'

type Cell<T> = { read(object: T): CellValue }['read']

export const nameColumn: Column = {
  name: 'Name',
  type: 'string',
  format: 'name',
  description: nameText,
  priority: 0,
  cell: (object) => object.metadata?.name ?? '',
}

export const ageColumn: Column = {
  name: 'Age',
  type: 'string',
  description: ageText,
  priority: 0,
  cell: (object) => since(object.metadata?.creationTimestamp),
}

/** What kinds without a table of their own show. Source: registry/rest/table.go. */
export const defaultColumns: readonly Column[] = [
  nameColumn,
  {
    name: 'Created At',
    type: 'date',
    description: ageText,
    priority: 0,
    cell: (object) => object.metadata?.creationTimestamp ?? '<unknown>',
  },
]

const texts = descriptions as Readonly<Record<string, Readonly<Record<string, string>>>>

/** Columns of one kind; their descriptions lie in descriptions.json, because upstream takes them from the API's documentation. */
export function columnsOf<T extends KubeObject>(kind: string) {
  const text = texts[kind] ?? {}
  return (
    name: string,
    cell: Cell<T>,
    options: { type?: Column['type']; format?: string; wide?: boolean } = {},
  ): Column<T> => ({
    name,
    type: options.type ?? 'string',
    ...(options.format ? { format: options.format } : {}),
    description: text[name] ?? '',
    priority: options.wide ? 1 : 0,
    cell,
  })
}
