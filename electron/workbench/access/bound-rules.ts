import type { ClusterRole, PolicyRule, Subject } from 'kubernetes-types/rbac/v1'
import type { AccessSubject, BoundRole } from '#shared/ipc/access.ts'
import { matches, selectorOf } from '#shared/kube/selectors.ts'
import type { Policy } from './policy.ts'

export interface RoleRule {
  rule: PolicyRule
  /** The cluster role that an aggregated one has it from. */
  from?: string
}

/** A binding, whom it names, and what it lets them do. */
export interface BoundRules extends BoundRole {
  subjects: AccessSubject[]
  rules: RoleRule[]
  lacks?: 'missing' | 'unread'
}

/** What every binding grants. A cluster role that a RoleBinding names counts in the binding's namespace only. */
export function boundRules(policy: Policy): BoundRules[] {
  const roles = new Map(policy.roles.map((role) => [`${role.metadata?.namespace}/${role.metadata?.name}`, role]))
  const clusterRoles = new Map(policy.clusterRoles.map((role) => [role.metadata?.name ?? '', role]))
  const rulesOf = aggregation(policy.clusterRoles)
  const unread = new Set(policy.unread.map(({ plural }) => plural))
  const bindings = [
    ...policy.clusterRoleBindings.map((binding) => ({ kind: 'ClusterRoleBinding' as const, binding })),
    ...policy.roleBindings.map((binding) => ({ kind: 'RoleBinding' as const, binding })),
  ]
  return bindings.map(({ kind, binding: { metadata, roleRef, subjects = [] } }): BoundRules => {
    const namespace = kind === 'RoleBinding' ? (metadata?.namespace ?? '') : ''
    const where = namespace ? { namespace } : {}
    const isOfCluster = roleRef.kind === 'ClusterRole'
    const clusterRole = isOfCluster ? clusterRoles.get(roleRef.name) : undefined
    const role = isOfCluster ? undefined : roles.get(`${namespace}/${roleRef.name}`)
    const found = clusterRole ? rulesOf(clusterRole) : role?.rules?.map((rule) => ({ rule }))
    const lacks = unread.has(isOfCluster ? 'clusterroles' : 'roles') ? 'unread' : 'missing'
    return {
      binding: { kind, ...where, name: metadata?.name ?? '' },
      role: isOfCluster ? { kind: 'ClusterRole', name: roleRef.name } : { kind: 'Role', ...where, name: roleRef.name },
      namespace,
      subjects: subjects.flatMap((subject) => subjectOf(subject, namespace)),
      rules: found ?? [],
      ...(clusterRole || role ? {} : { lacks }),
    }
  })
}

/** A service account without a namespace is of the binding's; in a cluster role binding that is nobody. */
function subjectOf({ kind, name, namespace = '' }: Subject, home: string): AccessSubject[] {
  if (kind === 'ServiceAccount') return namespace || home ? [{ kind, namespace: namespace || home, name }] : []
  return kind === 'User' || kind === 'Group' ? [{ kind, name }] : []
}

/**
 * What a cluster role allows, those that it is made of included: a controller writes their rules into it, in a moment.
 * Those may themselves be made of others.
 */
function aggregation(all: readonly ClusterRole[]): (role: ClusterRole) => RoleRule[] {
  const known = new Map<ClusterRole, RoleRule[]>()
  const partsOf = (role: ClusterRole, seen: Set<ClusterRole>): ClusterRole[] => {
    const selectors = (role.aggregationRule?.clusterRoleSelectors ?? []).map(selectorOf)
    return all
      .filter(({ metadata }) => selectors.some((selector) => matches(selector, metadata?.labels)))
      .flatMap((part) => (seen.has(part) ? [] : [part, ...partsOf(part, seen.add(part))]))
  }
  return (role) => {
    let rules = known.get(role)
    if (!rules) {
      const parts = partsOf(role, new Set([role])).flatMap(({ metadata, aggregationRule, rules: own = [] }) =>
        aggregationRule ? [] : own.map((rule) => ({ rule, from: metadata?.name ?? '' })),
      )
      // What was written into it already is told with where it comes from.
      const told = new Set(parts.map(({ rule }) => textOf(rule)))
      const own = (role.rules ?? []).filter((rule) => !told.has(textOf(rule)))
      known.set(role, (rules = [...own.map((rule) => ({ rule })), ...parts]))
    }
    return rules
  }
}

/** The same for rules that say the same, in whatever order their fields come. */
const textOf = ({ verbs, apiGroups, resources, resourceNames, nonResourceURLs }: PolicyRule): string =>
  JSON.stringify([verbs, apiGroups, resources, resourceNames, nonResourceURLs])
