import type * as v1 from 'kubernetes-types/core/v1'
import type { FieldError } from '#shared/kube/status.ts'
import type { Loose } from '../../loose.ts'
import { asInvalid, forbidden, invalid, notSupported, required } from '../../validation/field.ts'
import { validateLabelSelector } from '../../validation/labels.ts'
import { dnsLabel, dnsSubdomain, isDnsSubdomain } from '../../validation/names.ts'
import { positiveQuantity } from '../../validation/quantities.ts'

export type ClaimSpec = Loose<v1.PersistentVolumeClaimSpec>

export const accessModes = ['ReadOnlyMany', 'ReadWriteMany', 'ReadWriteOnce', 'ReadWriteOncePod']
export const volumeModes = ['Block', 'Filesystem']

export function validateAccessModes(modes: readonly string[], path: string): FieldError[] {
  const errors = modes
    .filter((mode) => !accessModes.includes(mode))
    .map((mode) => notSupported(path, mode, accessModes))
  const others = modes.some((mode) => mode !== 'ReadWriteOncePod' && accessModes.includes(mode))
  if (modes.includes('ReadWriteOncePod') && others)
    errors.push(forbidden(path, 'may not use ReadWriteOncePod with other access modes'))
  return errors
}

/** Claims, and the templates of claims in stateful sets and ephemeral volumes. */
export function validateClaimSpec(spec: ClaimSpec, path: string): FieldError[] {
  const modes = spec.accessModes ?? []
  const errors = modes.length ? [] : [required(`${path}.accessModes`, 'at least 1 access mode is required')]
  errors.push(...validateLabelSelector(spec.selector, `${path}.selector`))
  errors.push(...validateAccessModes(modes, `${path}.accessModes`))
  const storage = spec.resources?.requests?.storage
  const storagePath = `${path}.resources[storage]`
  errors.push(...(storage === undefined ? [required(storagePath)] : positiveQuantity(storage, storagePath)))
  if (spec.storageClassName) {
    errors.push(
      ...asInvalid(`${path}.storageClassName`, spec.storageClassName, dnsSubdomain(spec.storageClassName, false)),
    )
  }
  if (spec.volumeMode !== undefined && !volumeModes.includes(spec.volumeMode)) {
    errors.push(notSupported(`${path}.volumeMode`, spec.volumeMode, volumeModes))
  }
  errors.push(...validateDataSources(spec, path))
  const attributes = spec.volumeAttributesClassName
  if (attributes)
    errors.push(...asInvalid(`${path}.volumeAttributesClassName`, attributes, dnsSubdomain(attributes, false)))
  return errors
}

function validateDataSources(spec: ClaimSpec, path: string): FieldError[] {
  const { dataSource, dataSourceRef } = spec
  const errors: FieldError[] = []
  for (const [name, source] of [
    ['dataSource', dataSource],
    ['dataSourceRef', dataSourceRef],
  ] as const) {
    if (!source) continue
    const at = `${path}.${name}`
    if (!source.name) errors.push(required(`${at}.name`))
    if (!source.kind) errors.push(required(`${at}.kind`))
    if (!source.apiGroup && source.kind !== 'PersistentVolumeClaim') {
      errors.push(
        invalid(at, source.kind ?? '', "must be 'PersistentVolumeClaim' when referencing the default apiGroup"),
      )
    }
    if (source.apiGroup) errors.push(...asInvalid(`${at}.apiGroup`, source.apiGroup, isDnsSubdomain(source.apiGroup)))
  }
  const namespace = dataSourceRef?.namespace
  if (namespace) {
    errors.push(...asInvalid(`${path}.dataSourceRef.namespace`, namespace, dnsLabel(namespace, false)))
    if (dataSource)
      errors.push(invalid(path, `${path}.dataSource`, 'may not be specified when dataSourceRef.namespace is specified'))
  } else if (dataSource && dataSourceRef) {
    const same = (['apiGroup', 'kind', 'name'] as const).every((field) => dataSource[field] === dataSourceRef[field])
    if (!same) errors.push(invalid(path, `${path}.dataSource`, 'must match dataSourceRef'))
  }
  return errors
}
