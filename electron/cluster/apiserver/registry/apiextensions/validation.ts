import type { FieldError } from '#shared/kube/status.ts'
import { semanticEqual } from '../equal.ts'
import { invalid, notSupported, required } from '../validation/field.ts'
import { isDns1035Label, isDnsSubdomain } from '../validation/names.ts'
import { validateApproval } from './approval.ts'
import { isTrue } from './conditions.ts'
import { validateConversion } from './conversion.ts'
import type { Crd, Names, Spec, Version } from './types.ts'
import { validateShared, validateVersions } from './versions.ts'

const joined = (path: string, value: string, texts: readonly string[], start = ''): FieldError[] =>
  texts.length ? [invalid(path, value, `${start}${texts.join(',')}`)] : []

const mixedCase = 'may have mixed case, but should otherwise match: '

/** Source: ValidateCustomResourceDefinitionNames. */
function validateNames(names: Names, path: string): FieldError[] {
  const { plural = '', singular = '', kind = '', listKind = '' } = names
  const label = (field: string, value: string) =>
    value ? joined(`${path}.${field}`, value, isDns1035Label(value)) : []
  const mixed = (field: string, value: string) =>
    value ? joined(`${path}.${field}`, value, isDns1035Label(value.toLowerCase()), mixedCase) : []
  return [
    ...label('plural', plural),
    ...label('singular', singular),
    ...mixed('kind', kind),
    ...mixed('listKind', listKind),
    ...(names.shortNames ?? []).flatMap((name, i) => joined(`${path}.shortNames[${i}]`, name, isDns1035Label(name))),
    ...(kind && kind === listKind
      ? [invalid(`${path}.listKind`, listKind, 'kind and listKind may not be the same')]
      : []),
    ...(names.categories ?? []).flatMap((name, i) => joined(`${path}.categories[${i}]`, name, isDns1035Label(name))),
  ]
}

function validateGroup(group: string): FieldError[] {
  if (!group) return [required('spec.group')]
  const wrong = isDnsSubdomain(group)
  if (wrong.length) return joined('spec.group', group, wrong)
  return group.includes('.') ? [] : [invalid('spec.group', group, 'should be a domain with at least one dot')]
}

/** Source: ValidateCustomResourceDefinition. `old` before an update. */
export function validate(crd: Crd, old?: Crd): FieldError[] {
  const { metadata, spec = {}, status } = crd
  const { group = '', scope = '', names = {} } = spec
  const versions = spec.versions ?? []
  const before = old?.spec?.versions ?? []
  const errors: FieldError[] = []
  const name = metadata?.name
  if (name && name !== `${names.plural ?? ''}.${group}`)
    errors.push(invalid('metadata.name', name, 'must be spec.names.plural+"."+spec.group'))
  errors.push(...validateGroup(group))
  const scopes = ['Cluster', 'Namespaced']
  if (!scope) errors.push(required('spec.scope'))
  else if (!scopes.includes(scope)) errors.push(notSupported('spec.scope', scope, scopes))
  errors.push(...validateVersions(versions, before))
  for (const field of ['plural', 'singular', 'kind', 'listKind'] as const)
    if (!names[field]) errors.push(required(`spec.names.${field}`))
  return [
    ...errors,
    ...validateNames(names, 'spec.names'),
    ...validateShared(versions, before),
    ...validateConversion(spec.conversion ?? {}, old?.spec?.conversion),
    ...validateStoredVersions(status?.storedVersions, versions),
    ...validateApproval(group, metadata?.annotations, old && { annotations: old.metadata?.annotations }),
    ...validatePreserving(spec, old?.spec),
  ]
}

/** No object may lie in the store in a version that nobody knows any more. */
function validateStoredVersions(stored: readonly string[] | undefined, versions: readonly Version[]): FieldError[] {
  const path = 'status.storedVersions'
  if (!stored?.length) return [invalid(path, stored, 'must have at least one stored version')]
  const missing = versions.filter(({ name = '', storage }) => storage && !stored.includes(name))
  const errors = missing.map(({ name = '' }) => invalid(path, stored, `must have the storage version ${name}`))
  const unknown = stored.flatMap((name, i) => {
    if (versions.some((version) => version.name === name)) return []
    const text = `missing from spec.versions; ${name} was previously a storage version, and must remain in spec.versions until a storage migration ensures no data remains persisted in ${name} and removes ${name} from status.storedVersions`
    return [invalid(`${path}[${i}]`, name, text)]
  })
  return [...errors, ...unknown]
}

function validatePreserving({ preserveUnknownFields }: Spec, old: Spec | undefined): FieldError[] {
  if (!preserveUnknownFields || old?.preserveUnknownFields) return []
  const text = 'cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead'
  return [invalid('spec.preserveUnknownFields', true, text)]
}

export function validateUpdate(crd: Crd, old: Crd): FieldError[] {
  const errors = validate(crd, old)
  const immutable = (field: string, value: unknown, before: unknown) =>
    semanticEqual(value, before) ? [] : [invalid(field, value, 'field is immutable')]
  errors.push(...immutable('spec.group', crd.spec?.group, old.spec?.group))
  errors.push(...immutable('spec.names.plural', crd.spec?.names?.plural, old.spec?.names?.plural))
  if (!isTrue(old, 'Established')) return errors
  return [
    ...errors,
    ...immutable('spec.scope', crd.spec?.scope, old.spec?.scope),
    ...immutable('spec.names.kind', crd.spec?.names?.kind, old.spec?.names?.kind),
  ]
}

/** Writes of the status. */
export const validateStatus = ({ status }: Crd): FieldError[] =>
  validateNames(status?.acceptedNames ?? {}, 'status.acceptedNames')
