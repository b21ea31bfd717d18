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
  const byRange = all.index('podCIDR', ({ spec }) => [spec?.podCIDR ?? ''])
  return decider({
    name: 'node-ipam-controller',
    account: 'node-controller',
    workers: 1,
    writesTo: [all],
    // One key for all nodes: the next range depends on all that were given before.
    watches: [watch(all, (_, old) => (old && old.spec?.podCIDR ? [] : ['nodes']))],
    observe: () => {
      const waiting = byRange.get('').filter(({ metadata }) => !metadata?.deletionTimestamp)
      return waiting.length ? { waiting, cluster: podCidr, used: new Set(byRange.values()) } : undefined
    },
    reconcile,
  })
}
