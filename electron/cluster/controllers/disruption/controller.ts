import type { Pod } from 'kubernetes-types/core/v1'
import { keyOf, type Frozen, type KubeObject } from '#shared/kube/object.ts'
import {
  deployments,
  podDisruptionBudgets,
  pods,
  replicaSets,
  replicationControllers,
  statefulSets,
  type ResourceType,
} from '#shared/kube/resources.ts'
import { selectorOf } from '#shared/kube/selectors.ts'
import type { Discovery, KubeClient } from '../../client/api.ts'
import type { InformerFactory } from '../../client/informer-factory.ts'
import { reads, watch, type Controller } from '../framework/controller.ts'
import { controllerOf } from '../framework/support/owner-references.ts'
import { equal } from '../framework/support/equality.ts'
import { isPodReady } from '../framework/support/pods.ts'
import { podSelection } from '../framework/support/selected-pods.ts'
import { budgetsOfPod } from './budgets.ts'
import { isRelative, reconcile } from './reconcile.ts'
import { Scales } from './scale.ts'

/** Says how many pods of each disruption budget may be evicted. */
export function disruptionController(deps: {
  informers: InformerFactory
  client: KubeClient
  discovery: Discovery
}): Controller {
  const { informers } = deps
  const budgets = informers.for(podDisruptionBudgets)
  const podInformer = informers.for(pods)
  const select = podSelection(podInformer)
  const budgetsOf = budgetsOfPod(budgets)
  const scales = new Scales(deps)
  const keys = (pod: Frozen<Pod>) => budgetsOf(pod).map((budget) => keyOf(budget as KubeObject))
  const owners: readonly ResourceType[] = [deployments, replicaSets, replicationControllers, statefulSets]
  return {
    name: 'disruption-controller',
    eventSource: 'controllermanager',
    workers: 5,
    writesTo: [budgets],
    watches: [
      watch(budgets, (budget) => [keyOf(budget as KubeObject)]),
      watch(podInformer, (pod, old) => {
        if (!old) return keys(pod)
        return matters(pod, old) ? new Set([...keys(pod), ...keys(old)]) : []
      }),
      ...owners.map((type) => reads(informers.for(type))),
    ],
    async sync(key, { decide, now }) {
      const budget = budgets.lister.get(key)
      if (!budget) return
      const selected = select(budget.metadata?.namespace ?? '', selectorOf(budget.spec?.selector))
      const scale = isRelative(budget) ? await scales.of(selected).catch((error: unknown) => error as Error) : undefined
      const decision = reconcile({ budget, pods: selected, scale }, now)
      await decide(decision)
      return decision
    },
  }
}

/** What of a pod counts for a budget. */
const matters = (pod: Frozen<Pod>, old: Frozen<Pod>): boolean =>
  isPodReady(pod) !== isPodReady(old) ||
  pod.metadata?.deletionTimestamp !== old.metadata?.deletionTimestamp ||
  controllerOf(pod as KubeObject)?.uid !== controllerOf(old as KubeObject)?.uid ||
  !equal(pod.metadata?.labels, old.metadata?.labels)
