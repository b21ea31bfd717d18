import type { ConfigMap } from 'kubernetes-types/core/v1'
import type { Logger } from '../../base/logger.ts'
import { ExpectationError } from '../../store/api.ts'
import type { Core } from '../handlers/operation.ts'
import { metadataOf } from '../metadata/metadata.ts'
import { fillSystemFields } from '../metadata/system-fields.ts'
import { semanticEqual } from '../registry/equal.ts'
import { authenticationConfig, type BootstrapFacts } from './objects.ts'

export interface PublishedAuthoritiesDeps {
  core: Pick<Core, 'kinds' | 'clock' | 'random'>
  logger: Logger
  facts: BootstrapFacts
}

/**
 * Puts back what extension API servers trust when somebody changes or removes it. Source:
 * pkg/controlplane/controller/clusterauthenticationtrust.
 */
export function keepAuthoritiesPublished({ core, logger, facts }: PublishedAuthoritiesDeps): Disposable {
  const kind = core.kinds.find('', 'v1', 'configmaps')
  if (!kind?.stored) return { [Symbol.dispose]: () => {} }
  const { objects } = kind
  const { namespace = '', name = '' } = authenticationConfig(facts).metadata ?? {}
  const key = objects.keyOf(namespace, name)
  const restore = async () => {
    const wanted = authenticationConfig(facts)
    const entry = objects.latest(key)
    if (entry && semanticEqual((kind.object(entry) as ConfigMap).data, wanted.data)) return
    const object = entry ? Object.assign(kind.copy(entry), { data: wanted.data }) : wanted
    if (!entry) fillSystemFields(metadataOf(object), core)
    await objects.put(key, object, entry?.revision ?? 0)
    logger.info('published again what extension API servers trust', { namespace, name })
  }
  const fields = [{ field: 'metadata.name', equals: true, value: name }]
  return objects.hub.open(kind.watchFilter({ namespace, labels: [], fields }), objects.revision, {
    onBatch: () =>
      void restore().catch((error: unknown) => {
        // Who came in between is seen next.
        if (!(error instanceof ExpectationError))
          logger.warn('what extension API servers trust could not be published', { error: String(error) })
      }),
    onEnd: () => {},
  })
}
