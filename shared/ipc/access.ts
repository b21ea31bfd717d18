import { z } from 'zod'
import type { Right } from '../kube/rbac.ts'
import { request } from './define.ts'
import {
  contextId,
  groupName,
  lineOfText,
  namespaceName,
  objectName,
  pluralName,
  subresourceName,
  userName,
} from './words.ts'

export type { Right }

const subject = z.union([
  z.object({ kind: z.enum(['User', 'Group']), name: userName }),
  z.object({ kind: z.literal('ServiceAccount'), namespace: namespaceName.min(1), name: objectName }),
])
/** Whom bindings give rights to. */
export type AccessSubject = z.infer<typeof subject>

/** `namespaced` tells whether the kind is; a kind that is not can only be granted for the whole cluster. */
const question = z.union([
  z.object({
    verb: lineOfText.min(1),
    group: groupName,
    /** `*`: what only those may who may it to all. */
    resource: z.union([pluralName, z.literal('*')]),
    subresource: subresourceName.optional(),
    namespaced: z.boolean(),
    /** Absent: any object. */
    name: objectName.optional(),
    /** Absent: in whatever namespace. */
    namespace: namespaceName.min(1).optional(),
  }),
  z.object({ verb: lineOfText.min(1), path: lineOfText.startsWith('/') }),
])
export type AccessQuestion = z.infer<typeof question>

export interface NamedRole {
  kind: 'Role' | 'ClusterRole'
  /** Of a Role. */
  namespace?: string
  name: string
}

export interface BoundRole {
  binding: { kind: 'RoleBinding' | 'ClusterRoleBinding'; namespace?: string; name: string }
  role: NamedRole
  /** Where it grants: '' for every namespace and the cluster itself. */
  namespace: string
}

/** A subject, and the binding by which it may. */
export interface Grant extends BoundRole {
  subject: AccessSubject
  /** Only these objects; empty for all. */
  names: string[]
  /** Cluster roles from which an aggregated role has it. */
  from: string[]
}

/** A list that could not be read, and what the server said. What it holds is missing from the answer. */
export interface UnreadList {
  plural: 'roles' | 'clusterroles' | 'rolebindings' | 'clusterrolebindings'
  message: string
}

export interface WhoCan {
  grants: Grant[]
  unread: UnreadList[]
}

/** A binding that gives rights to somebody. */
export interface HeldRole extends BoundRole {
  /** Itself, or a group that it is in. */
  through: AccessSubject
  /** Its role is not there, or could not be read. */
  lacks?: 'missing' | 'unread'
}

export interface Rights {
  /** As the server knows whoever it is; absent where it does not tell. */
  user?: string
  groups: string[]
  /** Of system:masters, who may do everything without any binding. */
  everything: boolean
  /** Their `sources` are places in `bindings`. */
  rights: Right[]
  /** Empty where the server told the rights itself. */
  bindings: HeldRole[]
  /** Why the server does not know all of them. */
  incomplete?: string
  unread: UnreadList[]
}

export const accessRequests = {
  /** Whoever a binding names. */
  'access.subjects': request<{ subjects: AccessSubject[]; unread: UnreadList[] }>()(z.object({ context: contextId })),
  'access.whoCan': request<WhoCan>()(z.object({ context: contextId, question })),
  /** `groups`: those that a user is in beside what all users are. `namespace` absent: all of them. */
  'access.rightsOf': request<Rights>()(
    z.object({
      context: contextId,
      subject,
      groups: z.array(userName).max(100),
      namespace: namespaceName.min(1).optional(),
    }),
  ),
  /** One's own in a namespace, as the server tells them. */
  'access.mine': request<Rights>()(z.object({ context: contextId, namespace: namespaceName.min(1) })),
  /** Whom a role is bound to. */
  'access.holders': request<WhoCan>()(
    z.object({
      context: contextId,
      role: z.union([
        z.object({ kind: z.literal('Role'), namespace: namespaceName.min(1), name: objectName }),
        z.object({ kind: z.literal('ClusterRole'), name: objectName }),
      ]),
    }),
  ),
}
