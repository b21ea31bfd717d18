import type * as v1 from 'kubernetes-types/core/v1'
import type { KubeObject } from '#shared/kube/object.ts'
import type { FieldError } from '#shared/kube/status.ts'
import { timestamp } from '../../../../base/clock.ts'
import { ageColumn, columnsOf, nameColumn } from '../../columns/common.ts'
import { kindsOf } from '../../define.ts'
import { jsonDiff } from '../../diff.ts'
import { semanticEqual } from '../../equal.ts'
import type { KindDefinition } from '../../kind.ts'
import { entries, type Loose } from '../../loose.ts'
import { status } from '../../subresources.ts'
import { asInvalid, forbidden, invalid, notSupported, required } from '../../validation/field.ts'
import { isImmutable, validateImmutable } from '../../validation/immutable.ts'
import { dnsSubdomain } from '../../validation/names.ts'
import { positiveQuantity } from '../../validation/quantities.ts'
import { validateAccessModes, volumeModes } from '../persistent-volume-claim/validation.ts'
import { defaultVolume } from '../pod/defaults.ts'
import { validateNodeSelector } from '../pod/scheduling.ts'
import type { Volume } from '../pod/types.ts'
import { shortAccessModes } from '../volume/access-modes.ts'
import { sharedSources, type Source } from '../volume/sources.ts'

export type PersistentVolumeSpec = Loose<v1.PersistentVolumeSpec>
type Status = Loose<v1.PersistentVolumeStatus> & { lastPhaseTransitionTime?: string | undefined }
export type PersistentVolume = KubeObject & { spec?: PersistentVolumeSpec; status?: Status }

const sourceFields = sharedSources.map(([field]) => field)
const sourceOf = (spec: PersistentVolumeSpec | undefined): Record<string, unknown> =>
  Object.fromEntries(Object.entries(spec ?? {}).filter(([field]) => sourceFields.includes(field)))
const reclaimPolicies = ['Delete', 'Recycle', 'Retain']

/** Source: ValidatePersistentVolumeSpec. */
export function validateVolumeSpec(spec: PersistentVolumeSpec, path: string): FieldError[] {
  const modes = spec.accessModes ?? []
  const errors = modes.length ? [] : [required(`${path}.accessModes`)]
  errors.push(...validateAccessModes(modes, `${path}.accessModes`))
  const capacity = entries(spec.capacity)
  if (!capacity.length) errors.push(required(`${path}.capacity`))
  if (spec.capacity?.storage === undefined || capacity.length > 1) {
    errors.push(notSupported(`${path}.capacity`, spec.capacity ?? null, ['storage']))
  }
  for (const [name, value] of capacity) errors.push(...positiveQuantity(value, `${path}.capacity[${name}]`))
  const policy = spec.persistentVolumeReclaimPolicy
  if (policy && !reclaimPolicies.includes(policy))
    errors.push(notSupported(`${path}.persistentVolumeReclaimPolicy`, policy, reclaimPolicies))
  errors.push(...validateNodeAffinity(spec, `${path}.nodeAffinity`), ...validateSource(spec, path))
  if (spec.hostPath && /^\/+(\.?\/*)*$/.test(spec.hostPath.path ?? '') && policy === 'Recycle') {
    errors.push(forbidden(`${path}.persistentVolumeReclaimPolicy`, "may not be 'recycle' for a hostPath mount of '/'"))
  }
  if (spec.storageClassName)
    errors.push(
      ...asInvalid(`${path}.storageClassName`, spec.storageClassName, dnsSubdomain(spec.storageClassName, false)),
    )
  if (spec.volumeMode !== undefined && !volumeModes.includes(spec.volumeMode)) {
    errors.push(notSupported(`${path}.volumeMode`, spec.volumeMode, volumeModes))
  }
  const attributes = spec.volumeAttributesClassName
  if (attributes !== undefined) {
    if (!attributes) errors.push(required(`${path}.volumeAttributesClassName`, 'an empty string is disallowed'))
    else errors.push(...asInvalid(`${path}.volumeAttributesClassName`, attributes, dnsSubdomain(attributes, false)))
    if (!spec.csi) errors.push(required(`${path}.csi`, 'has to be specified when using volumeAttributesClassName'))
  }
  return errors
}

function validateNodeAffinity(spec: PersistentVolumeSpec, path: string): FieldError[] {
  if (!spec.nodeAffinity) return []
  return spec.nodeAffinity.required
    ? validateNodeSelector(spec.nodeAffinity.required, `${path}.required`)
    : [required(`${path}.required`, 'must specify required node constraints')]
}

function validateSource(spec: PersistentVolumeSpec, path: string): FieldError[] {
  const errors: FieldError[] = []
  let found = 0
  for (const [field, shown, check] of sharedSources) {
    const source = (spec as Source)[field] as Source | undefined
    if (source === undefined) continue
    if (found++) errors.push(forbidden(`${path}.${field}`, 'may not specify more than 1 volume type'))
    else errors.push(...check(source, `${path}.${shown}`, true))
    if (field === 'local' && !spec.nodeAffinity)
      errors.push(required(`${path}.nodeAffinity`, 'Local volume requires node affinity'))
  }
  if (!found) errors.push(required(path, 'must specify a volume type'))
  return errors
}

/** Source: ValidatePersistentVolumeUpdate. */
function validateUpdate(object: PersistentVolume, old: PersistentVolume): FieldError[] {
  const errors = validateVolumeSpec(object.spec ?? {}, 'spec')
  const now = sourceOf(object.spec)
  const before = sourceOf(old.spec)
  if (old.spec?.csi && !old.spec.csi.controllerExpandSecretRef && object.spec?.csi) {
    const { controllerExpandSecretRef: _added, ...rest } = object.spec.csi
    now.csi = rest
  }
  if (!semanticEqual(now, before)) {
    const text = 'spec.persistentvolumesource is immutable after creation'
    errors.push(forbidden('spec.persistentvolumesource', `${text}\n${jsonDiff(before, now)}`))
  }
  errors.push(...validateImmutable(object.spec?.volumeMode, old.spec?.volumeMode, 'volumeMode'))
  if (old.spec?.nodeAffinity && !semanticEqual(object.spec?.nodeAffinity, old.spec.nodeAffinity)) {
    errors.push(
      invalid('nodeAffinity', object.spec?.nodeAffinity, `${isImmutable}, except for updating from beta label to GA`),
    )
  }
  if (old.spec?.volumeAttributesClassName !== undefined && object.spec?.volumeAttributesClassName === undefined) {
    errors.push(forbidden('spec.volumeAttributesClassName', 'update from non-nil value to nil is forbidden'))
  }
  return errors
}

const column = columnsOf<PersistentVolume>('PersistentVolume')

const define = kindsOf('', 'v1')

export const persistentVolume: KindDefinition<PersistentVolume> = define<PersistentVolume>({
  kind: 'PersistentVolume',
  plural: 'persistentvolumes',
  namespaced: false,
  shortNames: ['pv'],
  rules: {
    defaults(object) {
      const spec = (object.spec ??= {})
      spec.persistentVolumeReclaimPolicy ||= 'Retain'
      spec.volumeMode ??= 'Filesystem'
      if (Object.keys(sourceOf(spec)).length) defaultVolume(spec as Volume)
      ;(object.status ??= {}).phase ||= 'Pending'
    },
    status: true,
    prepareForCreate(object, { clock }) {
      object.status = { phase: 'Pending', lastPhaseTransitionTime: timestamp(clock.now()) }
    },
    prepareForUpdate(object, old, { subresource, clock }) {
      if (subresource !== 'status') return
      const now = (object.status ??= {})
      const moved =
        now.phase !== old.status?.phase && now.lastPhaseTransitionTime === old.status?.lastPhaseTransitionTime
      if (moved) now.lastPhaseTransitionTime = timestamp(clock.now())
    },
    validate: ({ spec = {} }) => validateVolumeSpec(spec, 'spec'),
    validateUpdate,
    more: {
      answersDeleted: true,
      warnings: ({ spec }) =>
        spec?.persistentVolumeReclaimPolicy === 'Recycle'
          ? [
              'spec.persistentVolumeReclaimPolicy: The Recycle reclaim policy is deprecated. Instead, the recommended approach is to use dynamic provisioning.',
            ]
          : [],
    },
  },
  columns: [
    nameColumn,
    column('Capacity', ({ spec }) => spec?.capacity?.storage ?? ''),
    column('Access Modes', ({ spec }) => shortAccessModes(spec?.accessModes)),
    column('Reclaim Policy', ({ spec }) => spec?.persistentVolumeReclaimPolicy ?? ''),
    column('Status', ({ metadata, status: now }) => (metadata?.deletionTimestamp ? 'Terminating' : (now?.phase ?? ''))),
    column('Claim', ({ spec }) =>
      spec?.claimRef ? `${spec.claimRef.namespace ?? ''}/${spec.claimRef.name ?? ''}` : '',
    ),
    column(
      'StorageClass',
      ({ metadata, spec }) =>
        metadata?.annotations?.['volume.beta.kubernetes.io/storage-class'] ?? spec?.storageClassName ?? '',
    ),
    column('VolumeAttributesClass', ({ spec }) => spec?.volumeAttributesClassName ?? '<unset>'),
    column('Reason', ({ status: now }) => now?.reason ?? ''),
    ageColumn,
    column('VolumeMode', ({ spec }) => spec?.volumeMode ?? '<unset>', { wide: true }),
  ],
  subresources: [status('PersistentVolume')],
})
