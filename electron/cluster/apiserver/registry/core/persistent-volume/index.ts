import { posix } from 'node:path'
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
import { nodeTermWarnings } from '../../validation/node-labels.ts'
import { basicQuantity, positiveQuantity } from '../../validation/quantities.ts'
import { classWarnings } from '../persistent-volume-claim/warnings.ts'
import { validateAccessModes, volumeModes } from '../persistent-volume-claim/validation.ts'
import { defaultVolume } from '../pod/defaults.ts'
import { validateNodeSelector } from '../pod/scheduling.ts'
import type { Volume } from '../pod/types.ts'
import { shortAccessModes } from '../volume/access-modes.ts'
import { deprecatedSource } from '../volume/deprecated.ts'
import {
  isLongIscsi,
  longIscsiText,
  oneTypeTooMany,
  persistentSources,
  validateShared,
  type Source,
} from '../volume/sources.ts'

export type PersistentVolumeSpec = Loose<v1.PersistentVolumeSpec>
type Status = Loose<v1.PersistentVolumeStatus> & { lastPhaseTransitionTime?: string | undefined }
export type PersistentVolume = KubeObject & { spec?: PersistentVolumeSpec; status?: Status }

const sourceOf = (spec: PersistentVolumeSpec | undefined): Record<string, unknown> =>
  Object.fromEntries(Object.entries(spec ?? {}).filter(([field]) => persistentSources.includes(field)))
const reclaimPolicies = ['Delete', 'Recycle', 'Retain']

/**
 * Of a volume, or of one that is written inline into an attachment (no `name`), which says no more than its source and
 * its access modes. Source: ValidatePersistentVolumeSpec.
 */
export function validateVolumeSpec(spec: PersistentVolumeSpec, name: string | undefined, path: string): FieldError[] {
  const inline = name === undefined
  const modes = spec.accessModes ?? []
  const errors = inline ? validateInline(spec, path) : []
  if (!modes.length) errors.push(required(`${path}.accessModes`))
  errors.push(...validateAccessModes(modes, `${path}.accessModes`))
  if (!inline) errors.push(...validateOwnFields(spec, path))
  else errors.push(...validateInlineDefaults(spec, path))
  errors.push(...validateSource(spec, name ?? '', path))
  const policy = spec.persistentVolumeReclaimPolicy
  if (
    spec.hostPath &&
    posix.normalize(spec.hostPath.path || '.').replace(/(.)\/$/, '$1') === '/' &&
    policy === 'Recycle'
  ) {
    errors.push(forbidden(`${path}.persistentVolumeReclaimPolicy`, "may not be 'recycle' for a hostPath mount of '/'"))
  }
  if (spec.storageClassName) {
    errors.push(
      ...(inline
        ? [forbidden(`${path}.storageClassName`, inlineText)]
        : asInvalid(`${path}.storageClassName`, spec.storageClassName, dnsSubdomain(spec.storageClassName, false))),
    )
  }
  if (spec.volumeMode !== undefined && inline) {
    if (spec.volumeMode !== 'Filesystem') {
      const text = 'may not specify volumeMode other than Filesystem in the context of inline volumes'
      errors.push(forbidden(`${path}.volumeMode`, text))
    }
  } else if (spec.volumeMode !== undefined && !volumeModes.includes(spec.volumeMode)) {
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

const inlineText = 'may not be specified in the context of inline volumes'

const validateInline = (spec: PersistentVolumeSpec, path: string): FieldError[] => [
  ...(spec.claimRef ? [forbidden(`${path}.claimRef`, inlineText)] : []),
  ...(entries(spec.capacity).length ? [forbidden(`${path}.capacity`, inlineText)] : []),
  ...(spec.csi ? [] : [required(`${path}.csi`, 'has to be specified in the context of inline volumes')]),
]

function validateInlineDefaults(spec: PersistentVolumeSpec, path: string): FieldError[] {
  const policy = spec.persistentVolumeReclaimPolicy
  const text = 'may only be Retain in the context of inline volumes'
  return [
    ...(policy && policy !== 'Retain' ? [forbidden(`${path}.persistentVolumeReclaimPolicy`, text)] : []),
    ...(spec.nodeAffinity ? [forbidden(`${path}.nodeAffinity`, inlineText)] : []),
  ]
}

function validateOwnFields(spec: PersistentVolumeSpec, path: string): FieldError[] {
  const capacity = entries(spec.capacity)
  const errors = capacity.length ? [] : [required(`${path}.capacity`)]
  if (spec.capacity?.storage === undefined || capacity.length > 1) {
    errors.push(notSupported(`${path}.capacity`, spec.capacity ?? null, ['storage']))
  }
  for (const [name, value] of capacity) {
    errors.push(...basicQuantity(value, `${path}.capacity[${name}]`))
    errors.push(...positiveQuantity(value, `${path}.capacity[${name}]`))
  }
  const policy = spec.persistentVolumeReclaimPolicy
  if (policy && !reclaimPolicies.includes(policy))
    errors.push(notSupported(`${path}.persistentVolumeReclaimPolicy`, policy, reclaimPolicies))
  if (spec.nodeAffinity?.required)
    errors.push(...validateNodeSelector(spec.nodeAffinity.required, `${path}.nodeAffinity.required`))
  else if (spec.nodeAffinity)
    errors.push(required(`${path}.nodeAffinity.required`, 'must specify required node constraints'))
  return errors
}

function validateSource(spec: PersistentVolumeSpec, name: string, path: string): FieldError[] {
  const errors: FieldError[] = []
  const given = persistentSources.filter((field) => (spec as Source)[field] !== undefined)
  for (const [i, field] of given.entries()) {
    const source = (spec as Source)[field] as Source
    // Flexible volumes are looked into wherever they stand.
    if (i > 0 && field !== 'flexVolume') {
      errors.push(oneTypeTooMany(field, path))
      continue
    }
    if (field === 'iscsi' && isLongIscsi(source, name))
      errors.push(invalid(`${path}.iscsi.targetportal`, spec.iscsi?.targetPortal ?? '', longIscsiText))
    errors.push(...validateShared(field, source, path, true))
    if (field === 'local' && !spec.nodeAffinity)
      errors.push(required(`${path}.nodeAffinity`, 'Local volume requires node affinity'))
  }
  if (!given.length) errors.push(required(path, 'must specify a volume type'))
  return errors
}

/** Source: ValidatePersistentVolumeUpdate. */
function validateUpdate(object: PersistentVolume, old: PersistentVolume): FieldError[] {
  const errors = validateVolumeSpec(object.spec ?? {}, object.metadata?.name ?? '', 'spec')
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
  if (old.spec?.nodeAffinity && !sameAffinity(object.spec?.nodeAffinity, old.spec.nodeAffinity)) {
    errors.push(
      invalid('nodeAffinity', object.spec?.nodeAffinity, `${isImmutable}, except for updating from beta label to GA`),
    )
  }
  if (old.spec?.volumeAttributesClassName !== undefined && object.spec?.volumeAttributesClassName === undefined) {
    errors.push(forbidden('spec.volumeAttributesClassName', 'update from non-nil value to nil is forbidden'))
  }
  return errors
}

type NodeAffinity = PersistentVolumeSpec['nodeAffinity']

const stableLabels: Readonly<Record<string, string>> = {
  'failure-domain.beta.kubernetes.io/zone': 'topology.kubernetes.io/zone',
  'failure-domain.beta.kubernetes.io/region': 'topology.kubernetes.io/region',
  'beta.kubernetes.io/os': 'kubernetes.io/os',
  'beta.kubernetes.io/arch': 'kubernetes.io/arch',
  'beta.kubernetes.io/instance-type': 'node.kubernetes.io/instance-type',
}

/** The same, but that labels of old may have become those that replaced them. */
function sameAffinity(now: NodeAffinity, old: NodeAffinity): boolean {
  const renewed = structuredClone(old)
  for (const [i, term] of (renewed?.required?.nodeSelectorTerms ?? []).entries()) {
    for (const list of ['matchExpressions', 'matchFields'] as const) {
      for (const [j, requirement] of (term[list] ?? []).entries()) {
        const key = now?.required?.nodeSelectorTerms?.[i]?.[list]?.[j]?.key
        if (key !== undefined && stableLabels[requirement.key ?? ''] === key) requirement.key = key
      }
    }
  }
  return semanticEqual(now, renewed)
}

const column = columnsOf<PersistentVolume>('PersistentVolume')

const define = kindsOf('', 'v1')

/** Those of which upstream warns here too, in its order. */
const deprecatedSources = ['cephfs', 'photonPersistentDisk', 'scaleIO', 'storageos', 'glusterfs', 'rbd']

/** Source: GetWarningsForPersistentVolume. */
function warnings(object: PersistentVolume): string[] {
  const { spec = {} } = object
  const terms = spec.nodeAffinity?.required?.nodeSelectorTerms ?? []
  return [
    ...classWarnings(object),
    ...(spec.persistentVolumeReclaimPolicy === 'Recycle'
      ? [
          'spec.persistentVolumeReclaimPolicy: The Recycle reclaim policy is deprecated. Instead, the recommended approach is to use dynamic provisioning.',
        ]
      : []),
    ...terms.flatMap((term, i) => nodeTermWarnings(term, `spec.nodeAffinity.required.nodeSelectorTerms[${i}]`)),
    ...deprecatedSources.flatMap((source) => (source in spec ? deprecatedSource(source, 'spec') : [])),
  ]
}

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
      const { phase, lastPhaseTransitionTime: since } = (old.status ?? {}) as Status
      const given = now.lastPhaseTransitionTime
      if (now.phase === phase) {
        if (given === undefined && since !== undefined) now.lastPhaseTransitionTime = since
      } else if (given === undefined || given === since) now.lastPhaseTransitionTime = timestamp(clock.now())
    },
    validate: ({ metadata, spec = {} }) => validateVolumeSpec(spec, metadata?.name ?? '', 'spec'),
    validateUpdate,
    more: {
      answersDeleted: true,
      warnings,
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
