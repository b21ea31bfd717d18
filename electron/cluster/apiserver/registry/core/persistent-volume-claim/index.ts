import type * as v1 from 'kubernetes-types/core/v1'
import type { KubeObject } from '#shared/kube/object.ts'
import { isNativeResource } from '#shared/kube/resource-names.ts'
import type { FieldError } from '#shared/kube/status.ts'
import { ageColumn, columnsOf, nameColumn } from '../../columns/common.ts'
import { kindsOf } from '../../define.ts'
import { jsonDiff } from '../../diff.ts'
import { semanticEqual } from '../../equal.ts'
import type { KindDefinition } from '../../kind.ts'
import { entries, type Loose } from '../../loose.ts'
import { status } from '../../subresources.ts'
import { asInvalid, forbidden, invalid, notSupported, required } from '../../validation/field.ts'
import { isImmutable, validateImmutable } from '../../validation/immutable.ts'
import { isQualifiedName } from '../../validation/names.ts'
import { basicQuantity, compare } from '../../validation/quantities.ts'
import { shortAccessModes } from '../volume/access-modes.ts'
import { validateClaimSpec, type ClaimSpec } from './validation.ts'
import { claimSpecWarnings, classWarnings } from './warnings.ts'

export type PersistentVolumeClaim = KubeObject & { spec?: ClaimSpec; status?: Loose<v1.PersistentVolumeClaimStatus> }

const classAnnotation = 'volume.beta.kubernetes.io/storage-class'

/** Sources in other namespaces are behind the gate CrossNamespaceVolumeDataSource, which is shut. */
function dropForeignSource(spec: ClaimSpec): void {
  if (spec.dataSourceRef?.namespace) delete spec.dataSourceRef
}

/** Each of the two writings of a data source stands for the other, where that loses nothing. */
function normalizeSources(spec: ClaimSpec): void {
  const { dataSource, dataSourceRef } = spec
  if (dataSource && !dataSourceRef) spec.dataSourceRef = { ...dataSource }
  else if (dataSourceRef && !dataSource && !dataSourceRef.namespace) {
    const { namespace: _namespace, ...rest } = dataSourceRef
    spec.dataSource = rest
  }
}

/** Source: ValidatePersistentVolumeClaimUpdate. */
function validateUpdate(object: PersistentVolumeClaim, old: PersistentVolumeClaim): FieldError[] {
  const spec = object.spec ?? {}
  const before = old.spec ?? {}
  const errors = validateClaimSpec(spec, 'spec')
  const now: ClaimSpec = { ...spec }
  const then: ClaimSpec = { ...before }
  // The binder writes the volume's name, once.
  if (!before.volumeName) then.volumeName = now.volumeName
  const oldAnnotation = old.metadata?.annotations?.[classAnnotation]
  const annotation = object.metadata?.annotations?.[classAnnotation]
  const ungiven = before.storageClassName === undefined && spec.storageClassName !== undefined
  if (ungiven && (oldAnnotation === undefined || oldAnnotation === spec.storageClassName))
    now.storageClassName = then.storageClassName
  else if ((annotation ?? '') !== (oldAnnotation ?? '')) {
    errors.push(invalid(`metadata.annotations.${classAnnotation}`, annotation ?? '', isImmutable))
  }
  if (object.status?.phase === 'Bound') {
    if (now.resources?.requests)
      now.resources = {
        ...now.resources,
        requests: { ...now.resources.requests, storage: before.resources?.requests?.storage },
      }
    if (now.volumeAttributesClassName !== undefined) now.volumeAttributesClassName = then.volumeAttributesClassName
  }
  if (!semanticEqual(now, then)) {
    const text =
      'spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims'
    errors.push(forbidden('spec', `${text}\n${jsonDiff(then, now)}`))
  }
  const size = spec.resources?.requests?.storage
  if (compare(size, before.resources?.requests?.storage) < 0 && compare(size, old.status?.capacity?.storage) <= 0) {
    errors.push(forbidden('spec.resources.requests.storage', 'field can not be less than status.capacity'))
  }
  errors.push(...validateImmutable(spec.volumeMode, before.volumeMode, 'volumeMode'))
  if (before.volumeAttributesClassName !== undefined) {
    const path = 'spec.volumeAttributesClassName'
    if (spec.volumeAttributesClassName === undefined)
      errors.push(forbidden(path, 'update from non-nil value to nil is forbidden'))
    else if (spec.volumeAttributesClassName === '' && before.volumeAttributesClassName !== '') {
      errors.push(forbidden(path, 'update from non-nil value to an empty string is forbidden'))
    }
  }
  return errors
}

const resizeStates = [
  'ControllerResizeInProgress',
  'ControllerResizeInfeasible',
  'NodeResizeInProgress',
  'NodeResizeInfeasible',
  'NodeResizePending',
].sort()

function validateStatus({ spec, status: now }: PersistentVolumeClaim): FieldError[] {
  const errors: FieldError[] = spec?.accessModes?.length ? [] : [required('Spec.accessModes')]
  for (const [name, value] of entries(now?.capacity)) errors.push(...basicQuantity(value, `status.capacity[${name}]`))
  const key = (name: string, path: string) => {
    const wrong = asInvalid(path, name, isQualifiedName(name))
    return wrong.length || !isNativeResource(name) || name === 'storage'
      ? wrong
      : [notSupported(path, name, ['storage'])]
  }
  for (const [name, value] of entries(now?.allocatedResourceStatuses)) {
    const path = 'status.allocatedResourceStatus'
    errors.push(...key(name, path))
    if (!resizeStates.includes(value)) errors.push(notSupported(path, name, resizeStates))
  }
  for (const [name, value] of entries(now?.allocatedResources)) {
    const wrong = key(name, 'status.allocatedResources')
    errors.push(...(wrong.length ? wrong : basicQuantity(value, `status.allocatedResources[${name}]`)))
  }
  return errors
}

const column = columnsOf<PersistentVolumeClaim>('PersistentVolumeClaim')
const isBound = ({ spec }: PersistentVolumeClaim): boolean => !!spec?.volumeName

const define = kindsOf('', 'v1')

export const persistentVolumeClaim: KindDefinition<PersistentVolumeClaim> = define<PersistentVolumeClaim>({
  kind: 'PersistentVolumeClaim',
  plural: 'persistentvolumeclaims',
  namespaced: true,
  shortNames: ['pvc'],
  rules: {
    defaults(object) {
      const spec = (object.spec ??= {})
      spec.volumeMode ??= 'Filesystem'
      spec.resources ??= {}
      ;(object.status ??= {}).phase ||= 'Pending'
    },
    status: true,
    prepareForCreate(object) {
      object.status = { phase: 'Pending' }
      const spec = (object.spec ??= {})
      dropForeignSource(spec)
      normalizeSources(spec)
    },
    prepareForUpdate(object, old) {
      const spec = (object.spec ??= {})
      if (!old.spec?.dataSourceRef) dropForeignSource(spec)
      normalizeSources(spec)
    },
    validate: ({ spec = {} }) => validateClaimSpec(spec, 'spec'),
    validateUpdate,
    validateStatus,
    more: {
      answersDeleted: true,
      warnings: (object) => [...classWarnings(object), ...claimSpecWarnings(object.spec, 'spec')],
    },
  },
  columns: [
    nameColumn,
    column('Status', ({ metadata, status: now }) => (metadata?.deletionTimestamp ? 'Terminating' : (now?.phase ?? ''))),
    column('Volume', ({ spec }) => spec?.volumeName ?? ''),
    column('Capacity', (object) => (isBound(object) ? (object.status?.capacity?.storage ?? '') : '')),
    column('Access Modes', (object) => (isBound(object) ? shortAccessModes(object.status?.accessModes) : '')),
    column(
      'StorageClass',
      ({ metadata, spec }) => metadata?.annotations?.[classAnnotation] ?? spec?.storageClassName ?? '',
    ),
    column('VolumeAttributesClass', ({ spec }) => spec?.volumeAttributesClassName ?? '<unset>'),
    ageColumn,
    column('VolumeMode', ({ spec }) => spec?.volumeMode ?? '<unset>', { wide: true }),
  ],
  subresources: [status('PersistentVolumeClaim')],
})
