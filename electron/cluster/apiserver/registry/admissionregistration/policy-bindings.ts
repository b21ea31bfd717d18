import type * as v1 from 'kubernetes-types/admissionregistration/v1'
import type { KubeObject } from '#shared/kube/object.ts'
import type { FieldError } from '#shared/kube/status.ts'
import { ageColumn, columnsOf, nameColumn } from '../columns/common.ts'
import { kindsOf, spec as desired } from '../define.ts'
import type { KindDefinition } from '../kind.ts'
import { entries, type Loose } from '../loose.ts'
import { asInvalid, duplicate, forbidden, invalid, notSupported, required } from '../validation/field.ts'
import { validateLabelSelector } from '../validation/labels.ts'
import { dnsSubdomain, pathSegment } from '../validation/names.ts'
import { defaultMatchResources, validateMatchResources } from './rules.ts'

type Spec = Loose<v1.ValidatingAdmissionPolicyBindingSpec>
type Binding = KubeObject & { spec?: Spec }
type Selector = NonNullable<NonNullable<Spec['paramRef']>['selector']>

/** Source: validateParamRef. */
function paramRefErrors(reference: Spec['paramRef'], path: string): FieldError[] {
  if (!reference) return []
  const { name, selector, parameterNotFoundAction: action } = reference
  const both = 'name and selector are mutually exclusive'
  const errors = name ? asInvalid(`${path}.name`, name, pathSegment(name, false)) : []
  if (name && selector) errors.push(forbidden(`${path}.name`, both))
  if (selector) errors.push(...validateLabelSelector(selector, `${path}.selector`))
  if (name && selector) errors.push(forbidden(`${path}.selector`, both))
  if (!name && !selector) errors.push(required(path, 'one of name or selector must be specified'))
  if (!action) errors.push(required(`${path}.parameterNotFoundAction`))
  else if (!['Deny', 'Allow'].includes(action))
    errors.push(notSupported(`${path}.parameterNotFoundAction`, action, ['Deny', 'Allow']))
  return errors
}

const actions = ['Audit', 'Deny', 'Warn']

function actionErrors(given: readonly string[], path: string): FieldError[] {
  const errors = given.flatMap((action, i) => [
    ...(actions.includes(action) ? [] : [notSupported(`${path}[${i}]`, action, actions)]),
    ...(given.indexOf(action) < i ? [duplicate(`${path}[${i}]`, action)] : []),
  ])
  if (given.includes('Deny') && given.includes('Warn')) {
    const text =
      'must not contain both Deny and Warn (repeating the same validation failure information in the API response and headers serves no purpose)'
    errors.push(invalid(path, given, text))
  }
  if (!given.length) errors.push(required(path, 'at least one validation action is required'))
  return errors
}

function validate({ spec = {} }: Binding, hasActions: boolean): FieldError[] {
  const { policyName } = spec
  return [
    ...(policyName
      ? asInvalid('spec.policyName', policyName, dnsSubdomain(policyName, false))
      : [required('spec.policyName')]),
    ...paramRefErrors(spec.paramRef, 'spec.paramRef'),
    ...validateMatchResources(spec.matchResources, 'spec.matchResources'),
    ...(hasActions ? actionErrors(spec.validationActions ?? [], 'spec.validationActions') : []),
  ]
}

function paramRef({ spec }: Binding): string {
  const { name, namespace, selector } = spec?.paramRef ?? {}
  if (name) return `${namespace || '*'}/${name}`
  return selector ? selectorText(selector) : '<unset>'
}

/** As Go prints the selector's type. */
function selectorText({ matchLabels, matchExpressions }: Selector): string {
  const labels = entries(matchLabels).toSorted(([a], [b]) => (a < b ? -1 : 1))
  const requirements = (matchExpressions ?? []).map(
    ({ key = '', operator = '', values = [] }) =>
      `LabelSelectorRequirement{Key:${key},Operator:${operator},Values:[${values.join(' ')}],},`,
  )
  const pairs = labels.map(([key, value]) => `${key}: ${value},`)
  return `&LabelSelector{MatchLabels:map[string]string{${pairs.join('')}},MatchExpressions:[]LabelSelectorRequirement{${requirements.join('')}},}`
}

const define = kindsOf('admissionregistration.k8s.io', 'v1')

function definitionOf(
  kind: 'ValidatingAdmissionPolicyBinding' | 'MutatingAdmissionPolicyBinding',
  hasActions: boolean,
): KindDefinition<Binding> {
  const column = columnsOf<Binding>(kind)
  return define<Binding>({
    kind,
    plural: `${kind.toLowerCase()}s`,
    namespaced: false,
    categories: ['api-extensions'],
    rules: {
      anyFinalizers: true,
      defaults({ spec }) {
        if (spec?.matchResources) defaultMatchResources(spec.matchResources)
      },
      desired,
      validate: (binding) => validate(binding, hasActions),
      more: { answersDeleted: true, requireResourceVersionOnUpdate: true },
    },
    columns: [
      nameColumn,
      column('PolicyName', ({ spec }) => spec?.policyName ?? ''),
      column('ParamRef', paramRef),
      ageColumn,
    ],
  })
}

export const validatingAdmissionPolicyBinding = definitionOf('ValidatingAdmissionPolicyBinding', true)
export const mutatingAdmissionPolicyBinding = definitionOf('MutatingAdmissionPolicyBinding', false)
