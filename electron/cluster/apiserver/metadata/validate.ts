import type { ManagedFieldsEntry, ObjectMeta, OwnerReference } from '#shared/kube/object.ts'
import type { FieldError } from '#shared/kube/status.ts'
import { qualifiedNameErrors } from '#shared/kube/names.ts'
import type { Strategy } from '../registry/kind.ts'
import { asInvalid, forbidden, invalid, quote, required, tooLong } from '../registry/validation/field.ts'
import { validateAnnotations, validateLabels } from '../registry/validation/labels.ts'
import { dnsLabel } from '../registry/validation/names.ts'

/** Source: apimachinery/pkg/api/validation/objectmeta.go. */
export function validateNewMetadata(
  metadata: ObjectMeta,
  namespaced: boolean,
  nameRule: Strategy['validateName'],
): FieldError[] {
  const { name = '', generateName = '', namespace = '' } = metadata
  const errors = generateName ? asInvalid('metadata.generateName', generateName, nameRule(generateName, true)) : []
  if (!name) errors.push(required('metadata.name', 'name or generateName is required'))
  else errors.push(...asInvalid('metadata.name', name, nameRule(name, false)))
  if (!namespaced) {
    if (namespace) errors.push(forbidden('metadata.namespace', 'not allowed on this type'))
  } else if (!namespace) errors.push(required('metadata.namespace'))
  else errors.push(...asInvalid('metadata.namespace', namespace, dnsLabel(namespace, false)))
  if ((metadata.generation ?? 0) < 0) {
    errors.push(invalid('metadata.generation', metadata.generation, 'must be greater than or equal to 0'))
  }
  return [...errors, ...validateMetadata(metadata)]
}

/** All but the name, which only a new object could choose. */
export const validateMetadata = (metadata: ObjectMeta): FieldError[] => [
  ...validateCommon(metadata),
  ...validateFinalizers(metadata.finalizers),
  ...validateManagedFields(metadata.managedFields),
]

export function validateUpdatedMetadata(metadata: ObjectMeta, old: ObjectMeta): FieldError[] {
  const errors = old.deletionTimestamp ? noNewFinalizers(metadata.finalizers, old.finalizers) : []
  if (!metadata.resourceVersion) errors.push(invalid('metadata.resourceVersion', '', 'must be specified for an update'))
  if ((metadata.generation ?? 0) < (old.generation ?? 0)) {
    errors.push(invalid('metadata.generation', metadata.generation ?? 0, 'must not be decremented'))
  }
  const immutable = [
    'name',
    'namespace',
    'uid',
    'creationTimestamp',
    'deletionTimestamp',
    'deletionGracePeriodSeconds',
  ] as const
  for (const field of immutable) {
    if (metadata[field] !== old[field])
      errors.push(invalid(`metadata.${field}`, metadata[field] ?? null, 'field is immutable'))
  }
  return [...errors, ...validateCommon(metadata), ...validateManagedFields(metadata.managedFields)]
}

function validateCommon({ labels, annotations, ownerReferences = [] }: ObjectMeta): FieldError[] {
  return [
    ...validateLabels(labels, 'metadata.labels'),
    ...validateAnnotations(annotations, 'metadata.annotations'),
    ...validateOwners(ownerReferences),
  ]
}

function validateOwners(owners: readonly OwnerReference[]): FieldError[] {
  const errors: FieldError[] = []
  let controller = ''
  for (const [i, owner] of owners.entries()) {
    const field = `metadata.ownerReferences[${i}]`
    const apiVersion = owner.apiVersion ?? ''
    if (!apiVersion.split('/').at(-1))
      errors.push(invalid(`${field}.apiVersion`, apiVersion, 'version must not be empty'))
    for (const part of ['kind', 'name', 'uid'] as const) {
      if (!owner[part]) errors.push(invalid(`${field}.${part}`, owner[part] ?? '', 'must not be empty'))
    }
    if (apiVersion === 'v1' && owner.kind === 'Event') {
      errors.push(invalid(field, owner, '/v1, Kind=Event is disallowed from being an owner'))
    }
    if (!owner.controller) continue
    const name = `${owner.kind}/${owner.name}`
    if (controller) {
      const message = `Only one reference can have Controller set to true. Found "true" in references for ${controller} and ${name}`
      errors.push(invalid('metadata.ownerReferences', owners, message))
    } else controller = name
  }
  return errors
}

function validateFinalizers(finalizers: readonly string[] = []): FieldError[] {
  const errors = finalizers.flatMap((name) => asInvalid('metadata.finalizers', name, qualifiedNameErrors(name)))
  if (finalizers.includes('orphan') && finalizers.includes('foregroundDeletion')) {
    errors.push(
      invalid('metadata.finalizers', finalizers, 'finalizer orphan and foregroundDeletion cannot be both set'),
    )
  }
  return errors
}

function noNewFinalizers(finalizers: readonly string[] = [], old: readonly string[] = []): FieldError[] {
  const added = finalizers.filter((name) => !old.includes(name)).sort()
  if (!added.length) return []
  const list = `[]string{${added.map(quote).join(', ')}}`
  return [
    forbidden(
      'metadata.finalizers',
      `no new finalizers can be added if the object is being deleted, found new finalizers ${list}`,
    ),
  ]
}

/** Entries that cannot be read are gone by now: what is left is how they are named. */
function validateManagedFields(entries: readonly ManagedFieldsEntry[] = []): FieldError[] {
  return entries.flatMap(({ manager = '', subresource = '' }, i) => [
    ...validateFieldManager(manager, `metadata.managedFields[${i}].manager`),
    ...(Buffer.byteLength(subresource) > 256 ? [tooLong(`metadata.managedFields[${i}].subresource`, 256)] : []),
  ])
}

const unprintable = /[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/gu

/** Source: ValidateFieldManager. */
export function validateFieldManager(manager: string, field: string): FieldError[] {
  const errors = Buffer.byteLength(manager) > 128 ? [tooLong(field, 128)] : []
  for (const { 0: char, index } of manager.matchAll(unprintable)) {
    const code = char.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')
    const position = Buffer.byteLength(manager.slice(0, index))
    errors.push(invalid(field, manager, `invalid character U+${code} (at position ${position})`))
  }
  return errors
}
