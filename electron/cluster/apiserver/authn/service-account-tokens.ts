import type { KubeObject } from '#shared/kube/object.ts'
import { lastUsedLabel } from '#shared/kube/service-account-tokens.ts'
import { timestamp, type Clock } from '../../base/clock.ts'
import type { Random } from '../../base/random.ts'
import type { SignedToken, TokenRequestInput, UserInfo } from '../registry/kind.ts'
import { TokenSigner, type Claims } from './jwt.ts'
import { boundUser, checkBound, checkLegacy, legacyIssuer, legacyUser, type ReadObject } from './token-claims.ts'
import { TokenError, type TokenSource, type VerifiedToken } from './tokens.ts'
import { serviceAccountName } from './user.ts'

export interface TokenDeps {
  clock: Clock
  random: Random
  /** PEM of the key that signs. */
  key: string
  issuer: string
  read: ReadObject
  /** A token out of a secret was used, for the first time on that day (YYYY-MM-DD). */
  legacyUsed?(secret: KubeObject, day: string): void
}

/** The life that pods ask for and of which the kubelet reminds them; then it is the longer one. Seconds. */
const askedByAdmission = 3607
const extendedLife = 365 * 24 * 3600
const mostRemembered = 5000

interface Known {
  readonly claims: Claims
  readonly isLegacy: boolean
  /** Whose it is, as long as what it is bound to exists. */
  readonly user: UserInfo
}

/** Issues service-account tokens, and says whose a token is as long as everything it is bound to exists. */
export class ServiceAccountTokens implements TokenSource {
  readonly #deps: TokenDeps
  readonly #signer: TokenSigner
  /** Tokens whose signature was good. */
  readonly #verified = new Map<string, Known>()

  constructor(deps: TokenDeps) {
    this.#deps = deps
    this.#signer = new TokenSigner(deps.key)
  }

  get issuer(): string {
    return this.#deps.issuer
  }

  get jwks(): { keys: readonly unknown[] } {
    return { keys: [this.#signer.jwk] }
  }

  /**
   * A token that ends. One that admission asked for lives for a year in truth, as upstream's do, for programs that
   * read their token only once; the answer names the time that was asked for.
   */
  issue(request: TokenRequestInput): SignedToken {
    const { clock, random, issuer } = this.#deps
    const now = Math.floor(clock.now() / 1000)
    const { boundObject, expirationSeconds } = request
    const audiences = request.audiences.length ? request.audiences : [issuer]
    const isExtended =
      boundObject?.kind === 'Pod' && expirationSeconds === askedByAdmission && audiences.join() === issuer
    const bound = boundObject && { [boundObject.kind.toLowerCase()]: { name: boundObject.name, uid: boundObject.uid } }
    const node = boundObject?.kind === 'Pod' ? this.#nodeOf(request.namespace, boundObject.name) : undefined
    const token = this.#signer.sign({
      aud: audiences,
      exp: now + (isExtended ? extendedLife : expirationSeconds),
      iat: now,
      iss: issuer,
      jti: random.uuid(),
      'kubernetes.io': {
        namespace: request.namespace,
        ...(node ? { node } : {}),
        ...bound,
        serviceaccount: { name: request.serviceAccount, uid: request.serviceAccountUid },
        ...(isExtended ? { warnafter: now + expirationSeconds } : {}),
      },
      nbf: now,
      sub: serviceAccountName(request.namespace, request.serviceAccount),
    })
    return { token, audiences, expirationTimestamp: timestamp((now + expirationSeconds) * 1000) }
  }

  /** A token without an end, good while a secret of that name holds it. */
  issueLegacy(account: { namespace: string; name: string; uid: string }, secret: string): string {
    return this.#signer.sign({
      iss: legacyIssuer,
      [`${legacyIssuer}/namespace`]: account.namespace,
      [`${legacyIssuer}/secret.name`]: secret,
      [`${legacyIssuer}/service-account.name`]: account.name,
      [`${legacyIssuer}/service-account.uid`]: account.uid,
      sub: serviceAccountName(account.namespace, account.name),
    })
  }

  verify(token: string, audiences: readonly string[] = [this.#deps.issuer]): VerifiedToken | undefined {
    const known = this.#verified.get(token) ?? this.#read(token)
    if (!known) return undefined
    const { claims, isLegacy } = known
    this.#checkTime(token, claims)
    const own = isLegacy ? [this.#deps.issuer] : ([claims.aud].flat() as string[])
    const shared = own.filter((audience) => audiences.includes(audience))
    if (!shared.length)
      throw new TokenError(
        `token audiences ${JSON.stringify(own)} is invalid for the target audiences ${JSON.stringify(audiences)}`,
      )
    if (isLegacy) this.#checkLegacy(claims, token)
    else checkBound(claims, this.#deps.read, this.#deps.clock.now())
    return { user: known.user, audiences: shared }
  }

  /** Undefined: not one of ours. */
  #read(token: string): Known | undefined {
    const claims = this.#signer.verify(token)
    const isLegacy = claims?.iss === legacyIssuer
    if (!claims || (claims.iss !== this.#deps.issuer && !isLegacy)) return undefined
    const known = { claims, isLegacy, user: isLegacy ? legacyUser(claims) : boundUser(claims) }
    if (this.#verified.size >= mostRemembered) this.#verified.clear()
    this.#verified.set(token, known)
    return known
  }

  #checkTime(token: string, { iss, exp, nbf }: Claims): void {
    if (iss === legacyIssuer) return
    const now = this.#deps.clock.now() / 1000
    if (typeof exp !== 'number' || exp <= now) {
      this.#verified.delete(token)
      throw new TokenError('service account token has expired')
    }
    if (typeof nbf === 'number' && nbf > now + 10) throw new TokenError('service account token is not valid yet')
  }

  #checkLegacy(claims: Claims, token: string): void {
    const secret = checkLegacy(claims, token, this.#deps.read)
    const today = timestamp(this.#deps.clock.now()).slice(0, 10)
    if (secret.metadata?.labels?.[lastUsedLabel] !== today) this.#deps.legacyUsed?.(secret, today)
  }

  #nodeOf(namespace: string, pod: string): { name: string; uid?: string } | undefined {
    const found = this.#deps.read('pods', namespace, pod) as { spec?: { nodeName?: string } } | undefined
    const name = found?.spec?.nodeName
    if (!name) return undefined
    const uid = this.#deps.read('nodes', undefined, name)?.metadata?.uid
    return { name, ...(uid ? { uid } : {}) }
  }
}
