import { keyOf, type KubeObject } from '#shared/kube/object.ts'
import { endpointSlices, nodes, pods, services } from '#shared/kube/resources.ts'
import type { InformerFactory } from '../../client/informer-factory.ts'
import { decider, watch, type Controller } from '../framework/controller.ts'
import { managedSlices } from '../framework/support/endpoint-slices.ts'
import { labelIndex, selectedPods, selectingServices } from '../framework/support/service-pods.ts'
import { managedBy, zoneLabel } from './endpoints.ts'
import { hintModeOf } from './hints.ts'
import { reconcile } from './reconcile.ts'
import { shareOfNode, zoneShares, type ZoneShares } from './zones.ts'

/** Keeps the EndpointSlices of services with a selector. */
export function endpointSliceController(deps: { informers: InformerFactory }): Controller {
  const serviceInformer = deps.informers.for(services)
  const podInformer = deps.informers.for(pods)
  const sliceInformer = deps.informers.for(endpointSlices)
  const nodeInformer = deps.informers.for(nodes)
  const byLabel = labelIndex(podInformer)
  const { byService, changes } = managedSlices(sliceInformer, managedBy)
  /** Services whose endpoints are shared out by zones. */
  const automatic = new Set<string>()
  /** Of the zones; undefined until somebody asks. */
  let shares: { readonly known: ZoneShares | undefined } | undefined
  return decider({
    name: 'endpointslice-controller',
    workers: 5,
    writesTo: [sliceInformer],
    watches: [
      watch(serviceInformer, (service) => [keyOf(service as KubeObject)], {
        onDelete: (service) => automatic.delete(keyOf(service as KubeObject)),
      }),
      changes,
      // Zones show in endpoints, and pods of unknown nodes do not; processors bear on how zones share endpoints.
      watch(nodeInformer, (node, old) => {
        const gone = !nodeInformer.lister.get(node.metadata?.name ?? '')
        const moved = !old || old.metadata?.labels?.[zoneLabel] !== node.metadata?.labels?.[zoneLabel]
        const shared = gone || (old ? shareOfNode(old) !== shareOfNode(node) : shareOfNode(node) !== '')
        if (shared) shares = undefined
        if (!moved && !shared) return []
        const affected = serviceInformer.lister.list()
        return (moved ? affected : affected.filter((service) => hintModeOf(service) === 'automatic')).map((service) =>
          keyOf(service as KubeObject),
        )
      }),
      selectingServices(podInformer, serviceInformer),
    ],
    observe(key) {
      const service = serviceInformer.lister.get(key)
      if (!service) return undefined
      return {
        key,
        service,
        pods: selectedPods(service, byLabel),
        slices: byService.get(key),
        node: (name: string) => nodeInformer.lister.get(name),
        shares: () => (shares ??= { known: zoneShares(nodeInformer.lister.list()) }).known,
        wasAutomatic: automatic.has(key),
      }
    },
    reconcile({ key, ...observed }) {
      const decision = reconcile(observed)
      if (decision.automatic) automatic.add(key)
      else automatic.delete(key)
      return decision
    },
  })
}
