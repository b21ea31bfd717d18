import type { AccessQuestion, Grant, NamedRole, WhoCan } from '#shared/ipc/access.ts'
import { ruleAllows, type RuleRequest } from '#shared/kube/rbac.ts'
import { boundRules, type BoundRules, type RoleRule } from './bound-rules.ts'
import type { Policy } from './policy.ts'

/** Everybody whom a binding lets do it, once for each binding. */
export function whoCan(policy: Policy, question: AccessQuestion): WhoCan {
  const counts = scopeOf(question)
  const request = requestOf(question)
  const grants = boundRules(policy)
    .filter(({ namespace }) => counts(namespace))
    .flatMap((bound) => grantsOf(bound, allowing(bound.rules, requestIn(question, request, bound.namespace))))
  return { grants: sorted(grants), unread: [...policy.unread] }
}

/** Everybody to whom a role is bound. */
export function holders(policy: Policy, role: NamedRole): WhoCan {
  const isBound = (other: NamedRole) =>
    other.kind === role.kind && other.name === role.name && other.namespace === role.namespace
  const bound = boundRules(policy).filter((each) => isBound(each.role))
  return {
    grants: sorted(bound.flatMap((each) => grantsOf(each, [{ rule: { verbs: [] } }]))),
    unread: [...policy.unread],
  }
}

function requestOf(question: AccessQuestion): RuleRequest {
  const none = { group: '', resource: '', subresource: '', name: '', path: '' }
  if ('path' in question) return { ...none, isResource: false, verb: question.verb, path: question.path }
  const { verb, group, resource, subresource = '', name = '' } = question
  return { ...none, isResource: true, verb, group, resource, subresource, name }
}

/** Verbs that ask for one object, by its name. */
const named = new Set(['get', 'update', 'patch', 'delete'])

/** A namespace is its own: asking for one by its name is asking in it. Source: apiserver/pkg/endpoints/request. */
const isOneNamespace = (question: AccessQuestion): boolean =>
  !('path' in question) &&
  question.group === '' &&
  question.resource === 'namespaces' &&
  (named.has(question.verb) || question.name !== undefined)

const requestIn = (question: AccessQuestion, request: RuleRequest, namespace: string): RuleRequest =>
  isOneNamespace(question) && !request.name && namespace ? { ...request, name: namespace } : request

/** Which bindings count: by the namespace that they grant in, '' for all. */
function scopeOf(question: AccessQuestion): (namespace: string) => boolean {
  if ('path' in question) return (namespace) => namespace === ''
  if (isOneNamespace(question)) return (namespace) => !namespace || !question.name || namespace === question.name
  if (!question.namespaced) return (namespace) => namespace === ''
  return (namespace) => !namespace || !question.namespace || namespace === question.namespace
}

/** The rules that allow it, those for certain objects included when none was named. */
const allowing = (rules: readonly RoleRule[], request: RuleRequest): RoleRule[] =>
  rules.filter(({ rule }) =>
    request.name ? ruleAllows(rule, request) : ruleAllows({ ...rule, resourceNames: [] }, request),
  )

function grantsOf({ binding, role, namespace, subjects }: BoundRules, by: readonly RoleRule[]): Grant[] {
  if (!by.length) return []
  const forAll = by.some(({ rule }) => !rule.resourceNames?.length)
  const names = forAll ? [] : [...new Set(by.flatMap(({ rule }) => rule.resourceNames ?? []))].toSorted()
  const from = by.some((each) => each.from === undefined) ? [] : [...new Set(by.map((each) => each.from!))].toSorted()
  return subjects.map((subject) => ({ subject, binding, role, namespace, names, from }))
}

const place = (grant: Grant): string =>
  [
    grant.subject.kind,
    'namespace' in grant.subject ? grant.subject.namespace : '',
    grant.subject.name,
    grant.namespace,
    grant.binding.name,
  ].join('\n')

/** Groups, service accounts, users; each by its name. */
const sorted = (grants: readonly Grant[]): Grant[] => grants.toSorted((a, b) => (place(a) < place(b) ? -1 : 1))
