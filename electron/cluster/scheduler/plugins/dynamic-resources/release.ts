import { deleteProtection, type ResourceClaim } from '#shared/kube/devices.ts'
import { resourceClaims } from '#shared/kube/resources.ts'
import { isNotFound } from '#shared/kube/status.ts'
import type { KubeClient, ObjectKey } from '../../../client/api.ts'
import type { Claim } from './claims.ts'

export const objectKey = ({ metadata }: Claim): ObjectKey => ({
  namespace: metadata?.namespace,
  name: metadata?.name ?? '',
})

/** The claim has no devices any more, and may be given others; fails where it has changed since. */
export async function giveBack(client: KubeClient, claim: Claim): Promise<void> {
  const { uid, resourceVersion } = claim.metadata ?? {}
  const status = { allocation: null, reservedFor: null, devices: null }
  await client.patch(
    resourceClaims,
    objectKey(claim),
    'merge',
    { metadata: { uid, resourceVersion }, status },
    { subresource: 'status' },
  )
}

/** The claim is no longer kept for a pod. */
export async function unreserve(client: KubeClient, claim: Claim, podUid: string): Promise<void> {
  const status = { reservedFor: [{ $patch: 'delete', uid: podUid }] }
  const body = { metadata: { uid: claim.metadata?.uid }, status }
  await client.patch(resourceClaims, objectKey(claim), 'strategic', body, { subresource: 'status' })
}

/** Deletes a claim of the scheduler's own, whatever devices it has. */
export async function removeClaim(client: KubeClient, claim: Claim): Promise<void> {
  try {
    const now: ResourceClaim = await client.get(resourceClaims, objectKey(claim))
    const { uid, resourceVersion, finalizers = [] } = now.metadata ?? {}
    if (uid !== claim.metadata?.uid) return
    const left = finalizers.filter((each) => each !== deleteProtection)
    if (left.length < finalizers.length)
      await client.patch(resourceClaims, objectKey(claim), 'merge', {
        metadata: { resourceVersion, finalizers: left.length ? left : null },
      })
    await client.delete(resourceClaims, objectKey(claim), { preconditions: { uid } })
  } catch (error) {
    if (!isNotFound(error)) throw error
  }
}
