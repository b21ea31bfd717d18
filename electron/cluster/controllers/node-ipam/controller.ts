import type { Node } from 'kubernetes-types/core/v1'
import type { Frozen } from '#shared/kube/object.ts'
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
  /** Names of those that a range is to be looked for: newcomers, and all who have none when one becomes free. */
  const waiting = new Set<string>()
  /** Who has been told that there is none left: once is enough. */
  const told = new Set<string>()
  const byRange = all.index('podCIDR', ({ spec }) => [spec?.podCIDR ?? ''])
  const wait = ({ metadata }: Frozen<Node>) => void waiting.add(metadata?.name ?? '')
  return decider({
    name: 'node-ipam-controller',
    account: 'node-controller',
    workers: 1,
    writesTo: [all],
    // One key for all nodes: the next range depends on all that were given before.
    watches: [
      watch(
        all,
        (node, old) => {
          if (old && old.spec?.podCIDR === node.spec?.podCIDR) return []
          wait(node)
          return ['nodes']
        },
        {
          onDelete({ metadata, spec }) {
            told.delete(metadata?.uid ?? '')
            if (spec?.podCIDR) byRange.get('').forEach(wait)
          },
        },
      ),
    ],
    observe() {
      const found = [...waiting].flatMap((name) => {
        const node = all.lister.get(name)
        if (node && !node.spec?.podCIDR && !node.metadata?.deletionTimestamp) return [node]
        waiting.delete(name)
        return []
      })
      return found.length ? { waiting: found, told, cluster: podCidr, used: new Set(byRange.values()) } : undefined
    },
    reconcile(observed) {
      const decision = reconcile(observed)
      for (const { about } of decision.refused) told.add(about.uid ?? '')
      for (const name of decision.without) waiting.delete(name)
      return decision
    },
  })
}
