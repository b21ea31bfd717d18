import type { KubeObject } from '#shared/kube/object.ts'
import { persistentVolumeClaims, persistentVolumes } from '#shared/kube/resources.ts'
import { boundByController, provisionedBy, sameMode, type Claim, type Volume } from '#shared/kube/storage.ts'
import { referenceTo } from '../../client/event-recorder.ts'
import { event, nothing, update, updateStatus, type Decision, type Step } from '../framework/action.ts'
import { volumePhase } from './binding.ts'

export interface ObservedVolume {
  readonly volume: Volume
  /** The claim of the name that the volume is bound to. */
  readonly claim: Claim | undefined
}

/** Source: syncVolume. */
export function reconcileVolume({ volume, claim }: ObservedVolume): Decision {
  const reference = volume.spec?.claimRef
  // Without a uid it waits for a claim that is still to come.
  if (!reference?.uid) return { steps: volumePhase(volume, 'Available') }
  const owner = claim?.metadata?.uid === reference.uid ? claim : undefined
  if (owner) return { steps: owned(volume, owner) }
  const { phase } = volume.status ?? {}
  if (phase === 'Released' || phase === 'Failed') return { steps: reclaim(volume) }
  // The provisioner or the scheduler may be ahead of our cache of claims.
  const judge = (live: KubeObject | undefined): readonly Step[] =>
    live?.metadata?.uid === reference.uid ? owned(volume, live as Claim) : volumePhase(volume, 'Released')
  const { namespace, name = '' } = reference
  return { steps: [{ verb: 'read', type: persistentVolumeClaims, key: { namespace, name }, then: judge }] }
}

function owned(volume: Volume, claim: Claim): readonly Step[] {
  const { name } = volume.metadata ?? {}
  const bound = claim.spec?.volumeName
  // Half bound: the claim's own turn goes on with it.
  if (!bound) return sameMode(claim, volume) ? nothing.steps : incompatible(volume, claim)
  if (bound === name) return volumePhase(volume, 'Bound')
  const { annotations } = volume.metadata ?? {}
  const isSpare = annotations?.[provisionedBy] !== undefined && volume.spec?.persistentVolumeReclaimPolicy === 'Delete'
  if (!isSpare) return unbind(volume)
  const { phase } = volume.status ?? {}
  return phase === 'Released' || phase === 'Failed' ? reclaim(volume) : volumePhase(volume, 'Released')
}

function incompatible(volume: Volume, claim: Claim): readonly Step[] {
  const why = 'due to incompatible volumeMode.'
  const [own, other] = [JSON.stringify(volume.metadata?.name), JSON.stringify(claim.metadata?.name)]
  const told = [
    [
      referenceTo(persistentVolumes, volume),
      `Cannot bind PersistentVolume to requested PersistentVolumeClaim ${other}`,
    ],
    [
      referenceTo(persistentVolumeClaims, claim),
      `Cannot bind PersistentVolume ${own} to requested PersistentVolumeClaim`,
    ],
  ] as const
  return told.map(([about, text]) => event(about, 'Warning', 'VolumeMismatch', `${text} ${why}`))
}

/** Its claim is bound elsewhere: what the controller chose is undone, what the user chose waits on. */
function unbind(volume: Volume): readonly Step[] {
  const { annotations, ...metadata } = volume.metadata ?? {}
  const { claimRef, ...spec } = volume.spec ?? {}
  if (annotations?.[boundByController] !== undefined) {
    const { [boundByController]: _mark, ...others } = annotations
    return [update(persistentVolumes, { ...volume, metadata: { ...metadata, annotations: others }, spec })]
  }
  const { uid: _uid, ...rest } = claimRef ?? {}
  return [update(persistentVolumes, { ...volume, spec: { ...spec, claimRef: rest } })]
}

/** Its claim is gone. Volumes that a provisioner made are its to delete; the control plane itself touches no storage. */
function reclaim(volume: Volume): readonly Step[] {
  const { name } = volume.metadata ?? {}
  switch (volume.spec?.persistentVolumeReclaimPolicy ?? 'Retain') {
    case 'Retain':
      return []
    case 'Recycle':
      return failed(volume, 'VolumeFailedRecycle', 'No recycler plugin found for the volume!')
    case 'Delete': {
      const maker = volume.metadata?.annotations?.[provisionedBy]
      if (maker ? !maker.startsWith('kubernetes.io/') : volume.spec?.csi) return []
      const trouble = maker
        ? `no volume plugin matched name: ${maker}`
        : `error getting deleter volume plugin for volume ${JSON.stringify(name)}: no deletable volume plugin matched`
      return failed(volume, 'VolumeFailedDelete', trouble)
    }
    default:
      return failed(volume, 'VolumeUnknownReclaimPolicy', 'Volume has unrecognized PersistentVolumeReclaimPolicy')
  }
}

function failed(volume: Volume, reason: string, message: string): readonly Step[] {
  if (volume.status?.phase === 'Failed') return []
  const status = { ...volume.status, phase: 'Failed', message }
  const onSuccess = () => event(referenceTo(persistentVolumes, volume), 'Warning', reason, message)
  return [updateStatus(persistentVolumes, { ...volume, status }, { onSuccess })]
}
