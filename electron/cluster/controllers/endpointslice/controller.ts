import { keyOf, type KubeObject } from '#shared/kube/object.ts'
import { endpointSlices, nodes, pods, services } from '#shared/kube/resources.ts'
import type { InformerFactory } from '../../client/informer-factory.ts'
import { decider, watch, type Controller } from '../framework/controller.ts'
import { labelIndex, selectedPods, selectingServices } from '../framework/support/service-pods.ts'
import { managedBy, type SliceView } from './endpoints.ts'
import { reconcile } from './reconcile.ts'

/** Keeps the EndpointSlices of services with a selector. */
export function endpointSliceController(deps: { informers: InformerFactory }): Controller {
  const serviceInformer = deps.informers.for(services)
  const podInformer = deps.informers.for(pods)
  const sliceInformer = deps.informers.for(endpointSlices)
  const nodeInformer = deps.informers.for(nodes)
  const byLabel = labelIndex(podInformer)
  const byService = sliceInformer.index('service', (slice) => serviceKeys(slice))
  return decider({
    name: 'endpointslice-controller',
    workers: 5,
    writesTo: [sliceInformer],
    watches: [
      watch(serviceInformer, (service) => [keyOf(service as KubeObject)]),
      watch(sliceInformer, (slice) => serviceKeys(slice)),
      // Zones show in endpoints, and pods of unknown nodes do not.
      watch(nodeInformer, (node, old) => {
        const zone = 'topology.kubernetes.io/zone'
        if (old && old.metadata?.labels?.[zone] === node.metadata?.labels?.[zone]) return []
        return serviceInformer.lister.list().map((service) => keyOf(service as KubeObject))
      }),
      selectingServices(podInformer, serviceInformer),
    ],
    observe(key) {
      const service = serviceInformer.lister.get(key)
      if (!service) return undefined
      return {
        service,
        pods: selectedPods(service, byLabel),
        slices: byService.get(key),
        node: (name) => nodeInformer.lister.get(name),
      }
    },
    reconcile,
  })
}

function serviceKeys({ metadata }: SliceView): string[] {
  const { labels, namespace } = metadata ?? {}
  const name = labels?.['kubernetes.io/service-name']
  return name && labels?.['endpointslice.kubernetes.io/managed-by'] === managedBy ? [`${namespace}/${name}`] : []
}
