import { keyOf, type KubeObject } from '#shared/kube/object.ts'
import { idOf } from '#shared/kube/quota/usage.ts'
import { resourceQuotas, type ResourceType } from '#shared/kube/resources.ts'
import type { Discovery } from '../../client/api.ts'
import type { InformerFactory } from '../../client/informer-factory.ts'
import { watch, type Controller, type Enqueue, type Watch } from '../framework/controller.ts'
import { equal } from '../framework/support/equality.ts'
import { hardOf, kindsOf, reconcile, type Found } from './reconcile.ts'
import { TrackedKinds, type Kind } from './tracked.ts'

const definitions: ResourceType = {
  group: 'apiextensions.k8s.io',
  version: 'v1',
  plural: 'customresourcedefinitions',
  kind: 'CustomResourceDefinition',
  namespaced: false,
}
/** New kinds are served a little after their definition, and their caches come with those of others. */
const settleDelays = [1_000, 6_000]

const groupOf = (kind: Kind, namespace: string): string => `${namespace}/${idOf(kind)}`

/** Says in each quota what its namespace uses up. */
export function resourceQuotaController(deps: { informers: InformerFactory; discovery: Discovery }): Controller {
  const quotas = deps.informers.for(resourceQuotas)
  const byKind = quotas.index('limits', (quota) =>
    kindsOf(quota).map((kind) => groupOf(kind, quota.metadata?.namespace ?? '')),
  )
  let enqueue: Enqueue = () => {}
  const tracked = new TrackedKinds(deps, {
    cares: (kind, namespace) => byKind.count(groupOf(kind, namespace)) > 0,
    changed(kind, namespace, cause) {
      for (const quota of byKind.get(groupOf(kind, namespace))) enqueue(keyOf(quota as KubeObject), cause)
    },
  })
  const objects: Watch = {
    synced: async () => {},
    start(put) {
      enqueue = put
      return () => tracked.stop()
    },
  }
  const kinds: Watch = {
    synced: async () => {},
    start(put) {
      const later = (_: unknown, initial?: unknown) => {
        if (initial === true) return
        tracked.forgetServed()
        for (const quota of quotas.lister.list())
          for (const delay of settleDelays) put(keyOf(quota as KubeObject), undefined, delay)
      }
      return deps.informers
        .for(definitions, { metadataOnly: true })
        .handle({ add: later, update: later, delete: later })
    },
  }
  return {
    name: 'resourcequota-controller',
    workers: 5,
    writesTo: [quotas],
    watches: [
      watch(quotas, (quota, old) =>
        old && equal(hardOf(quota), hardOf(old)) && equal(quota.spec, old.spec) && equal(quota.status, old.status)
          ? []
          : [keyOf(quota as KubeObject)],
      ),
      objects,
      kinds,
    ],
    async sync(key, { decide, now, signal }) {
      const quota = quotas.lister.get(key)
      if (!quota) return
      const namespace = quota.metadata?.namespace ?? ''
      const found: Found[] = []
      for (const kind of kindsOf(quota)) {
        const informer = await tracked.of(kind, signal)
        if (!informer) continue
        const own = informer.index('namespace', ({ metadata }) => (metadata?.namespace ? [metadata.namespace] : []))
        found.push({ kind, count: own.count(namespace), objects: () => informer.lister.list(namespace) })
      }
      const decision = reconcile({ quota, found }, now)
      await decide(decision)
      return decision
    },
  }
}
