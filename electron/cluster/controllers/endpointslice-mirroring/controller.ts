import { keyOf, type KubeObject } from '#shared/kube/object.ts'
import { endpoints, endpointSlices, services } from '#shared/kube/resources.ts'
import type { InformerFactory } from '../../client/informer-factory.ts'
import { decider, watch, type Controller } from '../framework/controller.ts'
import { managedSlices } from '../framework/support/endpoint-slices.ts'
import { managedBy, reconcile } from './reconcile.ts'

/** Mirrors the Endpoints of services without a selector to EndpointSlices. */
export function endpointSliceMirroringController(deps: { informers: InformerFactory }): Controller {
  const endpointsInformer = deps.informers.for(endpoints)
  const serviceInformer = deps.informers.for(services)
  const sliceInformer = deps.informers.for(endpointSlices)
  const { byService, changes } = managedSlices(sliceInformer, managedBy)
  return decider({
    name: 'endpointslicemirroring-controller',
    eventSource: 'endpoint-slice-mirroring-controller',
    workers: 5,
    writesTo: [sliceInformer],
    watches: [
      // Those of services with a selector change with every pod, and matter as little.
      watch(endpointsInformer, (object) => {
        const key = keyOf(object as KubeObject)
        return serviceInformer.lister.get(key)?.spec?.selector && !byService.count(key) ? [] : [key]
      }),
      watch(serviceInformer, (service, old) =>
        old && !old.spec?.selector === !service.spec?.selector ? [] : [keyOf(service as KubeObject)],
      ),
      changes,
    ],
    observe: (key) => ({
      endpoints: endpointsInformer.lister.get(key),
      service: serviceInformer.lister.get(key),
      slices: byService.get(key),
    }),
    reconcile,
  })
}
