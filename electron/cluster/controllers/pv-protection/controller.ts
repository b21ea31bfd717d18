import { persistentVolumes } from '#shared/kube/resources.ts'
import type { InformerFactory } from '../../client/informer-factory.ts'
import { decider, watch, type Controller } from '../framework/controller.ts'
import { reconcile } from './reconcile.ts'

/** Keeps volumes while claims are bound to them. */
export function volumeProtectionController({ informers }: { informers: InformerFactory }): Controller {
  const volumes = informers.for(persistentVolumes)
  return decider({
    name: 'pv-protection-controller',
    workers: 1,
    writesTo: [volumes],
    watches: [watch(volumes, ({ metadata }) => [metadata?.name ?? ''])],
    observe: (name) => volumes.lister.get(name),
    reconcile,
  })
}
