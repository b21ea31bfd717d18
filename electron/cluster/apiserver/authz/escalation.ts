import type { PolicyRule, RoleRef } from 'kubernetes-types/rbac/v1'
import type { KubeObject } from '#shared/kube/object.ts'
import { forbidden as forbiddenOf, notFound, type StatusError } from '#shared/kube/status.ts'
import { semanticEqual } from '../registry/equal.ts'
import type { AdmissionPlugin, AdmissionRequest } from '../registry/kind.ts'
import type { Authorizer } from './authorizer.ts'
import { describeRights, missingRights, quotedList } from './coverage.ts'
import type { RbacAuthorizer } from './rbac.ts'

export interface EscalationDeps {
  authorizer(): Authorizer
  rbac(): Pick<RbacAuthorizer, 'rulesFor' | 'rulesOf'> | undefined
}

const group = 'rbac.authorization.k8s.io'
const everything: readonly PolicyRule[] = [
  { apiGroups: ['*'], resources: ['*'], verbs: ['*'] },
  { nonResourceURLs: ['*'], verbs: ['*'] },
]

type Role = KubeObject & { rules?: PolicyRule[]; aggregationRule?: object }
type Binding = KubeObject & { roleRef: RoleRef }

/**
 * Nobody gives away what they do not have, unless they may `escalate` the role or `bind` it. It stands last among the
 * plug-ins that change objects, as upstream's stores check before they validate. Source: pkg/registry/rbac.
 */
export function escalationCheck(deps: EscalationDeps): AdmissionPlugin {
  return {
    name: 'RBACEscalation',
    mutate(request) {
      const { kind, operation, subresource, user } = request
      if (kind.group !== group || subresource || (operation !== 'CREATE' && operation !== 'UPDATE')) return
      const rbac = deps.rbac()
      if (!rbac || user.groups.includes('system:masters') || changesOwnersOnly(request)) return
      const isBinding = kind.plural.endsWith('bindings')
      const problem = isBinding ? bindingProblem(deps, request) : roleProblem(deps, request)
      if (problem) throw problem
    },
  }
}

function roleProblem(deps: EscalationDeps, request: AdmissionRequest): StatusError | undefined {
  const { kind, namespace } = request
  const role = request.object as Role
  const old = request.old as Role | undefined
  if (old && semanticEqual(role.rules, old.rules) && semanticEqual(role.aggregationRule, old.aggregationRule)) return
  const name = role.metadata?.name ?? ''
  if (may(deps, request, { verb: 'escalate', resource: kind.plural, name, namespace: namespace ?? '' })) return
  const problem = exceeded(deps, request, role.rules ?? [])
  if (problem) return problem
  if (!role.aggregationRule && !old?.aggregationRule) return
  return (
    exceeded(deps, request, everything) &&
    refused(request, 'must have cluster-admin privileges to use an aggregationRule')
  )
}

function bindingProblem(deps: EscalationDeps, request: AdmissionRequest): StatusError | undefined {
  const { roleRef } = request.object as Binding
  const namespace = request.namespace ?? ''
  const resource = roleRef.kind === 'ClusterRole' ? 'clusterroles' : 'roles'
  // A reference that is no good fails validation.
  if (roleRef.kind !== 'ClusterRole' && (roleRef.kind !== 'Role' || !namespace)) return
  if (may(deps, request, { verb: 'bind', resource, name: roleRef.name, namespace })) return
  const rules = deps.rbac()!.rulesOf(roleRef, namespace)
  return rules ? exceeded(deps, request, rules) : notFound({ group, plural: resource }, roleRef.name)
}

function may(
  { authorizer }: EscalationDeps,
  { user }: AdmissionRequest,
  asked: { verb: string; resource: string; name: string; namespace: string },
): boolean {
  const rest = { isResource: true, group, version: 'v1', subresource: '', path: '' }
  return authorizer().authorize({ user, ...rest, ...asked }).allowed
}

function exceeded(
  { rbac }: EscalationDeps,
  request: AdmissionRequest,
  rules: readonly PolicyRule[],
): StatusError | undefined {
  const { user, namespace } = request
  const missing = missingRights(rbac()!.rulesFor(user, namespace ?? ''), rules)
  if (!missing.length) return undefined
  const who = `user ${JSON.stringify(user.name)} (groups=${quotedList(user.groups)})`
  return refused(
    request,
    `${who} is attempting to grant RBAC permissions not currently held:\n${describeRights(missing).join('\n')}`,
  )
}

const refused = ({ kind, object }: AdmissionRequest, message: string): StatusError =>
  forbiddenOf({ group, plural: kind.plural }, object?.metadata?.name ?? '', message)

/** What the garbage collector writes is nobody's gain. */
function changesOwnersOnly({ object, old }: AdmissionRequest): boolean {
  if (!object || !old) return false
  const rest = ({ metadata = {}, ...fields }: KubeObject) => {
    const { ownerReferences, finalizers, managedFields, resourceVersion, generation, ...kept } = metadata
    void [ownerReferences, finalizers, managedFields, resourceVersion, generation]
    return { ...fields, metadata: kept }
  }
  return semanticEqual(rest(object), rest(old))
}
