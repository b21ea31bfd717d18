import { keyOf, type KubeObject } from '#shared/kube/object.ts'
import { endpoints, pods, services } from '#shared/kube/resources.ts'
import type { InformerFactory } from '../../client/informer-factory.ts'
import { decider, watch, type Controller } from '../framework/controller.ts'
import { labelIndex, selectedPods, selectingServices } from '../framework/support/service-pods.ts'
import { managedByLabel, reconcile } from './reconcile.ts'

/** Mirrors what services select into the v1 Endpoints object of the same name, for clients that know no slices. */
export function endpointsController(deps: { informers: InformerFactory }): Controller {
  const serviceInformer = deps.informers.for(services)
  const podInformer = deps.informers.for(pods)
  const endpointsInformer = deps.informers.for(endpoints)
  const byLabel = labelIndex(podInformer)
  return decider({
    name: 'endpoint-controller',
    workers: 5,
    writesTo: [endpointsInformer],
    watches: [
      watch(serviceInformer, (service) => [keyOf(service as KubeObject)]),
      // Those without a service go with it; but some are made by hand and never had one.
      watch(endpointsInformer, (object) => {
        const key = keyOf(object as KubeObject)
        return object.metadata?.labels?.[managedByLabel] || serviceInformer.lister.get(key) ? [key] : []
      }),
      selectingServices(podInformer, serviceInformer),
    ],
    observe(key) {
      const service = serviceInformer.lister.get(key)
      return {
        service,
        pods: service ? selectedPods(service, byLabel) : [],
        current: endpointsInformer.lister.get(key),
      }
    },
    reconcile,
  })
}
