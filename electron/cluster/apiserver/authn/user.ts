import type { UserInfo } from '../registry/kind.ts'

export const authenticatedGroup = 'system:authenticated'
export const serviceAccountPrefix = 'system:serviceaccount:'

export const anonymous: UserInfo = { name: 'system:anonymous', groups: ['system:unauthenticated'] }

export const serviceAccountName = (namespace: string, name: string): string =>
  `${serviceAccountPrefix}${namespace}:${name}`

export const serviceAccountGroups = (namespace: string): string[] => [
  'system:serviceaccounts',
  `system:serviceaccounts:${namespace}`,
]

/** Namespace and name in a service account's user name. */
export function splitServiceAccount(user: string): { namespace: string; name: string } | undefined {
  if (!user.startsWith(serviceAccountPrefix)) return undefined
  const parts = user.slice(serviceAccountPrefix.length).split(':')
  return parts.length === 2 && parts[0] && parts[1] ? { namespace: parts[0], name: parts[1] } : undefined
}

const known = new WeakMap<UserInfo, UserInfo>()

/** Whoever has proven who they are belongs to the authenticated; a front proxy may ask for nobody. The same user gives the same answer, for what is kept by user. */
export function authenticated(user: UserInfo): UserInfo {
  const isNobody = user.name === anonymous.name || user.groups.includes(anonymous.groups[0]!)
  if (isNobody || user.groups.includes(authenticatedGroup)) return user
  let whole = known.get(user)
  if (!whole) known.set(user, (whole = { ...user, groups: [...user.groups, authenticatedGroup] }))
  return whole
}
