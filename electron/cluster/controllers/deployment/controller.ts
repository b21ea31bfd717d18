import { keyOf, type KubeObject } from '#shared/kube/object.ts'
import { deployments, pods, replicaSets } from '#shared/kube/resources.ts'
import { selectorOf } from '#shared/kube/selectors.ts'
import type { InformerFactory } from '../../client/informer-factory.ts'
import { referenceTo } from '../../client/event-recorder.ts'
import type { TraceRef } from '../../base/trace.ts'
import { decider, watch, type Controller, type Watch } from '../framework/controller.ts'
import { childIndexes, owned } from '../framework/owned.ts'
import { controllerOf } from '../framework/support/owner-references.ts'
import { reconcile } from './reconcile.ts'

/** Rolls out each Deployment's template through replica sets. */
export function deploymentController(deps: { informers: InformerFactory }): Controller {
  const all = deps.informers.for(deployments)
  const sets = deps.informers.for(replicaSets)
  const podInformer = deps.informers.for(pods)
  const setsOf = childIndexes(sets)
  const podsOfSet = childIndexes(podInformer).byController

  /** Recreate waits for the last pod of the old sets to go, and no event of a set tells when. */
  const lastPods: Watch = {
    synced: () => podInformer.whenSynced(),
    start: (enqueue) =>
      podInformer.handle({
        delete(pod) {
          const namespace = pod.metadata?.namespace ?? ''
          const key = (name: string) => keyOf({ metadata: { namespace, name } })
          const set = sets.lister.get(key(controllerOf(pod as KubeObject)?.name ?? ''))
          const owner = set && controllerOf(set as KubeObject)
          const deployment = owner && all.lister.get(key(owner.name))
          if (deployment?.spec?.strategy?.type === 'Recreate')
            enqueue(key(owner!.name), referenceTo(pods, pod) as TraceRef)
        },
      }),
  }

  return decider({
    name: 'deployment-controller',
    workers: 5,
    writesTo: [all, sets],
    watches: [
      watch(all, (deployment) => [keyOf(deployment as KubeObject)]),
      owned({
        children: sets,
        owners: all,
        ownerType: deployments,
        selector: (deployment) => selectorOf(deployment.spec?.selector),
      }),
      lastPods,
    ],
    observe(key) {
      const deployment = all.lister.get(key)
      if (!deployment) return undefined
      const { uid = '', namespace = '' } = deployment.metadata ?? {}
      return {
        deployment,
        candidates: [...setsOf.byController.get(uid), ...setsOf.orphans.get(namespace)],
        podsOf: (set) => podsOfSet.get(set.metadata?.uid ?? ''),
      }
    },
    reconcile,
  })
}
