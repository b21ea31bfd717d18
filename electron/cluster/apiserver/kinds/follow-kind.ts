import type { KubeObject } from '#shared/kube/object.ts'
import type { ServedKind } from './served-kind.ts'

/** Calls back for every stored object, and for each change from then on. Keys are `name` or `namespace/name`. */
export function followKind<T extends KubeObject>(
  kind: ServedKind,
  changed: (key: string, object: T | undefined) => void,
): Disposable {
  const { objects } = kind
  const keyOf = (key: string) => key.slice(objects.type.prefix.length)
  for (const entry of objects.store.range(objects.type.prefix)) changed(keyOf(entry.key), kind.object(entry) as T)
  return objects.hub.open(kind.watchFilter({ namespace: undefined, labels: [], fields: [] }), objects.revision, {
    onBatch({ changes }) {
      for (const { type, entry } of changes)
        changed(keyOf(entry.key), type === 'DELETED' ? undefined : (kind.object(entry) as T))
    },
    onEnd: () => {},
  })
}
