import { ingressUser } from '#shared/kube/ingress.ts'
import type { KubeObject } from '#shared/kube/object.ts'
import { lastUsedLabel } from '#shared/kube/service-account-tokens.ts'
import type { Clock } from '../base/clock.ts'
import { Disposer } from '../base/dispose.ts'
import type { Random } from '../base/random.ts'
import { deviceClaimAccess } from './admission/device-claims.ts'
import { certificateApproval, certificateSigning } from './admission/certificate-signers.ts'
import { bootstrapTokens } from './authn/bootstrap-tokens.ts'
import { ServiceAccountTokens } from './authn/service-account-tokens.ts'
import { anyToken, type TokenSource } from './authn/tokens.ts'
import { anyOf, mastersAuthorizer, type Authorizer } from './authz/authorizer.ts'
import { escalationCheck } from './authz/escalation.ts'
import { ingressAuthorizer } from './authz/ingress-authorizer.ts'
import { nodeAuthorizer, nodeOf } from './authz/node-authorizer.ts'
import { NodeRelations } from './authz/node-relations.ts'
import { RbacAuthorizer } from './authz/rbac.ts'
import type { KindIndex } from './kinds/kind-index.ts'
import { authenticationKinds } from './registry/authentication/index.ts'
import { authorizationKinds } from './registry/authorization/index.ts'
import type { AccessAttributes, ActionServices, AdmissionPlugin, KindDefinition, UserInfo } from './registry/kind.ts'

export interface AccessDeps {
  clock: Clock
  random: Random
  /** Signs service-account tokens: PEM. */
  tokenKey: string
  /** Tokens of issuers outside the cluster, good for the audience given. */
  external?: ((audience: string) => TokenSource) | undefined
  services(): ActionServices
}

/** Who asks and whether they may, wired. */
export interface Access {
  readonly tokens: ServiceAccountTokens
  /** Everybody's tokens. */
  readonly bearers: TokenSource
  /** Follows the stored rules once it has been told to; until then masters may everything and others nothing. */
  readonly authorizer: Authorizer
  /** The reviews: questions about who somebody is and what they may. */
  readonly kinds: readonly KindDefinition[]
  /** What no write passes without the right to it. They come after all other plug-ins. */
  readonly guards: readonly AdmissionPlugin[]
  follow(kinds: KindIndex): AsyncDisposable
}

/** Of the cluster's own tokens, and the audience of those that are for its server. */
export const issuer = 'https://kubernetes.default.svc.cluster.local'
const secrets = { group: '', plural: 'secrets' }

export function createAccess({ clock, random, tokenKey, external, services }: AccessDeps): Access {
  let rbac: RbacAuthorizer | undefined
  let current: Authorizer = mastersAuthorizer
  const authorizer: Authorizer = { authorize: (attributes) => current.authorize(attributes) }
  const tokens = new ServiceAccountTokens({
    clock,
    random,
    key: tokenKey,
    issuer,
    read: (plural, namespace, name) => services().get<KubeObject>({ group: '', plural }, namespace, name),
    legacyUsed: ({ metadata }, day) => void labelLastUse(services(), metadata!, day),
  })
  const secret = (name: string) => services().get<KubeObject>(secrets, 'kube-system', name)
  const bearers = anyToken(
    bootstrapTokens({ clock, audience: issuer, secret }),
    tokens,
    ...(external ? [external(issuer)] : []),
  )
  const decide = (user: UserInfo, attributes: AccessAttributes) => current.authorize({ user, ...attributes })
  const may = (user: UserInfo, attributes: AccessAttributes) => decide(user, attributes).allowed
  const rules = (user: UserInfo, namespace: string) => ({
    rules: rbac?.rulesFor(user, namespace) ?? [],
    ...(nodeOf(user) === undefined ? {} : { missing: 'node authorizer does not support user rule resolution' }),
  })
  return {
    tokens,
    bearers,
    authorizer,
    kinds: [
      ...authenticationKinds({ issuer, verify: (token, audiences) => bearers.verify(token, audiences) }),
      ...authorizationKinds({ decide, rules }),
    ],
    guards: [
      certificateApproval({ may }),
      certificateSigning({ may }),
      deviceClaimAccess({ may }),
      escalationCheck({ authorizer: () => authorizer, rbac: () => rbac }),
    ],
    follow(kinds) {
      const owned = new Disposer()
      const roles = (rbac = new RbacAuthorizer(kinds))
      owned.defer(() => roles[Symbol.dispose]())
      current = anyOf(
        mastersAuthorizer,
        nodeAuthorizer(roles, new NodeRelations(kinds)),
        ingressAuthorizer(kinds, ingressUser),
        roles,
      )
      return owned
    },
  }
}

/** Upstream's way to tell which of these tokens nobody uses any more. */
async function labelLastUse(
  services: ActionServices,
  { namespace, name }: NonNullable<KubeObject['metadata']>,
  day: string,
): Promise<void> {
  const label = ({ metadata }: KubeObject) => void ((metadata!.labels ??= {})[lastUsedLabel] = day)
  // A secret that is gone by now needs no label.
  await services.update(secrets, namespace, name!, label).catch(() => {})
}
