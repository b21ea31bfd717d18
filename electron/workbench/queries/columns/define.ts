import type { Cell, ColumnInfo, Tone } from '#shared/ipc/queries.ts'
import type { KubeObject } from '#shared/kube/object.ts'
import { approximate, parseQuantity } from '#shared/kube/quantity.ts'
import type { ResourceType } from '#shared/kube/resources.ts'
import type { RowShape } from '../record.ts'
import { usageShape } from '../usage.ts'

/** A column and how its cell comes from the object. */
export interface ShapedColumn<T> extends ColumnInfo {
  cell(object: T): Cell
  /** Filled in by what metrics.k8s.io tells. */
  usage?: boolean
}

/** A shape from its columns; the age comes last everywhere. `metrics`: where usage is told, if any column shows it. */
export function shape<T extends KubeObject>(
  columns: readonly ShapedColumn<T>[],
  tone: (object: T) => Tone,
  metrics?: ResourceType,
): RowShape {
  const all: readonly ShapedColumn<T>[] = [...columns, age]
  const infos = all.map(({ cell: _cell, ...column }) => column)
  return {
    columns: infos.map(({ usage: _usage, ...column }) => column),
    ...(metrics ? { usage: usageShape(infos, metrics) } : {}),
    cells: (object) => all.map((column) => column.cell(object as T)),
    tone: (object) => tone(object as T),
  }
}

const age: ShapedColumn<KubeObject> = {
  id: 'age',
  title: 'Age',
  kind: 'age',
  priority: 0,
  cell: ({ metadata }) => (metadata?.creationTimestamp ? Date.parse(metadata.creationTimestamp) : null),
}

type Kind = ColumnInfo['kind']

export const column = <T>(
  id: string,
  title: string,
  kind: Kind,
  cell: (object: T) => Cell,
  priority: 0 | 1 = 0,
): ShapedColumn<T> => ({ id, title, kind, priority, cell })

export const condition = (
  object: { status?: { conditions?: readonly { type: string; status: string; reason?: string; message?: string }[] } },
  type: string,
) => object.status?.conditions?.find((candidate) => candidate.type === type)

export const labelsCell = (labels: Readonly<Record<string, string>> | undefined): string =>
  Object.entries(labels ?? {})
    .map(([key, value]) => (value ? `${key}=${value}` : key))
    .join(', ')

/** A number sorts as one, and `24581256Ki` tells nobody anything. */
export const amountOf = (quantity: string | undefined): number | null =>
  quantity === undefined ? null : approximate(parseQuantity(quantity))

/** A function that knows its last answer: cells are asked for one object after the other. */
export function remembered<T extends object, R>(compute: (object: T) => R): (object: T) => R {
  let last: T | undefined
  let answer: R
  return (object) => {
    if (last !== object) {
      answer = compute(object)
      last = object
    }
    return answer
  }
}
