import type { PersistentVolume } from 'kubernetes-types/core/v1'
import { persistentVolumeClaims, persistentVolumes } from '#shared/kube/resources.ts'
import type { KubeClient } from '../../client/api.ts'
import type { Pod, Volume } from '../types.ts'

/** A volume that could not even be looked up. */
export class ClaimError extends Error {
  override readonly name = 'ClaimError'
}

/** The claim that a volume of a pod names, or that was made for it. */
export const claimNameOf = (
  { metadata }: Pod,
  { name, persistentVolumeClaim, ephemeral }: Volume,
): string | undefined => persistentVolumeClaim?.claimName ?? (ephemeral ? `${metadata?.name}-${name}` : undefined)

/** The volume behind a claim of a pod. Source: desired_state_of_world_populator.go, whose texts these are. */
export async function volumeOfClaim(
  client: KubeClient,
  pod: Pod,
  volume: Volume,
  name: string,
): Promise<PersistentVolume> {
  const namespace = pod.metadata?.namespace ?? ''
  try {
    return await lookUp(client, pod, volume, { namespace, name })
  } catch (error) {
    throw new ClaimError(`error processing PVC ${namespace}/${name}: ${(error as Error).message}`, { cause: error })
  }
}

async function lookUp(
  client: KubeClient,
  pod: Pod,
  volume: Volume,
  key: { namespace: string; name: string },
): Promise<PersistentVolume> {
  const claim = await client.get(persistentVolumeClaims, key).catch((error: Error) => {
    throw new Error(`failed to fetch PVC from API server: ${error.message}`)
  })
  const { uid, deletionTimestamp, ownerReferences } = claim.metadata ?? {}
  if (volume.ephemeral && !ownerReferences?.some((owner) => owner.controller && owner.uid === pod.metadata?.uid)) {
    const { namespace, name } = key
    throw new Error(
      `PVC ${namespace}/${name} was not created for pod ${namespace}/${pod.metadata?.name} (pod is not owner)`,
    )
  }
  if (deletionTimestamp) throw new Error('PVC is being deleted')
  if (claim.status?.phase !== 'Bound') throw new Error('PVC is not bound')
  const { volumeName } = claim.spec ?? {}
  if (!volumeName) throw new Error('PVC has empty pvc.Spec.VolumeName')
  const found = await client.get(persistentVolumes, { name: volumeName }).catch((error: Error) => {
    throw new Error(`failed to fetch PV ${volumeName} from API server: ${error.message}`)
  })
  const { claimRef } = found.spec ?? {}
  if (!claimRef) {
    throw new Error(
      `found PV object ${volumeName} but it has a nil pv.Spec.ClaimRef indicating it is not yet bound to the claim`,
    )
  }
  if (claimRef.uid !== uid) {
    throw new Error(
      `found PV object ${volumeName} but its pv.Spec.ClaimRef.UID ${claimRef.uid} does not point to claim.UID ${uid}`,
    )
  }
  checkMode(pod, volume, found)
  return found
}

/** Volumes are mounted as file systems; a block device is none. */
function checkMode({ spec }: Pod, { name }: Volume, { spec: found }: PersistentVolume): void {
  const mode = found?.volumeMode ?? 'Filesystem'
  const containers = [...(spec?.initContainers ?? []), ...(spec?.containers ?? [])]
  if (
    mode !== 'Filesystem' &&
    containers.some(({ volumeMounts }) => volumeMounts?.some((mount) => mount.name === name))
  )
    throw new Error(`volume ${name} has volumeMode ${mode}, but is specified in volumeMounts`)
  if (mode !== 'Block' && containers.some(({ volumeDevices }) => volumeDevices?.some((each) => each.name === name)))
    throw new Error(`volume ${name} has volumeMode ${mode}, but is specified in volumeDevices`)
}
