import { persistentVolumeClaims, persistentVolumes } from '#shared/kube/resources.ts'
import {
  bindCompleted,
  boundByController,
  claimReference,
  isBoundTo,
  type Claim,
  type Volume,
} from '#shared/kube/storage.ts'
import { update, updateStatus, type Step } from '../framework/action.ts'

/** The next write that binds the two: volume, its phase, claim, its status. Nothing when all is written. */
export function bind(claim: Claim, volume: Volume): readonly Step[] {
  const isOurs = isBoundTo(volume, claim)
  const claimRef = claimReference(claim)
  if (!isOurs || volume.spec?.claimRef?.uid !== claimRef.uid) {
    const metadata = annotated(volume.metadata, ...(isOurs ? [] : [boundByController]))
    return [update(persistentVolumes, { ...volume, metadata, spec: { ...volume.spec, claimRef } })]
  }
  const bound = volumePhase(volume, 'Bound')
  if (bound.length) return bound
  const volumeName = volume.metadata?.name ?? ''
  const isNamed = claim.spec?.volumeName === volumeName
  if (!isNamed || claim.metadata?.annotations?.[bindCompleted] === undefined) {
    const marks = isNamed ? [bindCompleted] : [bindCompleted, boundByController]
    return [
      update(persistentVolumeClaims, {
        ...claim,
        metadata: annotated(claim.metadata, ...marks),
        spec: { ...claim.spec, volumeName },
      }),
    ]
  }
  return claimBound(claim, volume)
}

type Metadata = Claim['metadata']

const annotated = (metadata: Metadata, ...marks: readonly string[]): NonNullable<Metadata> => ({
  ...metadata,
  ...(marks.length
    ? { annotations: { ...metadata?.annotations, ...Object.fromEntries(marks.map((mark) => [mark, 'yes'])) } }
    : {}),
})

export function volumePhase(volume: Volume, phase: string, more: { message?: string } = {}): readonly Step[] {
  if (volume.status?.phase === phase) return []
  const { message: _message, ...status } = volume.status ?? {}
  return [updateStatus(persistentVolumes, { ...volume, status: { ...status, phase, ...more } })]
}

/** Capacity follows the volume only when the claim becomes bound: afterwards it says how far an expansion has come. */
function claimBound(claim: Claim, { spec }: Volume): readonly Step[] {
  const { phase, accessModes = [], capacity } = claim.status ?? {}
  const modes = spec?.accessModes ?? []
  const sameModes = accessModes.length === modes.length && modes.every((mode, i) => mode === accessModes[i])
  if (phase === 'Bound' && sameModes) return []
  const status = {
    ...claim.status,
    phase: 'Bound',
    accessModes: modes,
    capacity: (phase === 'Bound' ? capacity : spec?.capacity) ?? {},
  }
  return [updateStatus(persistentVolumeClaims, { ...claim, status })]
}

/** A claim that has nothing. */
export function claimPhase(claim: Claim, phase: 'Pending' | 'Lost', more: Parameters<typeof updateStatus>[2] = {}) {
  const { accessModes, capacity, ...status } = claim.status ?? {}
  if (status.phase === phase && !accessModes?.length && !Object.keys(capacity ?? {}).length) return []
  return [updateStatus(persistentVolumeClaims, { ...claim, status: { ...status, phase } }, more)]
}
