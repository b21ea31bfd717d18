import { keyOf, type KubeObject } from '#shared/kube/object.ts'
import { controllerRevisions, persistentVolumeClaims, pods, statefulSets } from '#shared/kube/resources.ts'
import { selectorOf } from '#shared/kube/selectors.ts'
import type { InformerFactory } from '../../client/informer-factory.ts'
import { decider, watch, type Controller } from '../framework/controller.ts'
import { childIndexes, owned } from '../framework/owned.ts'
import { countsAnew } from '../framework/support/pods.ts'
import { claimPrefixes } from './claims.ts'
import { reconcile } from './reconcile.ts'

/** Keeps the pods of each StatefulSet, each with its name and its claims, in order. */
export function statefulSetController({ informers }: { informers: InformerFactory }): Controller {
  const sets = informers.for(statefulSets)
  const podInformer = informers.for(pods)
  const revisions = informers.for(controllerRevisions)
  const claims = informers.for(persistentVolumeClaims)
  const podsOf = childIndexes(podInformer)
  const revisionsOf = childIndexes(revisions)
  const byClaimPrefix = sets.index('claim prefix', (set) =>
    claimPrefixes(set).map((prefix) => `${set.metadata?.namespace}/${prefix}`),
  )
  const ownership = {
    owners: sets,
    ownerType: statefulSets,
    selector: (set: { readonly spec?: { readonly selector?: object } }) => selectorOf(set.spec?.selector),
  }
  return decider({
    name: 'statefulset-controller',
    workers: 5,
    // Pods have names that come again: whoever decides from a cache that is behind kills the wrong one.
    writesTo: [sets, podInformer, revisions, claims],
    watches: [
      watch(sets, (set) => [keyOf(set as KubeObject)]),
      owned({ ...ownership, children: podInformer, relevant: countsAnew }),
      owned({ ...ownership, children: revisions }),
      watch(claims, ({ metadata }) =>
        byClaimPrefix
          .get(`${metadata?.namespace}/${metadata?.name?.replace(/-\d+$/, '')}`)
          .map((set) => keyOf(set as KubeObject)),
      ),
    ],
    observe(key) {
      const set = sets.lister.get(key)
      if (!set) return undefined
      const { uid = '', namespace = '' } = set.metadata ?? {}
      return {
        set,
        candidates: [...podsOf.byController.get(uid), ...podsOf.orphans.get(namespace)],
        revisions: [...revisionsOf.byController.get(uid), ...revisionsOf.orphans.get(namespace)],
        findClaim: (name) => claims.lister.get(keyOf({ metadata: { namespace, name } })),
      }
    },
    reconcile,
  })
}
