import type { PolicyRule } from 'kubernetes-types/rbac/v1'
import type { KubeObject } from '#shared/kube/object.ts'
import { badRequest } from '#shared/kube/status.ts'
import type { UserInfo, VirtualResource } from '../kind.ts'

/** `missing`: why there may be more than these. */
export type RulesQuestion = (user: UserInfo, namespace: string) => { rules: readonly PolicyRule[]; missing?: string }

/** `kubectl auth can-i --list`. */
export const rulesReview = (rules: RulesQuestion): VirtualResource => ({
  async create(input, { user }) {
    const namespace = (input as { spec?: { namespace?: string } }).spec?.namespace ?? ''
    if (!namespace) throw badRequest('no namespace on request')
    const { rules: all, missing } = rules(user, namespace)
    const resourceRules = all
      .filter(({ resources }) => resources?.length)
      .map(({ verbs, apiGroups, resources, resourceNames }) => ({
        verbs,
        apiGroups,
        resources,
        ...(resourceNames?.length ? { resourceNames } : {}),
      }))
    const nonResourceRules = all
      .filter(({ nonResourceURLs }) => nonResourceURLs?.length)
      .map(({ verbs, nonResourceURLs }) => ({ verbs, nonResourceURLs }))
    const whole = missing === undefined ? { incomplete: false } : { incomplete: true, evaluationError: missing }
    return { ...input, status: { resourceRules, nonResourceRules, ...whole } } as KubeObject
  },
})
