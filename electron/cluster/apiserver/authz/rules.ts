import type { PolicyRule } from 'kubernetes-types/rbac/v1'
import type { Attributes } from './authorizer.ts'

/** Source: pkg/apis/rbac/v1/evaluation_helpers.go. */
export function ruleAllows(rule: PolicyRule, request: Omit<Attributes, 'user'>): boolean {
  if (!has(rule.verbs, request.verb)) return false
  if (!request.isResource) return rule.nonResourceURLs?.some((pattern) => pathMatches(pattern, request.path)) ?? false
  return (
    has(rule.apiGroups, request.group) &&
    resourceMatches(rule.resources ?? [], request.resource, request.subresource) &&
    (!rule.resourceNames?.length || rule.resourceNames.includes(request.name))
  )
}

const has = (values: readonly string[] | undefined, value: string): boolean =>
  values !== undefined && (values.includes(value) || values.includes('*'))

function resourceMatches(resources: readonly string[], resource: string, subresource: string): boolean {
  const asked = subresource ? `${resource}/${subresource}` : resource
  for (const candidate of resources) {
    if (candidate === '*' || candidate === asked) return true
    if (subresource && candidate === `*/${subresource}`) return true
  }
  return false
}

const pathMatches = (pattern: string, path: string): boolean =>
  pattern === '*' || pattern === path || (pattern.endsWith('*') && path.startsWith(pattern.slice(0, -1)))
