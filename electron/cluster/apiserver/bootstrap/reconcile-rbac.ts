import type { ClusterRole, ClusterRoleBinding, Role, RoleBinding } from 'kubernetes-types/rbac/v1'
import type { KubeObject } from '#shared/kube/object.ts'
import { missingRights } from '../authz/coverage.ts'
import { semanticEqual } from '../registry/equal.ts'
import { cloneObject } from '../storage/codec.ts'

type AnyRole = Role & Pick<ClusterRole, 'aggregationRule'>
type AnyBinding = RoleBinding | ClusterRoleBinding

/** What becomes of a stored role or binding. Undefined: it stays as it is. */
export type Reconciled = { readonly update: KubeObject } | 'recreate' | undefined

const autoUpdate = 'rbac.authorization.kubernetes.io/autoupdate'

/**
 * Brings a role or binding that a cluster is born with up to date: it gets what it lacks of the expected, and keeps what
 * was added to it. Nothing is done to those that say so. Source: component-helpers/auth/rbac/reconciliation.
 */
export function reconciledRbac(stored: KubeObject, expected: KubeObject): Reconciled {
  if (stored.metadata?.annotations?.[autoUpdate] === 'false') return undefined
  const isBinding = 'roleRef' in expected
  // What a binding leads to cannot be changed.
  if (isBinding && !semanticEqual((stored as AnyBinding).roleRef, (expected as AnyBinding).roleRef)) return 'recreate'
  const object = cloneObject(stored)
  mergeMetadata(object, expected)
  if (isBinding) addSubjects(object as AnyBinding, expected as AnyBinding)
  else addRules(object as AnyRole, expected as AnyRole)
  return semanticEqual(object, stored) ? undefined : { update: object }
}

/** What somebody set on the stored object counts more. */
function mergeMetadata(object: KubeObject, expected: KubeObject): void {
  const metadata = (object.metadata ??= {})
  for (const part of ['annotations', 'labels'] as const) {
    const wanted = expected.metadata?.[part]
    if (wanted) metadata[part] = { ...wanted, ...metadata[part] }
  }
}

function addSubjects(object: AnyBinding, expected: AnyBinding): void {
  const subjects = object.subjects ?? []
  const missing = (expected.subjects ?? []).filter((each) => !subjects.some((known) => semanticEqual(known, each)))
  if (missing.length) object.subjects = [...subjects, ...missing]
}

function addRules(object: AnyRole, expected: AnyRole): void {
  const missing = missingRights(object.rules ?? [], expected.rules ?? [])
  if (missing.length) object.rules = [...(object.rules ?? []), ...missing]
  if (!expected.aggregationRule) {
    delete object.aggregationRule
    return
  }
  const selectors = object.aggregationRule?.clusterRoleSelectors ?? []
  const others = (expected.aggregationRule.clusterRoleSelectors ?? []).filter(
    (each) => !selectors.some((known) => semanticEqual(known, each)),
  )
  if (others.length) object.aggregationRule = { clusterRoleSelectors: [...selectors, ...others] }
}
