import type { ClusterRole, ClusterRoleBinding, Role, RoleBinding } from 'kubernetes-types/rbac/v1'
import type { UnreadList } from '#shared/ipc/access.ts'
import type { KubeList, KubeObject } from '#shared/kube/object.ts'
import {
  clusterRoleBindings,
  clusterRoles,
  resourcePath,
  roleBindings,
  roles,
  type ResourceType,
} from '#shared/kube/resources.ts'
import { isNotFound, StatusError } from '#shared/kube/status.ts'
import type { ApiConnection } from '../connections/api-connection.ts'

/** The roles and bindings of a cluster, or of one namespace and the cluster itself. */
export interface Policy {
  roles: readonly Role[]
  clusterRoles: readonly ClusterRole[]
  roleBindings: readonly RoleBinding[]
  clusterRoleBindings: readonly ClusterRoleBinding[]
  unread: readonly UnreadList[]
}

export interface PolicyScope {
  /** Absent: all of them. */
  namespace?: string | undefined
  /** Who is bound to what, but not what that allows. */
  bindingsOnly?: boolean
}

export interface PolicyScope {
  /** Absent: all of them. */
  namespace?: string | undefined
  /** Who is bound to what, but not what that allows. */
  bindingsOnly?: boolean
}

/** What may not be read is left out and told; any other failure is the caller's. */
export async function readPolicy(
  connection: ApiConnection,
  { namespace, bindingsOnly = false }: PolicyScope,
  signal?: AbortSignal,
): Promise<Policy> {
  const unread: UnreadList[] = []
  const list = async <T extends KubeObject>(type: ResourceType<T>): Promise<T[]> => {
    try {
      const path = resourcePath(type, { namespace })
      return (await connection.json<KubeList<T>>(path, signal ? { signal } : {})).value.items
    } catch (error) {
      if (!isNotFound(error) && !(error instanceof StatusError && error.code === 403)) throw error
      unread.push({ plural: type.plural as UnreadList['plural'], message: error.message })
      return []
    }
  }
  const [ofRoles, ofClusterRoles, ofBindings, ofClusterBindings] = await Promise.all([
    bindingsOnly ? [] : list(roles),
    bindingsOnly ? [] : list(clusterRoles),
    list(roleBindings),
    list(clusterRoleBindings),
  ])
  return {
    roles: ofRoles,
    clusterRoles: ofClusterRoles,
    roleBindings: ofBindings,
    clusterRoleBindings: ofClusterBindings,
    unread: unread.sort((a, b) => (a.plural < b.plural ? -1 : 1)),
  }
}
