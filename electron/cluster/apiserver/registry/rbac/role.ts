import { SelectorError, selectorOf } from '#shared/kube/selectors.ts'
import type { FieldError } from '#shared/kube/status.ts'
import { kindsOf } from '../define.ts'
import type { KindDefinition } from '../kind.ts'
import { invalid, required } from '../validation/field.ts'
import { validateLabelSelector } from '../validation/labels.ts'
import { pathSegment } from '../validation/names.ts'
import { rbacGroup, type PolicyRule, type Role } from './types.ts'

/** Source: ValidatePolicyRule. */
function validateRule(rule: PolicyRule, isNamespaced: boolean, path: string): FieldError[] {
  const errors = rule.verbs?.length ? [] : [required(`${path}.verbs`, 'verbs must contain at least one value')]
  if (rule.nonResourceURLs?.length) {
    const refuse = (text: string) => errors.push(invalid(`${path}.nonResourceURLs`, rule.nonResourceURLs, text))
    if (isNamespaced) refuse('namespaced rules cannot apply to non-resource URLs')
    if (rule.apiGroups?.length || rule.resources?.length || rule.resourceNames?.length) {
      refuse('rules cannot apply to both regular resources and non-resource URLs')
    }
    return errors
  }
  if (!rule.apiGroups?.length)
    errors.push(required(`${path}.apiGroups`, 'resource rules must supply at least one api group'))
  if (!rule.resources?.length)
    errors.push(required(`${path}.resources`, 'resource rules must supply at least one resource'))
  return errors
}

const validateRules = ({ rules }: Role, isNamespaced: boolean): FieldError[] =>
  (rules ?? []).flatMap((rule, i) => validateRule(rule, isNamespaced, `rules[${i}]`))

function validateAggregation({ aggregationRule }: Role): FieldError[] {
  if (!aggregationRule) return []
  const path = 'aggregationRule.clusterRoleSelectors'
  const selectors = aggregationRule.clusterRoleSelectors ?? []
  if (!selectors.length)
    return [required(path, 'at least one clusterRoleSelector required if aggregationRule is non-nil')]
  return selectors.flatMap((selector, i) => {
    const errors = validateLabelSelector(selector, `${path}[${i}]`)
    if (errors.length || !isReadable(selector)) errors.push(invalid(`${path}[${i}]`, null, 'invalid label selector.'))
    return errors
  })
}

function isReadable(selector: object): boolean {
  try {
    selectorOf(selector)
    return true
  } catch (error) {
    if (error instanceof SelectorError) return false
    throw error
  }
}

const define = kindsOf(rbacGroup, 'v1')

export const clusterRole: KindDefinition<Role> = define<Role>({
  kind: 'ClusterRole',
  plural: 'clusterroles',
  namespaced: false,
  rules: { name: pathSegment, validate: (role) => [...validateRules(role, false), ...validateAggregation(role)] },
})

export const role: KindDefinition<Role> = define<Role>({
  kind: 'Role',
  plural: 'roles',
  namespaced: true,
  rules: { name: pathSegment, validate: (object) => validateRules(object, true) },
})
