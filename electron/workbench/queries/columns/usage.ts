import { column, type ShapedColumn } from './define.ts'

export const resources = ['cpu', 'memory'] as const
type Resource = (typeof resources)[number]

/** Something that usage is compared with. */
export interface Bound<T> {
  id: 'request' | 'limit' | 'allocatable'
  /** After the name of the resource: `CPU` … */
  title: string
  /** Likewise, of the column that shows the share. */
  share: string
  amount(object: T, resource: Resource): number | null
  /** Hidden at first when 1. */
  priority: 0 | 1
}

/**
 * What is used of a resource, the bounds it is held to, and its share of each in percent. Usage and shares are empty until
 * `usage.ts` above fills them in.
 */
export const usageColumns = <T>(bounds: readonly Bound<T>[]): ShapedColumn<T>[] =>
  resources.flatMap((resource) => {
    const title = resource === 'cpu' ? 'CPU' : 'Memory'
    const kind = resource === 'cpu' ? 'cores' : 'bytes'
    return [
      { ...column<T>(resource, title, kind, () => null), usage: true },
      ...bounds.flatMap(({ id, title: bound, share, priority, amount }): ShapedColumn<T>[] => [
        column(`${resource}-${id}`, `${title} ${bound}`, kind, (object) => amount(object, resource), priority),
        { ...column<T>(`${resource}-of-${id}`, `${title} ${share}`, 'percent', () => null, 1), usage: true },
      ]),
    ]
  })
