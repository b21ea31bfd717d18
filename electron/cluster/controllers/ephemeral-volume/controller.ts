import { keyOf, type KubeObject } from '#shared/kube/object.ts'
import { persistentVolumeClaims, pods } from '#shared/kube/resources.ts'
import type { InformerFactory } from '../../client/informer-factory.ts'
import { decider, reads, watch, type Controller } from '../framework/controller.ts'
import { podsOfClaim } from '../framework/support/claims.ts'
import { hasEphemeralVolumes, reconcile } from './reconcile.ts'

/** Makes the claims of generic ephemeral volumes. */
export function ephemeralVolumeController({ informers }: { informers: InformerFactory }): Controller {
  const podInformer = informers.for(pods)
  const claims = informers.for(persistentVolumeClaims)
  const byClaim = podsOfClaim(podInformer)
  const isGone = (key: string) => !claims.lister.get(key)
  return decider({
    name: 'ephemeral-volume-controller',
    eventSource: 'ephemeral_volume',
    workers: 10,
    writesTo: [claims],
    watches: [
      // Volumes of a pod never change.
      watch(podInformer, (pod, old) => (!old && hasEphemeralVolumes(pod) ? [keyOf(pod as KubeObject)] : [])),
      watch(claims, (claim) => {
        const key = keyOf(claim as KubeObject)
        if (!isGone(key)) return []
        return byClaim
          .get(key)
          .filter(hasEphemeralVolumes)
          .map((pod) => keyOf(pod as KubeObject))
      }),
      reads(claims),
    ],
    observe(key) {
      const pod = podInformer.lister.get(key)
      return pod && { pod, claim: (name) => claims.lister.get(`${pod.metadata?.namespace}/${name}`) }
    },
    reconcile,
  })
}
