import type { Node } from 'kubernetes-types/core/v1'
import type { Frozen } from '#shared/kube/object.ts'
import { nodes, persistentVolumes } from '#shared/kube/resources.ts'
import { isNotFound } from '#shared/kube/status.ts'
import {
  hostDirectoryFinalizer,
  isHostDirectory,
  nodeOfHostDirectory,
  volumeProtection,
  volumesDirectory,
  type Volume,
} from '#shared/kube/storage.ts'
import { remove, update, type Step } from '../framework/action.ts'

export interface ObservedVolume {
  readonly volume: Volume
  readonly node: (name: string) => Frozen<Node> | undefined
}

/**
 * Deletes a volume whose claim is gone, where it is to be deleted. Its directory is the agent's: the finalizer is taken
 * away here only where there is none to remove, because the volume is retained, the node has none, or is gone.
 */
export function release({ volume, node }: ObservedVolume): readonly Step[] {
  const { metadata, spec, status } = volume
  const isDeleted = spec?.persistentVolumeReclaimPolicy === 'Delete'
  if (!metadata?.deletionTimestamp) {
    if (!isHostDirectory(volume) || !isDeleted || status?.phase !== 'Released') return []
    const options = { preconditions: { uid: metadata?.uid } }
    return [remove(persistentVolumes, volume, { options, tolerate: isNotFound })]
  }
  const { finalizers = [] } = metadata
  if (!finalizers.includes(hostDirectoryFinalizer) || finalizers.includes(volumeProtection)) return []
  if (!isDeleted) return letGo(volume)
  const name = nodeOfHostDirectory(volume)
  if (name === undefined) return letGo(volume)
  const known = node(name)
  if (known) return hasDirectories(known) ? [] : letGo(volume)
  return [
    {
      verb: 'read',
      type: nodes,
      key: { name },
      then: (live) => (live && hasDirectories(live as Frozen<Node>) ? [] : letGo(volume)),
    },
  ]
}

const hasDirectories = ({ metadata }: Frozen<Node>): boolean => metadata?.annotations?.[volumesDirectory] !== undefined

function letGo(volume: Volume): readonly Step[] {
  const finalizers = (volume.metadata?.finalizers ?? []).filter((each) => each !== hostDirectoryFinalizer)
  return [
    update(persistentVolumes, { ...volume, metadata: { ...volume.metadata, finalizers } }, { tolerate: isNotFound }),
  ]
}
