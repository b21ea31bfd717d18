import { badRequest, forbidden, StatusError } from '#shared/kube/status.ts'
import { authorizeOrThrow, type Attributes, type Authorizer } from '../authz/authorizer.ts'
import type { UserInfo } from '../registry/kind.ts'
import type { Exchange } from '../transport/exchange.ts'
import { impersonationModes, type Mode } from './impersonation-modes.ts'
import { anonymous, authenticatedGroup, serviceAccountGroups, splitServiceAccount } from './user.ts'

/** Whom a request speaks for. */
export interface Impersonated {
  user: UserInfo
  /** The verb that allowed it, for the audit log; absent for the old, unconstrained form. */
  constraint?: string
}

const prefix = 'impersonate-'
const extraHeader = 'impersonate-extra-'

/**
 * Whom the request speaks for instead of its sender, once it is known that its sender may; undefined when it speaks for
 * its sender. Constrained modes come first and the old form, that allows everything, last; a refusal is told in the
 * words of the first. Source: apiserver/pkg/endpoints/filters/impersonation.
 */
export function impersonated(exchange: Exchange, authorizer: Authorizer, asked: Attributes): Impersonated | undefined {
  if (!exchange.headerNames().some((header) => header.startsWith(prefix))) return undefined
  const wanted = wantedUser(exchange)
  if (!wanted) return undefined
  let refusal: StatusError | undefined
  for (const mode of impersonationModes) {
    if (!mode.applies(wanted, asked.user)) continue
    try {
      return check(mode, wanted, authorizer, asked)
    } catch (error) {
      if (!(error instanceof StatusError)) throw error
      refusal ??= error
    }
  }
  throw refusal!
}

function wantedUser(exchange: Exchange): UserInfo | undefined {
  const name = exchange.header('impersonate-user') ?? ''
  const uid = exchange.header('impersonate-uid') ?? ''
  const groups = exchange.headers('impersonate-group')
  const extra: Record<string, readonly string[]> = {}
  for (const header of exchange.headerNames())
    if (header.startsWith(extraHeader)) extra[decoded(header.slice(extraHeader.length))] = exchange.headers(header)
  const hasExtra = Object.keys(extra).length > 0
  if (name) return { name, groups, ...(uid ? { uid } : {}), ...(hasExtra ? { extra } : {}) }
  if (!uid && !groups.length && !hasExtra) return undefined
  throw badRequest(`requested ${goSyntax(uid, groups, extra)} without impersonating a user name`)
}

function decoded(key: string): string {
  try {
    return decodeURIComponent(key)
  } catch {
    return key
  }
}

/** Go's `%#v` of the user, as upstream shows it. */
function goSyntax(uid: string, groups: readonly string[], extra: Readonly<Record<string, readonly string[]>>): string {
  const list = (values: readonly string[]) => `[]string{${values.map((value) => JSON.stringify(value)).join(', ')}}`
  const keys = Object.keys(extra).sort()
  const map = keys.length
    ? `map[string][]string{${keys.map((key) => `${JSON.stringify(key)}:${list(extra[key]!)}`).join(', ')}}`
    : 'map[string][]string(nil)'
  const shown = groups.length ? list(groups) : '[]string(nil)'
  return `&user.DefaultInfo{Name:"", UID:${JSON.stringify(uid)}, Groups:${shown}, Extra:${map}}`
}

function check(mode: Mode, wanted: UserInfo, authorizer: Authorizer, asked: Attributes): Impersonated {
  const { constraint } = mode
  // May this be done while speaking for others at all?
  if (constraint)
    authorizeOrThrow(authorizer, {
      ...asked,
      verb: `impersonate-on:${constraint}:${asked.verb}`,
      ...mode.blind?.(asked),
    })
  const verb = constraint ? `impersonate:${constraint}` : 'impersonate'
  const api = constraint ? 'authentication.k8s.io' : ''
  const may = (resource: string, name: string, more: Partial<Attributes> = {}) =>
    authorizeOrThrow(authorizer, {
      ...impersonating(asked.user, verb, resource, name, api),
      ...mode.blind?.(asked),
      ...more,
    })
  const account = splitServiceAccount(wanted.name)
  const node = mode.node?.(wanted.name)
  if (account) may('serviceaccounts', account.name, { namespace: account.namespace })
  else if (node) may('nodes', node)
  else may('users', wanted.name)
  if (wanted.uid) may('uids', wanted.uid, { group: 'authentication.k8s.io' })
  for (const group of wanted.groups) {
    if (constraint && (group === '' || group === 'system:masters'))
      throw forbidden(
        { group: api, plural: 'groups' },
        group,
        `User ${JSON.stringify(asked.user.name)} cannot ${verb} resource "groups" in API group ${JSON.stringify(api)} at the cluster scope: impersonating the ${group || 'empty string'} group is not allowed`,
      )
    may('groups', group)
  }
  for (const [key, values] of Object.entries(wanted.extra ?? {}))
    for (const value of values) may('userextras', value, { group: 'authentication.k8s.io', subresource: key })
  const groups = [
    ...wanted.groups,
    ...(account && !wanted.groups.length ? serviceAccountGroups(account.namespace) : []),
    ...(node ? ['system:nodes'] : []),
  ]
  return { user: { ...wanted, groups: completed(wanted.name, groups) }, ...(constraint ? { constraint: verb } : {}) }
}

const impersonating = (user: UserInfo, verb: string, resource: string, name: string, group: string): Attributes => ({
  user,
  verb,
  isResource: true,
  group,
  version: 'v1',
  resource,
  subresource: '',
  namespace: '',
  name,
  path: '',
})

function completed(name: string, groups: string[]): string[] {
  const [nobody] = anonymous.groups
  const missing = name === anonymous.name ? nobody! : groups.includes(nobody!) ? undefined : authenticatedGroup
  return missing === undefined || groups.includes(missing) ? groups : [...groups, missing]
}
