import { keyOf, type KubeObject } from '#shared/kube/object.ts'
import { services } from '#shared/kube/resources.ts'
import type { InformerFactory } from '../../client/informer-factory.ts'
import { decider, watch, type Controller } from '../framework/controller.ts'
import { reconcile } from './reconcile.ts'

/** Publishes what the agent bound on localhost for services of type LoadBalancer. */
export function serviceLoadBalancerController(deps: { informers: InformerFactory }): Controller {
  const all = deps.informers.for(services)
  return decider({
    name: 'service-controller',
    workers: 1,
    writesTo: [all],
    watches: [watch(all, (service) => [keyOf(service as KubeObject)])],
    observe: (key) => all.lister.get(key),
    reconcile,
  })
}
