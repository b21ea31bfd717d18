import { leases, nodes, pods } from '#shared/kube/resources.ts'
import type { Clock } from '../../base/clock.ts'
import type { InformerFactory } from '../../client/informer-factory.ts'
import { decider, reads, watch, type Controller } from '../framework/controller.ts'
import { findCondition } from '../framework/support/conditions.ts'
import { podsOfNode } from '../framework/support/node-pods.ts'
import { NodeHealth } from './health.ts'
import { reconcile } from './reconcile.ts'
import { isReady, zoneOf, Zones, type Upset } from './zones.ts'

const leaseNamespace = 'kube-node-lease'

/** Notices nodes that fall silent, and taints nodes by their conditions. */
export function nodeLifecycleController(deps: { informers: InformerFactory; clock: Clock }): Controller {
  const { informers, clock } = deps
  const all = informers.for(nodes)
  const renewals = informers.for(leases, { namespace: leaseNamespace })
  const podInformer = informers.for(pods)
  const byNode = podsOfNode(podInformer)
  const health = new NodeHealth()
  const zones = new Zones()
  /** Nodes that are not ready, by zone, and under '' all of them. */
  const down = all.index('down', (node) => (isReady(node) ? [] : [`zone ${zoneOf(node)}`, '']))
  // Whether one node may be evicted depends on how the others are.
  const upsetNodes = (upset: Upset): string[] =>
    upset ? down.get(upset === 'all' ? '' : `zone ${upset.zone}`).map(({ metadata }) => metadata?.name ?? '') : []
  /** Since when signs of life are looked for: a node is not silent because nobody listened. */
  let since: number | undefined
  return decider({
    name: 'node-controller',
    workers: 8,
    writesTo: [all],
    watches: [
      watch(all, (node) => {
        const name = node.metadata?.name ?? ''
        const isGone = !all.lister.get(name)
        if (isGone) health.forget(name)
        else health.status(node, clock.monotonic())
        return [name, ...upsetNodes(isGone ? zones.forget(name) : zones.see(node))]
      }),
      watch(renewals, (lease, old) => {
        const name = lease.metadata?.name ?? ''
        health.lease(lease, clock.monotonic())
        // While a node is ready, its timer looks at what was heard.
        const node = all.lister.get(name)
        return old && node && isReady(node) ? [] : [name]
      }),
      reads(podInformer),
    ],
    observe(name) {
      const node = all.lister.get(name)
      if (!node) return undefined
      const now = clock.now()
      const reported = findCondition(node.status?.conditions, 'Ready') !== undefined
      since ??= clock.monotonic()
      const heard = health.heard(name)
      const created = Date.parse(node.metadata?.creationTimestamp ?? '') || now
      return {
        node,
        reported,
        // The time of day may have been set since.
        heard: reported ? now - (clock.monotonic() - Math.max(since, heard ?? 0)) : created,
        pods: () => byNode.get(name),
        allDown: () => zones.allDown,
        turn: () => zones.turn(node, clock.monotonic()),
      }
    },
    reconcile,
  })
}
