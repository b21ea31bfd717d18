import type { PolicyRule } from 'kubernetes-types/rbac/v1'

/** What is asked of a rule: a verb on a resource, or on a path that is no resource. */
export interface RuleRequest {
  readonly verb: string
  readonly isResource: boolean
  readonly group: string
  readonly resource: string
  readonly subresource: string
  readonly name: string
  readonly path: string
}

/** Source: pkg/apis/rbac/v1/evaluation_helpers.go. */
export function ruleAllows(rule: PolicyRule, request: RuleRequest): boolean {
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

/** What may be done to one resource, or below one path, by whatever rules say so. */
export interface Right {
  /** '' for every namespace and the cluster itself. */
  namespace: string
  /** `*` for all of them. */
  group: string
  /** With its subresource: `deployments/scale`. '' where it is a path. */
  resource: string
  path: string
  /** Only these objects; empty for all. */
  names: string[]
  verbs: string[]
  /** Which of the sources it comes from, in ascending order. */
  sources: number[]
}

export interface SourcedRule {
  rule: PolicyRule
  namespace?: string
  source?: number
}

/** The usual verbs in the order that people think of them. */
export const usualVerbs = ['get', 'list', 'watch', 'create', 'update', 'patch', 'delete', 'deletecollection'] as const

/** Rules as a table: one right for each resource or path of each namespace, with all verbs that any of the rules gives. */
export function condense(given: Iterable<SourcedRule>): Right[] {
  const rights = new Map<string, Right>()
  for (const { rule, namespace = '', source } of given) {
    for (const subject of subjectsOf(rule, namespace)) {
      const key = JSON.stringify(subject)
      let right = rights.get(key)
      if (!right) rights.set(key, (right = { ...subject, verbs: [], sources: [] }))
      for (const verb of rule.verbs) if (!right.verbs.includes(verb)) right.verbs.push(verb)
      if (source !== undefined && !right.sources.includes(source)) right.sources.push(source)
    }
  }
  const all = [...rights.values()]
  for (const right of all) {
    right.verbs = right.verbs.includes('*') ? ['*'] : right.verbs.sort(byUse)
    right.sources.sort((a, b) => a - b)
  }
  return all.sort(
    (a, b) =>
      Number(a.path !== '') - Number(b.path !== '') ||
      byText(a.namespace, b.namespace) ||
      byText(a.group, b.group) ||
      byText(a.resource || a.path, b.resource || b.path) ||
      byText(a.names.join(), b.names.join()),
  )
}

function subjectsOf(rule: PolicyRule, namespace: string): Omit<Right, 'verbs' | 'sources'>[] {
  const names = (rule.resourceNames ?? []).toSorted()
  const resources = (rule.apiGroups ?? []).flatMap((group) =>
    (rule.resources ?? []).map((resource) => ({ namespace, group, resource, path: '', names })),
  )
  // A path lies in no namespace: what is granted in one does not reach it.
  const paths = namespace ? [] : (rule.nonResourceURLs ?? [])
  return [...resources, ...paths.map((path) => ({ namespace, group: '', resource: '', path, names: [] }))]
}

const byText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

function byUse(a: string, b: string): number {
  const [left, right] = [a, b].map((verb) => (usualVerbs as readonly string[]).indexOf(verb)) as [number, number]
  if (left >= 0 && right >= 0) return left - right
  return left >= 0 ? -1 : right >= 0 ? 1 : byText(a, b)
}
