import type { ConfigMap } from 'kubernetes-types/core/v1'
import type { KubeObject } from '#shared/kube/object.ts'
import type { Logger } from '../../base/logger.ts'
import { ExpectationError, maxWrites, type Entry, type Store, type Write } from '../../store/api.ts'
import type { Core } from '../handlers/operation.ts'
import type { ServedKind } from '../kinds/served-kind.ts'
import { fillSystemFields } from '../metadata/system-fields.ts'
import { metadataOf } from '../metadata/metadata.ts'
import { semanticEqual } from '../registry/equal.ts'
import { reconciledRbac, type Reconciled } from './reconcile-rbac.ts'
import { authenticationConfig, bootstrapObjects, type BootstrapFacts } from './objects.ts'

export interface BootstrapDeps {
  core: Pick<Core, 'kinds' | 'clock' | 'random'>
  store: Store
  logger: Logger
  facts: BootstrapFacts
}

/** Writes what a cluster is born with and this one lacks, and brings its roles and bindings up to date. Another server of the cluster may be doing the same. */
export async function bootstrap(deps: BootstrapDeps): Promise<void> {
  for (;;) {
    try {
      return await writeMissing(deps)
    } catch (error) {
      if (!(error instanceof ExpectationError)) throw error
    }
  }
}

async function writeMissing({ core, store, logger, facts }: BootstrapDeps): Promise<void> {
  const writes: Write[] = []
  for (const object of bootstrapObjects(facts)) {
    const kind = kindOf(core, object)
    if (!kind) continue
    const { name, namespace } = object.metadata!
    const key = kind.objects.keyOf(namespace, name!)
    const old = store.get(key)
    kind.strategy.setDefaults(object)
    kind.strategy.canonicalize?.(object)
    const next = old ? upkeep(kind, old, object, facts) : 'create'
    if (!next) continue
    if (typeof next === 'object') {
      logger.info('brought up to date what a cluster is born with', { kind: kind.kind, name })
      writes.push(kind.objects.putting(key, next.update, old!.revision))
      continue
    }
    // Whoever watches sees the old one go before the new one comes.
    if (next === 'recreate') await kind.objects.remove(key, old!.revision, kind.copy(old!))
    fillSystemFields(metadataOf(object), core)
    writes.push(kind.objects.putting(key, await kind.toStored(object), 0))
  }
  if (!writes.length) return
  const groups = Array.from({ length: Math.ceil(writes.length / maxWrites) }, (_, i) =>
    writes.slice(i * maxWrites, (i + 1) * maxWrites),
  )
  await Promise.all(groups.map((group) => store.write(group)))
  logger.info('made the objects that a cluster is born with', { count: writes.length })
}

/** What becomes of an object that is there already. */
function upkeep(kind: ServedKind, old: Entry, object: KubeObject, facts: BootstrapFacts): Reconciled {
  if (kind.definition.group === 'rbac.authorization.k8s.io') return reconciledRbac(kind.object(old), object)
  if (!isKeptUp(object, facts) || !isOutdated(kind, old, object)) return undefined
  return { update: { ...kind.copy(old), data: (object as ConfigMap).data } as KubeObject }
}

/** Keys of the cluster may be new; what is published of them follows. */
const isKeptUp = ({ kind, metadata }: KubeObject, facts: BootstrapFacts): boolean =>
  kind === 'ConfigMap' && metadata?.name === authenticationConfig(facts).metadata?.name

const isOutdated = (kind: ServedKind, old: Entry, object: KubeObject): boolean =>
  !semanticEqual((kind.object(old) as ConfigMap).data, (object as ConfigMap).data)

function kindOf({ kinds }: Pick<Core, 'kinds'>, { apiVersion = 'v1', kind = '' }: KubeObject): ServedKind | undefined {
  const [group, version] = apiVersion.includes('/') ? (apiVersion.split('/') as [string, string]) : ['', apiVersion]
  const found = kinds.ofKind(group, version, kind)
  return found?.stored ? found : undefined
}
