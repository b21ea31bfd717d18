import type { PersistentVolumeClaim } from 'kubernetes-types/core/v1'
import type { KubeObject } from '#shared/kube/object.ts'
import { compareQuantities, parseQuantity } from '#shared/kube/quantity.ts'
import { storageClassOf } from '#shared/kube/storage.ts'
import type { AdmissionPlugin, AdmissionRequest } from '../registry/kind.ts'
import { forbidden, isAbout } from './request.ts'

const sizeOf = ({ spec }: PersistentVolumeClaim) =>
  parseQuantity((spec?.resources?.requests?.['storage'] as string | undefined) ?? '0')

type Class = KubeObject & { allowVolumeExpansion?: boolean }

function allowsResize(
  { services }: AdmissionRequest,
  claim: PersistentVolumeClaim,
  old: PersistentVolumeClaim,
): boolean {
  const name = storageClassOf(claim)
  if (!name || name !== storageClassOf(old)) return false
  const kind = { group: 'storage.k8s.io', plural: 'storageclasses' }
  return services.get<Class>(kind, undefined, name)?.allowVolumeExpansion ?? false
}

/** Claims grow when they are bound and their class allows it. Source: plugin/pkg/admission/storage/persistentvolume/resize. */
export const persistentVolumeClaimResize: AdmissionPlugin = {
  name: 'PersistentVolumeClaimResize',
  validate(request) {
    if (request.operation !== 'UPDATE' || !isAbout(request, '', 'persistentvolumeclaims')) return
    const { object, old } = request as { object?: PersistentVolumeClaim; old?: PersistentVolumeClaim }
    if (!object || !old || compareQuantities(sizeOf(object), sizeOf(old)) <= 0) return
    if (old.status?.phase !== 'Bound') throw forbidden(request, 'Only bound persistent volume claims can be expanded')
    if (allowsResize(request, object, old)) return
    throw forbidden(
      request,
      'only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize',
    )
  },
}
