import type * as v1 from 'kubernetes-types/admissionregistration/v1'
import type { KubeObject } from '#shared/kube/object.ts'
import type { FieldError } from '#shared/kube/status.ts'
import { ageColumn, columnsOf, nameColumn } from '../columns/common.ts'
import { kindsOf, spec as desired } from '../define.ts'
import type { KindDefinition } from '../kind.ts'
import type { Loose } from '../loose.ts'
import { status } from '../subresources.ts'
import { validateConditions } from '../validation/conditions.ts'
import { duplicate, invalid, notSupported, required } from '../validation/field.ts'
import { validateLabelName } from '../validation/labels.ts'
import { isDns1035Label, isDnsSubdomain } from '../validation/names.ts'
import { expressionChecks, type ExpressionChecks } from './expressions.ts'
import { defaultMatchResources, failurePolicies, validateMatchConditions, validateMatchResources } from './rules.ts'

interface Mutation {
  patchType?: string
  applyConfiguration?: { expression?: string }
  jsonPatch?: { expression?: string }
}
type Spec = Loose<v1.ValidatingAdmissionPolicySpec> & { mutations?: Mutation[]; reinvocationPolicy?: string }
type Policy = KubeObject & { spec?: Spec; status?: Loose<v1.ValidatingAdmissionPolicyStatus> }

const group = 'admissionregistration.k8s.io'
const mostAnnotations = 20
const longestAnnotation = 5 * 1024
const reasons = ['Forbidden', 'Invalid', 'RequestEntityTooLarge']
const reserved = new Set(
  'true false null in as break const continue else for function if import let loop package namespace return var void while'.split(
    ' ',
  ),
)

function setDefaults({ spec }: Policy): void {
  if (!spec) return
  spec.failurePolicy ??= 'Fail'
  if (spec.matchConstraints) defaultMatchResources(spec.matchConstraints)
}

function paramKindErrors({ apiVersion = '', kind = '' }: NonNullable<Spec['paramKind']>, path: string): FieldError[] {
  const errors: FieldError[] = []
  const parts = apiVersion.split('/')
  const [version = '', groupName = ''] = [...parts].reverse()
  if (!apiVersion) errors.push(required(`${path}.apiVersion`))
  else if (parts.length > 2)
    errors.push(invalid(`${path}.apiVersion`, apiVersion, `unexpected GroupVersion string: ${apiVersion}`))
  else {
    const wrong = groupName ? isDnsSubdomain(groupName) : []
    if (wrong.length) errors.push(invalid(`${path}.apiVersion`, groupName, wrong.join(',')))
    const bad = isDns1035Label(version)
    if (!version) errors.push(invalid(`${path}.apiVersion`, apiVersion, 'version must be specified'))
    else if (bad.length) errors.push(invalid(`${path}.apiVersion`, version, bad.join(',')))
  }
  const wrongKind = kind ? isDns1035Label(kind.toLowerCase()) : []
  if (!kind) errors.push(required(`${path}.kind`))
  else if (wrongKind.length) {
    errors.push(
      invalid(`${path}.kind`, kind, `may have mixed case, but should otherwise match: ${wrongKind.join(',')}`),
    )
  }
  return errors
}

const expressionErrors = (expression: string | undefined, path: string, check: ExpressionChecks['validation']) =>
  expression?.trim()
    ? check(expression, `${path}.expression`)
    : [required(`${path}.expression`, 'expression is not specified')]

const variableErrors = (variables: Spec['variables'], checks: ExpressionChecks): FieldError[] =>
  (variables ?? []).flatMap(({ name = '', expression }, i) => {
    const path = `spec.variables[${i}]`
    const isIdentifier = /^[_a-zA-Z][_a-zA-Z0-9]*$/.test(name) && !reserved.has(name)
    return [
      ...(name.trim() ? [] : [required(`${path}.name`, 'name is not specified')]),
      ...(name.trim() && !isIdentifier ? [invalid(`${path}.name`, name, 'name is not a valid CEL identifier')] : []),
      ...expressionErrors(expression, path, (source, at) => checks.variable(name, source, at)),
    ]
  })

/** Source: validateValidation. */
function validationErrors(
  { expression, message, messageExpression, reason }: NonNullable<Spec['validations']>[number],
  path: string,
  checks: ExpressionChecks,
): FieldError[] {
  const errors = expressionErrors(expression, path, checks.validation)
  if (messageExpression && !messageExpression.trim())
    errors.push(invalid(`${path}.messageExpression`, messageExpression, 'must be non-empty if specified'))
  else if (messageExpression) errors.push(...checks.message(messageExpression, `${path}.messageExpression`))
  if (message && !message.trim())
    errors.push(invalid(`${path}.message`, message, 'message must be non-empty if specified'))
  else if (message && /[\n\r]/.test(message.trim()))
    errors.push(invalid(`${path}.message`, message, 'message must not contain line breaks'))
  if (reason !== undefined && !reasons.includes(reason)) errors.push(notSupported(`${path}.reason`, reason, reasons))
  return errors
}

function auditErrors({ metadata, spec }: Policy, checks: ExpressionChecks): FieldError[] {
  const list = spec?.auditAnnotations ?? []
  const errors =
    list.length > mostAnnotations
      ? [invalid('spec.auditAnnotations', list, `must not have more than ${mostAnnotations} auditAnnotations`)]
      : []
  for (const [i, { key = '', valueExpression = '' }] of list.entries()) {
    const path = `spec.auditAnnotations[${i}]`
    if (metadata?.name) errors.push(...validateLabelName(`${metadata.name}/${key}`, `${path}.key`))
    else errors.push(invalid(`${path}.key`, key, 'requires metadata.name be non-empty'))
    const size = valueExpression.trim().length
    if (!size) errors.push(required(`${path}.valueExpression`, 'valueExpression is not specified'))
    else if (size > longestAnnotation)
      errors.push(required(`${path}.valueExpression`, `must not exceed ${longestAnnotation} bytes in length`))
    else errors.push(...checks.annotation(valueExpression, `${path}.valueExpression`))
    if (list.findIndex((other) => other.key === key) < i) errors.push(duplicate(`${path}.key`, key))
  }
  return errors
}

/** What policies of both sorts have in common. */
function commonErrors({ spec = {} }: Policy, checks: ExpressionChecks): FieldError[] {
  const { failurePolicy, paramKind, matchConstraints } = spec
  const errors: FieldError[] = []
  if (failurePolicy === undefined) errors.push(required('spec.failurePolicy'))
  else if (!failurePolicies.includes(failurePolicy))
    errors.push(notSupported('spec.failurePolicy', failurePolicy, failurePolicies))
  if (paramKind) errors.push(...paramKindErrors(paramKind, 'spec.paramKind'))
  if (!matchConstraints) errors.push(required('spec.matchConstraints'))
  else {
    errors.push(...validateMatchResources(matchConstraints, 'spec.matchConstraints'))
    if (!matchConstraints.resourceRules?.length) errors.push(required('spec.matchConstraints.resourceRules'))
  }
  return [
    ...errors,
    ...validateMatchConditions(spec.matchConditions, 'spec.matchConditions', checks),
    ...variableErrors(spec.variables, checks),
  ]
}

const checksOf = ({ spec }: Policy): ExpressionChecks => expressionChecks({ params: spec?.paramKind !== undefined })

function validateValidating(policy: Policy): FieldError[] {
  const { validations = [], auditAnnotations = [] } = policy.spec ?? {}
  const checks = checksOf(policy)
  const errors = commonErrors(policy, checks)
  if (!validations.length && !auditAnnotations.length) {
    const text = 'validations or auditAnnotations must contain at least one item'
    return [...errors, required('spec.validations', text), required('spec.auditAnnotations', text)]
  }
  return [
    ...errors,
    ...validations.flatMap((each, i) => validationErrors(each, `spec.validations[${i}]`, checks)),
    ...auditErrors(policy, checks),
  ]
}

function mutationErrors(
  { patchType = '', applyConfiguration, jsonPatch }: Mutation,
  path: string,
  checks: ExpressionChecks,
): FieldError[] {
  const types = ['ApplyConfiguration', 'JSONPatch']
  if (!patchType) return [required(`${path}.patchType`)]
  if (!types.includes(patchType)) return [notSupported(`${path}.patchType`, patchType, types)]
  const [field, own, other] =
    patchType === 'JSONPatch'
      ? (['jsonPatch', jsonPatch, applyConfiguration] as const)
      : (['applyConfiguration', applyConfiguration, jsonPatch] as const)
  if (!own) return [required(`${path}.${field}`, `must be specified when patchType is ${patchType}`)]
  const errors = expressionErrors(own.expression, `${path}.${field}`, checks[field])
  if (other)
    errors.push(
      invalid(
        `${path}.${field === 'jsonPatch' ? 'applyConfiguration' : 'jsonPatch'}`,
        other,
        `must not be specified when patchType is ${patchType}`,
      ),
    )
  return errors
}

function validateMutating(policy: Policy): FieldError[] {
  const { mutations = [], reinvocationPolicy } = policy.spec ?? {}
  const checks = checksOf(policy)
  const errors = commonErrors(policy, checks)
  const policies = ['IfNeeded', 'Never']
  if (!reinvocationPolicy) errors.push(required('spec.reinvocationPolicy'))
  else if (!policies.includes(reinvocationPolicy))
    errors.push(notSupported('spec.reinvocationPolicy', reinvocationPolicy, policies))
  if (!mutations.length) errors.push(required('spec.mutations', 'mutations must contain at least one item'))
  return [...errors, ...mutations.flatMap((each, i) => mutationErrors(each, `spec.mutations[${i}]`, checks))]
}

/** Source: validateValidatingAdmissionPolicyStatus. */
const validateStatus = ({ status: now }: Policy): FieldError[] => [
  ...(now?.typeChecking?.expressionWarnings ?? []).flatMap(({ fieldRef, warning }, i) => {
    const path = `status.typeChecking.expressionWarnings[${i}]`
    return [
      ...(warning ? [] : [required(`${path}.warning`)]),
      ...(fieldRef?.trim() ? [] : [required(`${path}.fieldRef`)]),
    ]
  }),
  ...validateConditions(now?.conditions ?? [], 'status.conditions'),
]

const paramKind = ({ spec }: Policy): string =>
  spec?.paramKind ? `${spec.paramKind.apiVersion ?? ''}/${spec.paramKind.kind ?? ''}` : '<unset>'

const validatingColumn = columnsOf<Policy>('ValidatingAdmissionPolicy')

const define = kindsOf(group, 'v1')

export const validatingAdmissionPolicy: KindDefinition<Policy> = define<Policy>({
  kind: 'ValidatingAdmissionPolicy',
  plural: 'validatingadmissionpolicies',
  namespaced: false,
  categories: ['api-extensions'],
  rules: {
    anyFinalizers: true,
    defaults: setDefaults,
    status: true,
    statusKeeps: 'metadata',
    desired,
    validate: validateValidating,
    validateStatus,
    more: { answersDeleted: true, requireResourceVersionOnUpdate: true },
  },
  columns: [
    nameColumn,
    validatingColumn('Validations', ({ spec }) => spec?.validations?.length ?? 0, { type: 'integer' }),
    validatingColumn('ParamKind', paramKind),
    ageColumn,
  ],
  subresources: [status('ValidatingAdmissionPolicy')],
})

const mutatingColumn = columnsOf<Policy>('MutatingAdmissionPolicy')

export const mutatingAdmissionPolicy: KindDefinition<Policy> = define<Policy>({
  kind: 'MutatingAdmissionPolicy',
  plural: 'mutatingadmissionpolicies',
  namespaced: false,
  categories: ['api-extensions'],
  rules: {
    anyFinalizers: true,
    defaults: setDefaults,
    desired,
    validate: validateMutating,
    more: { answersDeleted: true, requireResourceVersionOnUpdate: true },
  },
  columns: [
    nameColumn,
    mutatingColumn('Mutations', ({ spec }) => spec?.mutations?.length ?? 0, { type: 'integer' }),
    mutatingColumn('ParamKind', paramKind),
    ageColumn,
  ],
})
