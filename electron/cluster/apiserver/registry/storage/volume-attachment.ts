import type * as v1 from 'kubernetes-types/storage/v1'
import type { KubeObject } from '#shared/kube/object.ts'
import type { FieldError } from '#shared/kube/status.ts'
import { ageColumn, columnsOf, nameColumn } from '../columns/common.ts'
import { validateCsiDriverName } from '../core/volume/sources.ts'
import { kindsOf } from '../define.ts'
import type { KindDefinition } from '../kind.ts'
import type { Loose } from '../loose.ts'
import { status } from '../subresources.ts'
import { asInvalid, forbidden, required } from '../validation/field.ts'
import { validateImmutable } from '../validation/immutable.ts'
import { isDnsSubdomain } from '../validation/names.ts'

type Spec = Loose<v1.VolumeAttachmentSpec>
type VolumeAttachment = KubeObject & { spec?: Spec; status?: Loose<v1.VolumeAttachmentStatus> }

function validateSource({ inlineVolumeSpec, persistentVolumeName = '' }: NonNullable<Spec['source']>): FieldError[] {
  const path = 'spec.source'
  if (!inlineVolumeSpec) {
    if (!persistentVolumeName)
      return [required(path, 'must specify exactly one of inlineVolumeSpec and persistentVolumeName')]
    return asInvalid(`${path}.persistentVolumeName`, persistentVolumeName, isDnsSubdomain(persistentVolumeName))
  }
  if (persistentVolumeName)
    return [forbidden(path, 'must specify exactly one of inlineVolumeSpec and persistentVolumeName')]
  return []
}

function validate({ spec = {} }: VolumeAttachment): FieldError[] {
  const { attacher = '', nodeName = '', source = {} } = spec
  return [
    ...validateCsiDriverName(attacher, 'spec.attacher'),
    ...validateSource(source),
    ...asInvalid('spec.nodeName', nodeName, isDnsSubdomain(nodeName)),
  ]
}

const column = columnsOf<VolumeAttachment>('VolumeAttachment')

const define = kindsOf('storage.k8s.io', 'v1')

export const volumeAttachment: KindDefinition<VolumeAttachment> = define<VolumeAttachment>({
  kind: 'VolumeAttachment',
  plural: 'volumeattachments',
  namespaced: false,
  acted: false,
  rules: {
    status: true,
    validate,
    validateUpdate: (object, old) => validateImmutable(object.spec, old.spec, 'spec'),
    more: { answersDeleted: true },
  },
  columns: [
    nameColumn,
    column('Attacher', ({ spec }) => spec?.attacher ?? '', { format: 'name' }),
    column('PV', ({ spec }) => spec?.source?.persistentVolumeName ?? ''),
    column('Node', ({ spec }) => spec?.nodeName ?? ''),
    column('Attached', ({ status: now }) => now?.attached ?? false, { type: 'boolean' }),
    ageColumn,
  ],
  subresources: [status('VolumeAttachment')],
})
