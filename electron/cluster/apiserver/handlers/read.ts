import { notFound } from '#shared/kube/status.ts'
import type { Entry } from '../../store/api.ts'
import type { ServedKind } from '../kinds/served-kind.ts'
import { reach } from '../storage/list.ts'
import type { Core } from './operation.ts'

/** The newest state of an object, at least as new as `revision` where one is given. Synchronous where it can be. */
export function readEntry(
  core: Core,
  kind: ServedKind,
  where: { namespace: string | undefined; name: string },
  revision?: number,
): Entry | Promise<Entry> {
  const { objects } = kind
  const key = objects.keyOf(where.namespace, where.name)
  const read = () => {
    const entry = objects.get(key)
    if (!entry) throw notFound(kind.subject, where.name)
    const waiting = kind.prepare([entry])
    return waiting ? waiting.then(() => entry) : entry
  }
  const fresh = revision === undefined ? objects.fresh() : undefined
  if (fresh) return fresh.then(read)
  if (revision && revision > objects.revision) return reach(objects, revision, core.clock).then(read)
  return read()
}
