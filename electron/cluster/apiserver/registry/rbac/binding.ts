import type { FieldError } from '#shared/kube/status.ts'
import { ageColumn, columnsOf, nameColumn } from '../columns/common.ts'
import { kindsOf } from '../define.ts'
import { semanticEqual } from '../equal.ts'
import type { Column, KindDefinition } from '../kind.ts'
import { asInvalid, invalid, notSupported, required } from '../validation/field.ts'
import { dnsSubdomain, pathSegment } from '../validation/names.ts'
import { rbacGroup, type RoleBinding, type Subject } from './types.ts'

function setDefaults(binding: RoleBinding): void {
  const reference = (binding.roleRef ??= {})
  reference.apiGroup ||= rbacGroup
  for (const subject of binding.subjects ?? []) {
    if (subject.kind === 'User' || subject.kind === 'Group') subject.apiGroup ||= rbacGroup
  }
}

/** Source: ValidateRoleBindingSubject. */
function validateSubject(subject: Subject, isNamespaced: boolean, path: string): FieldError[] {
  const { kind = '', name = '', apiGroup = '', namespace } = subject
  const errors = name ? [] : [required(`${path}.name`)]
  switch (kind) {
    case 'ServiceAccount':
      if (name) errors.push(...asInvalid(`${path}.name`, name, dnsSubdomain(name, false)))
      if (apiGroup) errors.push(notSupported(`${path}.apiGroup`, apiGroup, ['']))
      if (!isNamespaced && !namespace) errors.push(required(`${path}.namespace`))
      break
    case 'User':
    case 'Group':
      if (apiGroup !== rbacGroup) errors.push(notSupported(`${path}.apiGroup`, apiGroup, [rbacGroup]))
      break
    default:
      errors.push(notSupported(`${path}.kind`, kind, ['ServiceAccount', 'User', 'Group']))
  }
  return errors
}

/** Source: ValidateRoleBinding and ValidateClusterRoleBinding. */
function validate({ roleRef = {}, subjects }: RoleBinding, isNamespaced: boolean): FieldError[] {
  const { apiGroup = '', kind = '', name = '' } = roleRef
  const errors = apiGroup === rbacGroup ? [] : [notSupported('roleRef.apiGroup', apiGroup, [rbacGroup])]
  const kinds = isNamespaced ? ['Role', 'ClusterRole'] : ['ClusterRole']
  if (!kinds.includes(kind)) errors.push(notSupported('roleRef.kind', kind, kinds))
  if (!name) errors.push(required('roleRef.name'))
  else errors.push(...asInvalid('roleRef.name', name, pathSegment(name, false)))
  for (const [i, subject] of (subjects ?? []).entries())
    errors.push(...validateSubject(subject, isNamespaced, `subjects[${i}]`))
  return errors
}

function validateUpdate(binding: RoleBinding, old: RoleBinding, isNamespaced: boolean): FieldError[] {
  const errors = validate(binding, isNamespaced)
  const { apiGroup = '', kind = '', name = '' } = binding.roleRef ?? {}
  if (!semanticEqual(binding.roleRef, old.roleRef)) {
    errors.push(invalid('roleRef', { APIGroup: apiGroup, Kind: kind, Name: name }, 'cannot change roleRef'))
  }
  return errors
}

const namesOf =
  (kind: string) =>
  ({ subjects }: RoleBinding) =>
    (subjects ?? [])
      .filter((subject) => subject.kind === kind)
      .map(({ name = '', namespace = '' }) => (kind === 'ServiceAccount' ? `${namespace}/${name}` : name))
      .join(', ')

function columns(kind: string): Column<RoleBinding>[] {
  const column = columnsOf<RoleBinding>(kind)
  return [
    nameColumn,
    column('Role', ({ roleRef }) => `${roleRef?.kind ?? ''}/${roleRef?.name ?? ''}`),
    ageColumn,
    column('Users', namesOf('User'), { wide: true }),
    column('Groups', namesOf('Group'), { wide: true }),
    column('ServiceAccounts', namesOf('ServiceAccount'), { wide: true }),
  ]
}

const define = kindsOf(rbacGroup, 'v1')

function definitionOf(kind: 'RoleBinding' | 'ClusterRoleBinding', namespaced: boolean): KindDefinition<RoleBinding> {
  return define<RoleBinding>({
    kind,
    plural: `${kind.toLowerCase()}s`,
    namespaced,
    rules: {
      name: pathSegment,
      defaults: setDefaults,
      validate: (binding) => validate(binding, namespaced),
      validateUpdate: (binding, old) => validateUpdate(binding, old, namespaced),
    },
    columns: columns(kind),
  })
}

export const clusterRoleBinding = definitionOf('ClusterRoleBinding', false)
export const roleBinding = definitionOf('RoleBinding', true)
