import type { Pod } from 'kubernetes-types/core/v1'
import { keyOf, type KubeObject } from '#shared/kube/object.ts'
import { pods } from '#shared/kube/resources.ts'
import type { Clock } from '../../../base/clock.ts'
import type { InformerFactory } from '../../../client/informer-factory.ts'
import { decider, watch, type Controller } from '../controller.ts'
import { Expectations } from '../expectations.ts'
import { childIndexes, owned } from '../owned.ts'
import { controllerOf } from '../support/owner-references.ts'
import { countsAnew } from '../support/pods.ts'
import { reconcile, type Replicated, type ReplicatedKind } from './reconcile.ts'

export interface ReplicasDeps {
  readonly informers: InformerFactory
  readonly clock: Clock
}

/** Keeps as many pods of each object of the kind as it asks for. */
export function replicasController(deps: ReplicasDeps, kind: ReplicatedKind & { readonly name: string }): Controller {
  const sets = deps.informers.for(kind.type)
  const children = deps.informers.for(pods)
  const { byController, orphans } = childIndexes(children)
  const siblings = childIndexes(sets).byController
  const expectations = new Expectations(deps)
  return decider({
    name: kind.name,
    workers: 5,
    expectations,
    writesTo: [sets, children],
    watches: [
      watch(sets, (set) => [keyOf(set as KubeObject)], {
        onDelete: (set) => expectations.forget(keyOf(set as KubeObject)),
      }),
      owned<Pod, Replicated>({
        children,
        owners: sets,
        ownerType: kind.type,
        selector: kind.selector,
        expectations,
        relevant: countsAnew,
      }),
    ],
    observe(key) {
      const set = sets.lister.get(key)
      if (!set) return undefined
      const uid = set.metadata?.uid ?? ''
      const owner = controllerOf(set as KubeObject)
      return {
        set,
        candidates: [...byController.get(uid), ...orphans.get(set.metadata?.namespace ?? '')],
        related: () =>
          owner
            ? siblings.get(owner.uid).flatMap((sibling) => byController.get(sibling.metadata?.uid ?? ''))
            : byController.get(uid),
        settled: expectations.satisfied(key),
      }
    },
    reconcile: (observed, now) => reconcile(kind, observed, now),
  })
}
