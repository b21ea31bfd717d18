import type * as v1 from 'kubernetes-types/rbac/v1'
import type { KubeObject } from '#shared/kube/object.ts'
import type { Loose, LooseObject } from '../loose.ts'

export type PolicyRule = Loose<v1.PolicyRule>
export type Role = LooseObject<v1.ClusterRole>
export type Subject = Loose<v1.Subject>
export type RoleBinding = KubeObject & { roleRef?: Loose<v1.RoleRef>; subjects?: Subject[] }

export const rbacGroup = 'rbac.authorization.k8s.io'
