import type * as v1 from 'kubernetes-types/admissionregistration/v1'
import type { FieldError } from '#shared/kube/status.ts'
import type { Loose } from '../loose.ts'
import type { ExpressionChecks } from './expressions.ts'
import { duplicate, invalid, notSupported, required, tooMany, asInvalid } from '../validation/field.ts'
import { validateLabelName, validateLabelSelector } from '../validation/labels.ts'
import { pathSegment } from '../validation/names.ts'

/** The typed client lacks what Go embeds. */
export interface Rule {
  operations?: string[] | undefined
  apiGroups?: string[] | undefined
  apiVersions?: string[] | undefined
  resources?: string[] | undefined
  scope?: string | undefined
}
export type NamedRule = Rule & { resourceNames?: string[] | undefined }
export type MatchResources = Omit<Loose<v1.MatchResources>, 'resourceRules' | 'excludeResourceRules'> & {
  resourceRules?: NamedRule[] | undefined
  excludeResourceRules?: NamedRule[] | undefined
}
export type MatchCondition = Loose<v1.MatchCondition>

export const failurePolicies = ['Fail', 'Ignore']
export const matchPolicies = ['Equivalent', 'Exact']
const operations = ['*', 'CONNECT', 'CREATE', 'DELETE', 'UPDATE']
const scopes = ['*', 'Cluster', 'Namespaced']
const mostConditions = 64

export const defaultRule = (rule: Rule): void => {
  rule.scope ??= '*'
}

export function defaultMatchResources(resources: MatchResources): void {
  resources.matchPolicy ??= 'Equivalent'
  resources.namespaceSelector ??= {}
  resources.objectSelector ??= {}
  for (const rule of [...(resources.resourceRules ?? []), ...(resources.excludeResourceRules ?? [])]) defaultRule(rule)
}

/** `*` stands alone. */
const alone = (list: readonly string[] | undefined, path: string, others: string): FieldError[] =>
  list && list.length > 1 && list.includes('*')
    ? [invalid(path, list, `if '*' is present, must not specify other ${others}`)]
    : []

/** Source: validateResources. */
function validateResources(resources: readonly string[], path: string): FieldError[] {
  const errors = resources.length ? [] : [required(path)]
  const withAllParts = new Set<string>()
  const partsOfAll = new Set<string>()
  for (const [i, each] of resources.entries()) {
    const at = `${path}[${i}]`
    if (!each) errors.push(required(at))
    const slash = each.indexOf('/')
    if (slash < 0) continue
    const [resource, part] = [each.slice(0, slash), each.slice(slash + 1)]
    if (withAllParts.has(resource))
      errors.push(invalid(at, each, `if '${resource}/*' is present, must not specify ${each}`))
    if (partsOfAll.has(part)) errors.push(invalid(at, each, `if '*/${part}' is present, must not specify ${each}`))
    if (part === '*') withAllParts.add(resource)
    if (resource === '*') partsOfAll.add(part)
  }
  if (resources.length > 1 && resources.includes('*/*')) {
    errors.push(invalid(path, resources, "if '*/*' is present, must not specify other resources"))
  }
  if (resources.includes('*') && resources.some((each) => each && each !== '*' && !each.includes('/'))) {
    errors.push(invalid(path, resources, "if '*' is present, must not specify other resources without subresources"))
  }
  return errors
}

/** Source: validateRuleWithOperations. */
export function validateRule(rule: Rule, path: string): FieldError[] {
  const asked = rule.operations ?? []
  const errors = asked.length ? [] : [required(`${path}.operations`)]
  errors.push(...alone(asked, `${path}.operations`, 'operations'))
  for (const [i, operation] of asked.entries()) {
    if (!operations.includes(operation)) errors.push(notSupported(`${path}.operations[${i}]`, operation, operations))
  }
  if (!rule.apiGroups?.length) errors.push(required(`${path}.apiGroups`))
  errors.push(...alone(rule.apiGroups, `${path}.apiGroups`, 'API groups'))
  if (!rule.apiVersions?.length) errors.push(required(`${path}.apiVersions`))
  errors.push(...alone(rule.apiVersions, `${path}.apiVersions`, 'API versions'))
  for (const [i, version] of (rule.apiVersions ?? []).entries())
    if (!version) errors.push(required(`${path}.apiVersions[${i}]`))
  errors.push(...validateResources(rule.resources ?? [], `${path}.resources`))
  if (rule.scope !== undefined && !scopes.includes(rule.scope))
    errors.push(notSupported(`${path}.scope`, rule.scope, scopes))
  return errors
}

function validateNamedRule(rule: NamedRule, path: string): FieldError[] {
  const names = rule.resourceNames ?? []
  const errors = names.flatMap((name, i) => [
    ...asInvalid(`${path}.resourceNames[${i}]`, name, pathSegment(name, false)),
    ...(names.indexOf(name) < i ? [duplicate(`${path}.resourceNames[${i}]`, name)] : []),
  ])
  return [...errors, ...validateRule(rule, path)]
}

/** Source: validateMatchResources. */
export function validateMatchResources(resources: MatchResources | undefined, path: string): FieldError[] {
  if (!resources) return []
  const { matchPolicy = '' } = resources
  return [
    ...(matchPolicies.includes(matchPolicy) ? [] : [notSupported(`${path}.matchPolicy`, matchPolicy, matchPolicies)]),
    ...validateLabelSelector(resources.namespaceSelector, `${path}.namespaceSelector`),
    ...validateLabelSelector(resources.objectSelector, `${path}.objectSelector`),
    ...(resources.resourceRules ?? []).flatMap((rule, i) => validateNamedRule(rule, `${path}.resourceRules[${i}]`)),
    ...(resources.excludeResourceRules ?? []).flatMap((rule, i) =>
      validateNamedRule(rule, `${path}.excludeResourceRules[${i}]`),
    ),
  ]
}

export function validateMatchConditions(
  conditions: readonly MatchCondition[] | undefined,
  path: string,
  checks: Pick<ExpressionChecks, 'condition'>,
): FieldError[] {
  const list = conditions ?? []
  const errors = list.length > mostConditions ? [tooMany(path, list.length, mostConditions)] : []
  for (const [i, { name, expression }] of list.entries()) {
    const at = `${path}[${i}]`
    if (!expression?.trim()) errors.push(required(`${at}.expression`))
    else errors.push(...checks.condition(expression, `${at}.expression`))
    if (!name) errors.push(required(`${at}.name`))
    else {
      errors.push(...validateLabelName(name, `${at}.name`))
      if (list.findIndex((other) => other.name === name) < i) errors.push(duplicate(`${at}.name`, name))
    }
  }
  return errors
}
