import type * as v1 from 'kubernetes-types/storage/v1'
import type { KubeObject } from '#shared/kube/object.ts'
import type { FieldError } from '#shared/kube/status.ts'
import { ageColumn, columnsOf, nameColumn } from '../columns/common.ts'
import { validateVolumeSpec, type PersistentVolumeSpec } from '../core/persistent-volume/index.ts'
import { validateCsiDriverName } from '../core/volume/sources.ts'
import { kindsOf } from '../define.ts'
import type { KindDefinition } from '../kind.ts'
import { entries, type Loose } from '../loose.ts'
import { status } from '../subresources.ts'
import { asInvalid, forbidden, invalid, required, tooLong } from '../validation/field.ts'
import { validateImmutable } from '../validation/immutable.ts'
import { isDnsSubdomain } from '../validation/names.ts'

type Spec = Loose<v1.VolumeAttachmentSpec>
type Source = NonNullable<Spec['source']>
type VolumeAttachment = KubeObject & { spec?: Spec; status?: Loose<v1.VolumeAttachmentStatus> }

function validateSource({ inlineVolumeSpec: inline, persistentVolumeName: name }: Source): FieldError[] {
  const path = 'spec.source'
  const text = 'must specify exactly one of inlineVolumeSpec and persistentVolumeName'
  if (inline) {
    if (name !== undefined) return [forbidden(path, text)]
    return validateVolumeSpec(inline as PersistentVolumeSpec, undefined, `${path}.inlineVolumeSpec`)
  }
  if (name === undefined) return [required(path, text)]
  return name ? [] : [required(`${path}.persistentVolumeName`, 'must specify non empty persistentVolumeName')]
}

/** Source: ValidateVolumeAttachment. */
function validate({ spec = {}, status: now }: VolumeAttachment): FieldError[] {
  const { attacher, nodeName = '', source = {} } = spec
  return [
    ...(attacher ? [] : [required('spec.attacher')]),
    ...validateSource(source),
    ...asInvalid('spec.nodeName', nodeName, isDnsSubdomain(nodeName)),
    ...validateStatus(now),
  ]
}

/** Of objects made or changed as v1. Source: ValidateVolumeAttachmentV1. */
function validateV1({ spec = {} }: VolumeAttachment): FieldError[] {
  const name = spec.source?.persistentVolumeName
  return [
    ...(spec.attacher ? validateCsiDriverName(spec.attacher, 'spec.attacher') : []),
    ...(name === undefined ? [] : asInvalid('spec.source.persistentVolumeName', name, isDnsSubdomain(name))),
  ]
}

const mostMetadata = 256 * 1024
const longestMessage = 1024

function validateStatus(now: VolumeAttachment['status'] = {}): FieldError[] {
  const size = entries(now.attachmentMetadata).reduce(
    (sum, [key, value]) => sum + Buffer.byteLength(key) + Buffer.byteLength(value),
    0,
  )
  const errors = size > mostMetadata ? [tooLong('status.attachmentMetadata', mostMetadata)] : []
  for (const name of ['attachError', 'detachError'] as const) {
    const { message = '', errorCode = 0 } = (now[name] ?? {}) as { message?: string; errorCode?: number }
    // The length that is told is that of metadata, upstream too.
    if (Buffer.byteLength(message) > longestMessage) errors.push(tooLong(`status.${name}.message`, mostMetadata))
    if (errorCode < 0)
      errors.push(invalid(`status.${name}.errorCode`, errorCode, 'must be between 0 and 2147483647, inclusive'))
  }
  return errors
}

/** Upstream looks at the whole object before it looks at the change, and again with it. */
const validateUpdate = (object: VolumeAttachment, old: VolumeAttachment): FieldError[] => [
  ...validate(object),
  ...validate(object),
  ...validateImmutable(object.spec, old.spec, 'spec'),
]

const column = columnsOf<VolumeAttachment>('VolumeAttachment')

const define = kindsOf('storage.k8s.io', 'v1')

export const volumeAttachment: KindDefinition<VolumeAttachment> = define<VolumeAttachment>({
  kind: 'VolumeAttachment',
  plural: 'volumeattachments',
  namespaced: false,
  acted: false,
  rules: {
    status: true,
    statusKeeps: 'metadata',
    validate: (object) => [...validate(object), ...validateV1(object)],
    validateUpdate,
    validateStatus: validateUpdate,
    more: { answersDeleted: true, requireResourceVersionOnUpdate: true },
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
