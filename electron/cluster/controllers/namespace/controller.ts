import type { Namespace } from 'kubernetes-types/core/v1'
import type { KubeObject } from '#shared/kube/object.ts'
import { namespaces, pods } from '#shared/kube/resources.ts'
import { isNotFound } from '#shared/kube/status.ts'
import type { Discovery, KubeClient } from '../../client/api.ts'
import type { InformerFactory } from '../../client/informer-factory.ts'
import { update, updateStatus } from '../framework/action.ts'
import { watch, type Controller, type SyncContext } from '../framework/controller.ts'
import { equal } from '../framework/support/equality.ts'
import { conditionsOf } from './conditions.ts'
import { emptyNamespace } from './content.ts'

const ourFinalizer = 'kubernetes'

/** Empties namespaces that are being deleted, then lets them go. */
export function namespaceController(deps: {
  informers: InformerFactory
  client: KubeClient
  discovery: Discovery
}): Controller {
  const all = deps.informers.for(namespaces)
  const podInformer = deps.informers.for(pods)
  const podsOf = podInformer.index('namespace', ({ metadata }) => [metadata?.namespace ?? ''])
  return {
    name: 'namespace-controller',
    workers: 5,
    watches: [
      watch(all, ({ metadata }) => (metadata?.deletionTimestamp ? [metadata.name ?? ''] : [])),
      // Most of the time passes while pods end: with the last one the rest can go.
      watch(podInformer, (pod) => {
        const name = pod.metadata?.namespace ?? ''
        const ending = all.lister.get(name)?.metadata?.deletionTimestamp !== undefined
        return ending && podsOf.count(name) === 0 ? [name] : []
      }),
    ],
    sync: (name, context) => terminate(deps, name, context),
  }
}

async function terminate(
  { client, discovery }: { client: KubeClient; discovery: Discovery },
  name: string,
  { now, decide }: SyncContext,
): Promise<{ requeueAfter: number } | undefined> {
  // Live: deleting the content of a namespace that was made anew under the same name cannot be undone.
  const current = await client.get(namespaces, { name }).catch(undefinedIfNotFound)
  if (!current?.metadata?.deletionTimestamp || !current.spec?.finalizers?.length) return undefined

  const { wait, ...outcome } = await emptyNamespace({ client, discovery, decide }, name)
  const conditions = conditionsOf(current.status?.conditions, outcome, now)
  const status = {
    ...current.status,
    phase: 'Terminating',
    conditions: conditions as NonNullable<Namespace['status']>['conditions'],
  }
  const emptied = !outcome.failures.length && !outcome.discovery.length && wait === 0
  // A namespace that is empty is about to be gone, conditions and all.
  if (!emptied && !equal(status, current.status)) {
    await decide({ steps: [updateStatus(namespaces, { ...current, status } as KubeObject)] })
  }
  if (outcome.failures.length || outcome.discovery.length)
    throw new Error([...outcome.failures, ...outcome.discovery.map(({ message }) => message)].join('; '))
  if (wait) return { requeueAfter: wait }
  const finalizers = current.spec.finalizers.filter((finalizer) => finalizer !== ourFinalizer)
  const finalized = { ...current, spec: { ...current.spec, finalizers } } as KubeObject
  await decide({
    steps: [update(namespaces, finalized, { subresource: 'finalize', tolerate: (error) => error.code === 404 })],
  })
  return undefined
}

function undefinedIfNotFound(error: unknown): undefined {
  if (!isNotFound(error)) throw error
}
