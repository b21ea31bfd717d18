import { keyOf, type KubeObject } from '#shared/kube/object.ts'
import { persistentVolumeClaims, pods } from '#shared/kube/resources.ts'
import type { Claim } from '#shared/kube/storage.ts'
import type { KubeClient } from '../../client/api.ts'
import type { InformerFactory } from '../../client/informer-factory.ts'
import { watch, type Controller } from '../framework/controller.ts'
import { claimKeysOf, podsOfClaim } from '../framework/support/claims.ts'
import { isDeletionCandidate, lacksProtection, protect, unprotect, usesClaim } from './reconcile.ts'

/** Keeps claims while pods use them. */
export function claimProtectionController(deps: { informers: InformerFactory; client: KubeClient }): Controller {
  const { informers, client } = deps
  const claims = informers.for(persistentVolumeClaims)
  const podInformer = informers.for(pods)
  const byClaim = podsOfClaim(podInformer)

  async function isUsed(claim: Claim): Promise<boolean> {
    if (byClaim.get(keyOf(claim as KubeObject)).some((pod) => usesClaim(pod, claim))) return true
    const { items } = await client.list(pods, { namespace: claim.metadata?.namespace ?? '' })
    return items.some((pod) => usesClaim(pod, claim))
  }

  return {
    name: 'pvc-protection-controller',
    workers: 1,
    writesTo: [claims],
    watches: [
      watch(claims, (claim) =>
        isDeletionCandidate(claim) || lacksProtection(claim) ? [keyOf(claim as KubeObject)] : [],
      ),
      // A pod that goes, or goes another way, may have been the last to use a claim.
      watch(podInformer, (pod) =>
        claimKeysOf(pod).filter((key) => {
          const claim = claims.lister.get(key)
          return claim && isDeletionCandidate(claim)
        }),
      ),
    ],
    async sync(key, { decide }) {
      const claim = claims.lister.get(key)
      if (!claim) return
      if (lacksProtection(claim)) await decide({ steps: [protect(claim)] })
      else if (isDeletionCandidate(claim) && !(await isUsed(claim))) await decide({ steps: [unprotect(claim)] })
    },
  }
}
