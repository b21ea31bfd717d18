import { nodes } from '#shared/kube/resources.ts'
import type { InformerFactory } from '../../client/informer-factory.ts'
import { decider, watch, type Controller } from '../framework/controller.ts'
import { reconcile } from './reconcile.ts'

/** Gives every node a range of addresses for its pods. */
export function nodeIpamController({
  informers,
  podCidr,
}: {
  informers: InformerFactory
  podCidr: string
}): Controller {
  const all = informers.for(nodes)
  /** Who has been told that there is no range left: once is enough. */
  const told = new Set<string>()
  const byRange = all.index('podCIDR', ({ spec }) => [spec?.podCIDR ?? ''])
  return decider({
    name: 'node-ipam-controller',
    account: 'node-controller',
    workers: 1,
    writesTo: [all],
    // One key for all nodes: the next range depends on all that were given before.
    // A node that leaves frees its range; nothing else that happens to a node does.
    watches: [
      watch(all, (node, old) => (old && old.spec?.podCIDR === node.spec?.podCIDR ? [] : ['nodes']), {
        onDelete: ({ metadata }) => told.delete(metadata?.uid ?? ''),
      }),
    ],
    observe: () => {
      const waiting = byRange.get('').filter(({ metadata }) => !metadata?.deletionTimestamp)
      return waiting.length ? { waiting, told, cluster: podCidr, used: new Set(byRange.values()) } : undefined
    },
    reconcile(observed) {
      const decision = reconcile(observed)
      for (const { about } of decision.refused) told.add(about.uid ?? '')
      return decision
    },
  })
}
