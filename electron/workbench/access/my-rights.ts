import type { PolicyRule } from 'kubernetes-types/rbac/v1'
import type { Rights } from '#shared/ipc/access.ts'
import { condense } from '#shared/kube/rbac.ts'
import { StatusError } from '#shared/kube/status.ts'
import type { ApiConnection } from '../connections/api-connection.ts'
import { masters } from './rights.ts'

interface SelfSubjectRulesReview {
  status?: {
    resourceRules?: PolicyRule[]
    nonResourceRules?: PolicyRule[]
    incomplete?: boolean
    evaluationError?: string
  }
}

interface SelfSubjectReview {
  status?: { userInfo?: { username?: string; groups?: string[] } }
}

/** What the server says of whoever asks, in a namespace. Needs no right of its own. */
export async function myRights(connection: ApiConnection, namespace: string, signal?: AbortSignal): Promise<Rights> {
  const call = signal ? { signal } : {}
  const [review, self] = await Promise.all([
    connection.json<SelfSubjectRulesReview>('/apis/authorization.k8s.io/v1/selfsubjectrulesreviews', {
      ...call,
      method: 'POST',
      body: { apiVersion: 'authorization.k8s.io/v1', kind: 'SelfSubjectRulesReview', spec: { namespace } },
    }),
    whoAmI(connection, call),
  ])
  const { resourceRules = [], nonResourceRules = [], incomplete, evaluationError } = review.value.status ?? {}
  const { username, groups = [] } = self
  return {
    ...(username === undefined ? {} : { user: username }),
    groups,
    everything: groups.includes(masters),
    rights: [
      ...condense(resourceRules.map((rule) => ({ rule, namespace }))),
      ...condense(nonResourceRules.map((rule) => ({ rule }))),
    ],
    bindings: [],
    ...(incomplete ? { incomplete: evaluationError ?? '' } : {}),
    unread: [],
  }
}

/** Servers before v1.28 do not tell. */
async function whoAmI(
  connection: ApiConnection,
  call: { signal?: AbortSignal },
): Promise<{ username?: string; groups?: string[] }> {
  try {
    const { value } = await connection.json<SelfSubjectReview>('/apis/authentication.k8s.io/v1/selfsubjectreviews', {
      ...call,
      method: 'POST',
      body: { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' },
    })
    return value.status?.userInfo ?? {}
  } catch (error) {
    if (error instanceof StatusError && (error.code === 404 || error.code === 403)) return {}
    throw error
  }
}
