import { authenticatedGroup, serviceAccountGroups, serviceAccountName } from '../../authn/user.ts'
import {
  authorizerValue,
  resourceCheck,
  type AuthorizationCheck,
  type Decide,
} from '../../../cel/library/authorizer.ts'
import type { OpaqueValue } from '../../../cel/values/values.ts'
import { selectorsOf } from '../../registry/authorization/review-selectors.ts'
import type { Admitted } from './admitted.ts'
import type { AdmissionHost } from './host.ts'

/** `authorizer` and `authorizer.requestResource`: answers for who made the request, each asked for once. */
export function authorizerVariables(
  host: AdmissionHost,
  { request, own }: Admitted,
): { authorizer: OpaqueValue; requestResource: OpaqueValue } {
  const known = new Map<string, ReturnType<Decide>>()
  const decide: Decide = (check) => {
    const key = JSON.stringify(check)
    let decision = known.get(key)
    if (!decision) known.set(key, (decision = host.authorizer().authorize(attributesOf(check))))
    return decision
  }
  const attributesOf = ({ serviceAccount, ...check }: AuthorizationCheck) => ({
    user: serviceAccount ? serviceAccountUser(serviceAccount) : request.user,
    verb: check.verb,
    isResource: check.path === undefined,
    group: check.group ?? '',
    version: '*',
    resource: check.resource ?? '',
    subresource: check.subresource ?? '',
    namespace: check.namespace ?? '',
    name: check.name ?? '',
    path: check.path ?? '',
    ...selectorsOf({ fieldSelector: raw(check.fieldSelector), labelSelector: raw(check.labelSelector) }),
  })
  const { group, resource } = own.resource
  return {
    authorizer: authorizerValue(decide),
    requestResource: resourceCheck(decide, {
      group,
      resource,
      subresource: request.subresource,
      namespace: request.namespace ?? '',
      name: request.name,
    }),
  }
}

const raw = (rawSelector: string | undefined) => (rawSelector ? { rawSelector } : {})

const serviceAccountUser = ({ namespace, name }: { namespace: string; name: string }) => ({
  name: serviceAccountName(namespace, name),
  groups: [...serviceAccountGroups(namespace), authenticatedGroup],
})
