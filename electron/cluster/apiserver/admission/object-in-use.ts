import type { KubeObject } from '#shared/kube/object.ts'
import type { AdmissionPlugin, AdmissionRequest } from '../registry/kind.ts'
import { metaOf } from '../registry/loose.ts'
import { isAbout } from './request.ts'

interface Protected {
  readonly group: string
  readonly plural: string
  readonly finalizer: string
}

const classes: Protected = {
  group: 'storage.k8s.io',
  plural: 'volumeattributesclasses',
  finalizer: 'kubernetes.io/vac-protection',
}

const protectedKinds: readonly Protected[] = [
  { group: '', plural: 'persistentvolumeclaims', finalizer: 'kubernetes.io/pvc-protection' },
  { group: '', plural: 'persistentvolumes', finalizer: 'kubernetes.io/pv-protection' },
  classes,
]

type Holder = KubeObject & { spec?: { volumeAttributesClassName?: string } }

const isClassUsed = ({ services, name }: AdmissionRequest): boolean =>
  ['persistentvolumeclaims', 'persistentvolumes'].some((plural) =>
    services
      .list<Holder>({ group: '', plural }, undefined)
      .some(({ spec }) => spec?.volumeAttributesClassName === name),
  )

/**
 * Storage that is in use stays until it is not: controllers take the finalizer away. None does so yet for volume
 * attributes classes, so that a deletion of one that nobody uses takes it away itself.
 */
export const storageObjectInUseProtection: AdmissionPlugin = {
  name: 'StorageObjectInUseProtection',
  async mutate(request) {
    const kind = protectedKinds.find(({ group, plural }) => isAbout(request, group, plural))
    if (!kind) return
    if (request.operation === 'CREATE' && request.object) {
      const metadata = metaOf(request.object)
      if (!metadata.finalizers?.includes(kind.finalizer))
        metadata.finalizers = [...(metadata.finalizers ?? []), kind.finalizer]
    }
    if (kind === classes && request.operation === 'DELETE' && !request.dryRun && !isClassUsed(request))
      await release(request, kind)
  },
}

async function release(
  { services, namespace, name, old }: AdmissionRequest,
  { finalizer, ...kind }: Protected,
): Promise<void> {
  if (!old?.metadata?.finalizers?.includes(finalizer)) return
  await services.update(kind, namespace, name, (object) => {
    const metadata = metaOf(object)
    const rest = metadata.finalizers?.filter((each) => each !== finalizer) ?? []
    if (rest.length) metadata.finalizers = rest
    else delete metadata.finalizers
  })
}
