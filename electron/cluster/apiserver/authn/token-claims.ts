import type { KubeObject } from '#shared/kube/object.ts'
import { invalidSinceLabel } from '#shared/kube/service-account-tokens.ts'
import type { UserInfo } from '../registry/kind.ts'
import type { Claims } from './jwt.ts'
import { TokenError } from './tokens.ts'
import { serviceAccountGroups, serviceAccountName, splitServiceAccount } from './user.ts'

/** Reads the newest state of a core kind. */
export type ReadObject = (
  plural: 'serviceaccounts' | 'pods' | 'secrets' | 'nodes',
  namespace: string | undefined,
  name: string,
) => KubeObject | undefined

interface Reference {
  name: string
  uid: string
}

export interface BoundClaims {
  namespace: string
  serviceaccount: Reference
  pod?: Reference
  secret?: Reference
  node?: Reference
  /** Seconds since the epoch: from then on the token lives on only because its life was extended. */
  warnafter?: number
}

export const legacyIssuer = 'kubernetes/serviceaccount'
const extraPrefix = 'authentication.kubernetes.io/'
/** What was deleted less long ago may still speak, so that it can clean up. Milliseconds. */
const leeway = 60_000

/** Throws TokenError when something that the token is bound to is gone. Source: pkg/serviceaccount/claims.go. */
export function checkBound(claims: Claims, read: ReadObject, now: number): void {
  const { namespace, serviceaccount, pod, secret, node } = claims['kubernetes.io'] as BoundClaims
  liveAccount(read, namespace, serviceaccount, now)
  const bound = (plural: 'pods' | 'secrets' | 'nodes', reference: Reference, kind: string) => {
    const found = read(plural, plural === 'nodes' ? undefined : namespace, reference.name)?.metadata
    if (!found || isLongDeleted(found, now)) throw new TokenError('service account token has been invalidated')
    if (found.uid === reference.uid) return
    throw new TokenError(
      `${kind} UID (${found.uid}) does not match service account ${kind} ref claim (${reference.uid})`,
    )
  }
  if (secret) bound('secrets', secret, 'secret')
  if (pod) bound('pods', pod, 'pod')
  // The node of a token that is bound to a pod only informs.
  if (node && !pod) bound('nodes', node, 'node')
}

/** Whose a bound token is. */
export function boundUser(claims: Claims): UserInfo {
  const { namespace, serviceaccount, pod, node } = claims['kubernetes.io'] as BoundClaims
  const extra: Record<string, string[]> = {}
  if (claims.jti) extra[`${extraPrefix}credential-id`] = [`JTI=${String(claims.jti)}`]
  for (const [kind, reference] of Object.entries({ node, pod })) {
    if (!reference) continue
    extra[`${extraPrefix}${kind}-name`] = [reference.name]
    if (reference.uid) extra[`${extraPrefix}${kind}-uid`] = [reference.uid]
  }
  return userOf(namespace, serviceaccount, extra)
}

interface LegacyClaims {
  namespace: string
  secret: string
  account: Reference
}

/** Throws TokenError where one is missing. */
function legacyClaims(claims: Claims): LegacyClaims {
  const claim = (name: string): string => {
    const value = claims[`${legacyIssuer}/${name}`]
    if (typeof value !== 'string' || value === '') throw new TokenError(`${name} claim is missing`)
    return value
  }
  const account = { name: claim('service-account.name'), uid: claim('service-account.uid') }
  return { namespace: claim('namespace'), secret: claim('secret.name'), account }
}

/** Whose a token out of a secret is. */
export function legacyUser(claims: Claims): UserInfo {
  const { namespace, account } = legacyClaims(claims)
  return userOf(namespace, account, {})
}

/** The secret that holds the token; throws TokenError when it does no longer. Source: pkg/serviceaccount/legacy.go. */
export function checkLegacy(claims: Claims, token: string, read: ReadObject): KubeObject {
  const { namespace, account, secret: name } = legacyClaims(claims)
  const subject = splitServiceAccount(String(claims.sub))
  if (subject?.namespace !== namespace || subject.name !== account.name) throw new TokenError('sub claim is invalid')
  const secret = read('secrets', namespace, name) as (KubeObject & { data?: Record<string, string> }) | undefined
  if (!secret || secret.metadata?.deletionTimestamp) throw new TokenError('service account token has been invalidated')
  if (Buffer.from(secret.data?.token ?? '', 'base64').toString() !== token)
    throw new TokenError("service account token does not match server's copy")
  if (secret.metadata?.labels?.[invalidSinceLabel] !== undefined) {
    throw new TokenError(
      `the token in secret ${namespace}/${name} for service account ${namespace}/${account.name} has been marked invalid. Use tokens from the TokenRequest API or manually created secret-based tokens, or remove the '${invalidSinceLabel}' label from the secret to temporarily allow use of this token`,
    )
  }
  liveAccount(read, namespace, account, Infinity)
  return secret
}

function liveAccount(read: ReadObject, namespace: string, { name, uid }: Reference, now: number): void {
  const found = read('serviceaccounts', namespace, name)?.metadata
  if (!found) throw new TokenError(`serviceaccounts ${JSON.stringify(name)} not found`)
  if (isLongDeleted(found, now)) throw new TokenError(`service account ${namespace}/${name} has been deleted`)
  if (found.uid !== uid) throw new TokenError(`service account UID (${found.uid}) does not match claim (${uid})`)
}

const isLongDeleted = ({ deletionTimestamp }: NonNullable<KubeObject['metadata']>, now: number): boolean =>
  deletionTimestamp !== undefined && Date.parse(deletionTimestamp) + leeway < now

const userOf = (namespace: string, { name, uid }: Reference, extra: Record<string, string[]>): UserInfo => ({
  name: serviceAccountName(namespace, name),
  uid,
  groups: serviceAccountGroups(namespace),
  ...(Object.keys(extra).length ? { extra } : {}),
})
