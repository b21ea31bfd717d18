import type * as v1 from 'kubernetes-types/core/v1'
import type { KubeObject } from '#shared/kube/object.ts'
import type { FieldError } from '#shared/kube/status.ts'
import { ageColumn, columnsOf, nameColumn } from '../columns/common.ts'
import { kindsOf } from '../define.ts'
import type { KindDefinition } from '../kind.ts'
import { entries, type Loose } from '../loose.ts'
import { status } from '../subresources.ts'
import { invalid, required } from '../validation/field.ts'
import { isImmutable } from '../validation/immutable.ts'
import { isStandardQuota, validateQuotaResourceName, validateResourceValue } from '../validation/resources.ts'

type Spec = Loose<v1.ResourceQuotaSpec>
export type ResourceQuota = KubeObject & { spec?: Spec; status?: Loose<v1.ResourceQuotaStatus> }

const podScopes = new Set([
  'Terminating',
  'NotTerminating',
  'NotBestEffort',
  'PriorityClass',
  'CrossNamespacePodAffinity',
])
const scopes = new Set([...podScopes, 'BestEffort', 'VolumeAttributesClass'])
const computeResources = new Set([
  'pods',
  'cpu',
  'memory',
  'requests.cpu',
  'requests.memory',
  'limits.cpu',
  'limits.memory',
])

function fitsScope(scope: string, resource: string): boolean {
  if (podScopes.has(scope)) return computeResources.has(resource)
  if (scope === 'BestEffort') return resource === 'pods'
  return scope !== 'VolumeAttributesClass' || resource === 'persistentvolumeclaims' || resource === 'requests.storage'
}

const amounts = (list: Readonly<Record<string, string | undefined>> | undefined, path: string): FieldError[] =>
  entries(list).flatMap(([name, value]) => [
    ...validateQuotaResourceName(name, `${path}[${name}]`),
    ...validateResourceValue(name, value, `${path}[${name}]`),
  ])

const conflicts = [
  ['BestEffort', 'NotBestEffort'],
  ['Terminating', 'NotTerminating'],
] as const

function validateScopes(spec: Spec): FieldError[] {
  const own = spec.scopes ?? []
  const path = 'spec.scopes'
  const hard = Object.keys(spec.hard ?? {})
    .filter(isStandardQuota)
    .sort()
  const errors: FieldError[] = []
  for (const scope of own) {
    if (!scopes.has(scope)) errors.push(invalid(path, own, 'unsupported scope'))
    for (const resource of hard)
      if (!fitsScope(scope, resource)) errors.push(invalid(path, own, 'unsupported scope applied to resource'))
  }
  for (const pair of conflicts)
    if (pair.every((scope) => own.includes(scope))) errors.push(invalid(path, own, 'conflicting scopes'))
  return errors
}

const simpleScopes = ['BestEffort', 'NotBestEffort', 'Terminating', 'NotTerminating', 'CrossNamespacePodAffinity']

function validateScopeSelector(spec: Spec): FieldError[] {
  if (!spec.scopeSelector) return []
  const path = 'spec.scopeSelector.matchExpressions'
  const hard = Object.keys(spec.hard ?? {})
    .filter(isStandardQuota)
    .sort()
  const errors: FieldError[] = []
  const named = new Set<string>()
  for (const { scopeName = '', operator = '', values = [] } of spec.scopeSelector.matchExpressions ?? []) {
    if (!scopes.has(scopeName)) errors.push(invalid(`${path}.scopeName`, scopeName, 'unsupported scope'))
    for (const resource of hard) {
      if (!fitsScope(scopeName, resource))
        errors.push(invalid(path, spec.scopeSelector, 'unsupported scope applied to resource'))
    }
    if (simpleScopes.includes(scopeName) && operator !== 'Exists') {
      const text =
        "must be 'Exists' when scope is any of ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity"
      errors.push(invalid(`${path}.operator`, operator, text))
    }
    if (operator === 'In' || operator === 'NotIn') {
      if (!values.length)
        errors.push(
          required(
            `${path}.values`,
            "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector",
          ),
        )
    } else if (operator === 'Exists' || operator === 'DoesNotExist') {
      if (values.length)
        errors.push(
          invalid(
            `${path}.values`,
            values,
            "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector",
          ),
        )
    } else errors.push(invalid(`${path}.operator`, operator, 'not a valid selector operator'))
    named.add(scopeName)
  }
  for (const pair of conflicts)
    if (pair.every((scope) => named.has(scope))) errors.push(invalid(path, spec.scopes ?? [], 'conflicting scopes'))
  return errors
}

const validate = ({ spec = {} }: ResourceQuota): FieldError[] => [
  ...amounts(spec.hard, 'spec.hard'),
  ...validateScopes(spec),
  ...validateScopeSelector(spec),
]

function validateUpdate(object: ResourceQuota, old: ResourceQuota): FieldError[] {
  const now = object.spec?.scopes ?? []
  const before = old.spec?.scopes ?? []
  const same = now.every((scope) => before.includes(scope)) && before.every((scope) => now.includes(scope))
  return [...validate(object), ...(same ? [] : [invalid('spec.scopes', now, isImmutable)])]
}

/** `pods: 1/10, requests.cpu: 100m/4` of limits, or of everything else. */
function usage({ status: now }: ResourceQuota, limits: boolean): string {
  return entries(now?.hard)
    .filter(([name]) => name.startsWith('limits') === limits)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${name}: ${now?.used?.[name] ?? '0'}/${value}`)
    .join(', ')
}

const column = columnsOf<ResourceQuota>('ResourceQuota')

const define = kindsOf('', 'v1')

export const resourceQuota: KindDefinition<ResourceQuota> = define<ResourceQuota>({
  kind: 'ResourceQuota',
  plural: 'resourcequotas',
  namespaced: true,
  shortNames: ['quota'],
  rules: {
    status: true,
    validate,
    validateUpdate,
    validateStatus: ({ status: now }) => [...amounts(now?.hard, 'status.hard'), ...amounts(now?.used, 'status.used')],
    more: { answersDeleted: true },
  },
  columns: [
    nameColumn,
    column('Request', (object) => usage(object, false)),
    column('Limit', (object) => usage(object, true)),
    ageColumn,
  ],
  subresources: [status('ResourceQuota')],
})
