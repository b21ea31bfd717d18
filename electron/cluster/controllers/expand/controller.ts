import { keyOf, type KubeObject } from '#shared/kube/object.ts'
import { persistentVolumeClaims, persistentVolumes } from '#shared/kube/resources.ts'
import type { InformerFactory } from '../../client/informer-factory.ts'
import { decider, watch, type Controller } from '../framework/controller.ts'
import { isWanting, reconcile, type Observed } from './reconcile.ts'

/** Expands bound claims that ask for more than they have. */
export function expandController({ informers }: { informers: InformerFactory }): Controller {
  const claims = informers.for(persistentVolumeClaims)
  const volumes = informers.for(persistentVolumes)
  return decider<Observed>({
    name: 'volume_expand',
    account: 'expand-controller',
    workers: 1,
    writesTo: [claims, volumes],
    watches: [
      watch(claims, (claim) => {
        const wanted = claim.spec?.resources?.requests?.['storage'] as string | undefined
        return wanted !== undefined && isWanting(claim, wanted) ? [keyOf(claim as KubeObject)] : []
      }),
      watch(volumes, ({ spec }) => (spec?.claimRef ? [`${spec.claimRef.namespace}/${spec.claimRef.name}`] : [])),
    ],
    observe(key) {
      const claim = claims.lister.get(key)
      return claim && { claim, volume: claim.spec?.volumeName ? volumes.lister.get(claim.spec.volumeName) : undefined }
    },
    reconcile,
  })
}
