import {
  extendedClaimAnnotation,
  implicitResourcePrefix,
  type DeviceClass,
  type ResourceClaim,
} from '#shared/kube/devices.ts'
import type { Frozen } from '#shared/kube/object.ts'

/** The extended resources that stand for devices of a class. */
export const resourcesOf = ({ metadata, spec }: Frozen<DeviceClass>): readonly string[] => [
  ...(spec?.extendedResourceName ? [spec.extendedResourceName] : []),
  `${implicitResourcePrefix}${metadata?.name ?? ''}`,
]

/** Of several classes that claim one name the newest, or the first by name. */
export const deviceClassOf = (classes: readonly Frozen<DeviceClass>[]): Frozen<DeviceClass> | undefined =>
  classes.length < 2
    ? classes[0]
    : [...classes].sort((a, b) => {
        const [newA, newB] = [a.metadata?.creationTimestamp ?? '', b.metadata?.creationTimestamp ?? '']
        if (newA !== newB) return newA > newB ? -1 : 1
        return (a.metadata?.name ?? '') < (b.metadata?.name ?? '') ? -1 : 1
      })[0]

/** The uid of the pod for whose extended resources a claim was made; none of other claims. */
export const extendedClaimOwner = ({ metadata }: Frozen<ResourceClaim>): readonly string[] =>
  metadata?.annotations?.[extendedClaimAnnotation] === 'true'
    ? (metadata.ownerReferences ?? []).flatMap(({ controller, uid }) => (controller ? [uid] : []))
    : []
