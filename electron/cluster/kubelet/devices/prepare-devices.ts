import type { ResourceClaim } from '#shared/kube/devices.ts'
import { claimNameOf, extendedClaimStatus, isReservedFor, notForPod, podClaims } from '#shared/kube/pod-claims.ts'
import { resourceClaims } from '#shared/kube/resources.ts'
import type { KubeClient } from '../../client/api.ts'
import type { Pod } from '../types.ts'

/**
 * Has what a pod's claims were given made ready for it; rejects with why it cannot have it, in upstream's words. Drivers
 * make devices ready through plug-ins of the node, which register themselves with the kubelet; this one takes none, so
 * that a pod with devices of any driver waits, as on a node where its plug-in does not run.
 * Source: pkg/kubelet/cm/dra/manager.go, prepareResources.
 */
export async function prepareDevices(client: KubeClient, pod: Pod): Promise<void> {
  for (const { name, generated } of claimsOf(pod)) {
    const claim = await fetchClaim(client, pod, name)
    const stranger = generated ? notForPod(pod, claim) : undefined
    if (stranger) throw new Error(stranger)
    const { metadata, status } = claim
    if (!isReservedFor(claim, pod.metadata?.uid)) {
      throw new Error(
        `pod ${pod.metadata?.name} (${pod.metadata?.uid}) is not allowed to use ResourceClaim ${name} (${metadata?.uid})`,
      )
    }
    const [given] = status?.allocation?.devices?.results ?? []
    if (given) throw new Error(`DRA driver ${given.driver} is not registered`)
  }
}

function claimsOf(pod: Pod): { name: string; generated: boolean }[] {
  const own = podClaims(pod).flatMap((claim) => {
    const found = claimNameOf(pod, claim)
    if (found === 'not created') {
      throw new Error(`pod "${pod.metadata?.namespace}/${pod.metadata?.name}": ResourceClaim not created yet`)
    }
    return found === 'not needed' ? [] : [found]
  })
  const extended = extendedClaimStatus(pod)?.resourceClaimName
  return extended === undefined ? own : [...own, { name: extended, generated: false }]
}

async function fetchClaim(client: KubeClient, pod: Pod, name: string): Promise<ResourceClaim> {
  try {
    return await client.get(resourceClaims, { namespace: pod.metadata?.namespace ?? '', name })
  } catch (error) {
    throw new Error(`fetch ResourceClaim ${name}: ${(error as Error).message}`, { cause: error })
  }
}
