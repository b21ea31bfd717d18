import { compareQuantities, parseQuantity } from '#shared/kube/quantity.ts'
import { persistentVolumeClaims, persistentVolumes } from '#shared/kube/resources.ts'
import { isHostDirectory, type Claim, type Volume } from '#shared/kube/storage.ts'
import { timestamp } from '../../base/clock.ts'
import { referenceTo } from '../../client/event-recorder.ts'
import { event, nothing, update, updateStatus, type Decision, type Step } from '../framework/action.ts'
import { withCondition, withoutCondition } from '../framework/support/conditions.ts'

export interface Observed {
  readonly claim: Claim
  readonly volume: Volume | undefined
}

/** Newer than the typed client. */
interface Expansion {
  readonly allocatedResources?: Readonly<Record<string, string>>
  readonly allocatedResourceStatuses?: Readonly<Record<string, string>>
}

const isLess = (a: string | undefined, b: string): boolean =>
  compareQuantities(parseQuantity(a ?? '0'), parseQuantity(b)) < 0

export function reconcile({ claim, volume }: Observed, now: number): Decision {
  const wanted = claim.spec?.resources?.requests?.['storage'] as string | undefined
  if (wanted === undefined || !volume || !isWanting(claim, wanted)) return nothing
  if (volume.spec?.claimRef?.uid !== claim.metadata?.uid) return nothing
  const about = referenceTo(persistentVolumeClaims, claim)
  if (!isHostDirectory(volume)) {
    const type = volume.spec?.csi ? 'Normal' : 'Warning'
    const text = 'waiting for an external controller to expand this PVC'
    return { steps: [event(about, type, 'ExternalExpanding', text)] }
  }
  return { steps: [expand(claim, volume, wanted, now)] }
}

/** It is bound and has less than it asks for. */
export const isWanting = ({ spec, status }: Claim, wanted: string): boolean =>
  status?.phase === 'Bound' && !!spec?.volumeName && isLess(status.capacity?.['storage'] as string | undefined, wanted)

/** The next write: that it begins, the volume's capacity, that it is done. */
function expand(claim: Claim, volume: Volume, wanted: string, now: number): Step {
  const about = referenceTo(persistentVolumeClaims, claim)
  const { allocatedResources, allocatedResourceStatuses, ...status } = (claim.status ?? {}) as Expansion &
    NonNullable<Claim['status']>
  const allocated = { ...allocatedResources, storage: wanted }
  const { storage: progress, ...others } = allocatedResourceStatuses ?? {}
  if (isLess(volume.spec?.capacity?.['storage'] as string | undefined, wanted)) {
    if (progress !== 'ControllerResizeInProgress' || allocatedResources?.['storage'] !== wanted) {
      const begun = { type: 'Resizing', status: 'True', lastTransitionTime: timestamp(now) }
      const next = {
        ...status,
        conditions: withCondition(status.conditions, begun),
        allocatedResources: allocated,
        allocatedResourceStatuses: { ...others, storage: 'ControllerResizeInProgress' },
      }
      const text = `External resizer is resizing volume ${volume.metadata?.name}`
      const onSuccess = () => event(about, 'Normal', 'Resizing', text)
      return updateStatus(persistentVolumeClaims, { ...claim, status: next }, { onSuccess })
    }
    const capacity = { ...volume.spec?.capacity, storage: wanted }
    return update(persistentVolumes, { ...volume, spec: { ...volume.spec, capacity } })
  }
  const done = {
    ...status,
    capacity: { ...status.capacity, storage: wanted },
    conditions: withoutCondition(withoutCondition(status.conditions, 'Resizing'), 'FileSystemResizePending'),
    allocatedResources: allocated,
    ...(Object.keys(others).length ? { allocatedResourceStatuses: others } : {}),
  }
  const onSuccess = () => event(about, 'Normal', 'VolumeResizeSuccessful', 'Resize volume succeeded')
  return updateStatus(persistentVolumeClaims, { ...claim, status: done }, { onSuccess })
}
