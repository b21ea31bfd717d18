import { forbidden, statusFailure, type StatusError } from '#shared/kube/status.ts'
import type { AccessAttributes, UserInfo } from '../registry/kind.ts'

export interface Attributes extends AccessAttributes {
  readonly user: UserInfo
}

export interface Decision {
  allowed: boolean
  reason: string
}

export interface Authorizer {
  authorize(attributes: Attributes): Decision
}

export function authorizeOrThrow(authorizer: Authorizer, attributes: Attributes): void {
  const { allowed, reason } = authorizer.authorize(attributes)
  if (!allowed) throw refusal(attributes, reason)
}

/** Source: apiserver/pkg/endpoints/handlers/responsewriters/errors.go. */
export function refusal(
  { user, verb, isResource, group, resource, subresource, namespace, name, path }: Attributes,
  reason: string,
): StatusError {
  const because = reason ? `: ${reason}` : ''
  const who = JSON.stringify(user.name)
  if (!isResource) {
    const message = `forbidden: User ${who} cannot ${verb} path ${JSON.stringify(path)}${because}`
    return statusFailure(403, 'Forbidden', message, {})
  }
  const what = JSON.stringify(subresource ? `${resource}/${subresource}` : resource)
  const where = namespace ? `in the namespace ${JSON.stringify(namespace)}` : 'at the cluster scope'
  return forbidden(
    { group, plural: resource },
    name,
    `User ${who} cannot ${verb} resource ${what} in API group ${JSON.stringify(group)} ${where}${because}`,
  )
}

/** The first authorizer that allows decides; else the reasons of all. */
export function anyOf(...authorizers: readonly Authorizer[]): Authorizer {
  return {
    authorize(attributes) {
      const reasons: string[] = []
      for (const authorizer of authorizers) {
        const decision = authorizer.authorize(attributes)
        if (decision.allowed) return decision
        if (decision.reason) reasons.push(decision.reason)
      }
      return { allowed: false, reason: reasons.join(', ') }
    },
  }
}

/** Who administers the cluster needs no rule: otherwise a wrong one could lock everybody out. */
export const mastersAuthorizer: Authorizer = {
  authorize: ({ user }) => ({ allowed: user.groups.includes('system:masters'), reason: '' }),
}
