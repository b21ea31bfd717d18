import { keyOf, type KubeObject } from '#shared/kube/object.ts'
import { nodes, pods } from '#shared/kube/resources.ts'
import type { Clock } from '../../base/clock.ts'
import type { InformerFactory } from '../../client/informer-factory.ts'
import { decider, watch, type Controller } from '../framework/controller.ts'
import { equal } from '../framework/support/equality.ts'
import { podsOfNode } from '../framework/support/node-pods.ts'
import type { TaintView } from '../framework/support/taints.ts'
import { reconcile } from './reconcile.ts'

/** Drives pods off nodes with NoExecute taints that they do not tolerate (any longer). */
export function taintEvictionController(deps: { informers: InformerFactory; clock: Clock }): Controller {
  const all = deps.informers.for(nodes)
  const podInformer = deps.informers.for(pods)
  const byNode = podsOfNode(podInformer)
  /** Since when pods have been under taints, by uid. */
  const since = new Map<string, number>()
  const taintsOf = (name: string | undefined): readonly TaintView[] =>
    (all.lister.get(name ?? '')?.spec?.taints ?? []).filter(({ effect }) => effect === 'NoExecute')

  return decider({
    name: 'taint-eviction-controller',
    account: 'node-controller',
    workers: 8,
    watches: [
      watch(
        podInformer,
        (pod, old) => {
          const { nodeName, tolerations } = pod.spec ?? {}
          const same = old && old.spec?.nodeName === nodeName && equal(old.spec?.tolerations, tolerations)
          return same || !nodeName || !taintsOf(nodeName).length ? [] : [keyOf(pod as KubeObject)]
        },
        { onDelete: (pod) => since.delete(pod.metadata?.uid ?? '') },
      ),
      watch(all, (node, old) => {
        if (old && equal(old.spec?.taints, node.spec?.taints)) return []
        if (!old && !taintsOf(node.metadata?.name).length) return []
        return byNode.get(node.metadata?.name ?? '').map((pod) => keyOf(pod as KubeObject))
      }),
    ],
    observe(key) {
      const pod = podInformer.lister.get(key)
      if (!pod) return undefined
      const uid = pod.metadata?.uid ?? ''
      const taints = taintsOf(pod.spec?.nodeName)
      const now = deps.clock.now()
      if (!taints.length) since.delete(uid)
      else if (!since.has(uid)) since.set(uid, deps.clock.monotonic())
      const from = since.get(uid)
      // The time of day may have been set since.
      return { pod, taints, since: from === undefined ? now : now - (deps.clock.monotonic() - from) }
    },
    reconcile,
  })
}
