import type { ClusterRole, PolicyRule } from 'kubernetes-types/rbac/v1'
import type { Frozen } from '#shared/kube/object.ts'
import { clusterRoles } from '#shared/kube/resources.ts'
import { matches, selectorOf } from '#shared/kube/selectors.ts'
import { nothing, patch, type Decision } from '../framework/action.ts'
import { equal } from '../framework/support/equality.ts'

export interface Observed {
  readonly role: Frozen<ClusterRole>
  readonly all: readonly Frozen<ClusterRole>[]
}

/** Writes into an aggregating role the rules of the roles that it selects. Source: clusterroleaggregation_controller.go. */
export function reconcile({ role, all }: Observed): Decision {
  const selectors = role.aggregationRule?.clusterRoleSelectors ?? []
  const name = role.metadata?.name ?? ''
  const sorted = [...all].sort((a, b) => ((a.metadata?.name ?? '') < (b.metadata?.name ?? '') ? -1 : 1))
  const rules: Frozen<PolicyRule>[] = []
  for (const selector of selectors.map((each) => selectorOf(each))) {
    for (const other of sorted) {
      if (other.metadata?.name === name || !matches(selector, other.metadata?.labels)) continue
      for (const rule of other.rules ?? []) if (!rules.some((known) => equal(known, rule))) rules.push(rule)
    }
  }
  if (equal(rules, role.rules)) return nothing
  const body = { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRole', metadata: { name }, rules }
  return { steps: [patch(clusterRoles, { name }, 'apply', body, { tolerate: ({ code }) => code === 404 })] }
}
