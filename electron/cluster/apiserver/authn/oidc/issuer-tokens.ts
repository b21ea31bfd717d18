import type { JSONWebKeySet, JWTPayload } from 'jose'
import type { Claims } from '../jwt.ts'
import { TokenError, type TokenSource, type VerifiedToken } from '../tokens.ts'
import type { ClaimMapper } from './claim-mapper.ts'
import type { AuthenticationConfig } from './config.ts'
import { IssuerKeys, type IssuerKeysDeps } from './issuer-keys.ts'
import type { Issuer } from './types.ts'

export interface IssuerTokensDeps extends IssuerKeysDeps {
  readonly clock: IssuerKeysDeps['clock'] & { now(): number }
  /** For whom a token is good that one of the issuers has signed for its audience: this server. */
  readonly audience: string
}

/** Only such keys as are public: a shared secret would be one that everybody knows. */
const algorithms = ['RS256', 'RS384', 'RS512', 'ES256', 'ES384', 'ES512', 'PS256', 'PS384', 'PS512']
/** Clocks may differ by so much about when a token begins, not about when it ends. Seconds. */
const leeway = 300

interface Known {
  readonly issuer: Issuer
  readonly mapper: ClaimMapper
  readonly keys: IssuerKeys
}

/** Tokens of the issuers that the configuration of the moment names. */
export function issuerTokens(config: () => AuthenticationConfig, deps: IssuerTokensDeps): TokenSource {
  let current = config()
  let known = knownIssuers(current, deps)
  return {
    verify(token, audiences = [deps.audience]) {
      const newest = config()
      if (newest !== current) known = knownIssuers((current = newest), deps)
      const url = issuerIn(token)
      const found = url === undefined ? undefined : known.get(url)
      if (!found || !audiences.includes(deps.audience)) return undefined
      return verified(found, token, deps)
    },
  }
}

function knownIssuers({ issuers }: AuthenticationConfig, deps: IssuerTokensDeps): ReadonlyMap<string, Known> {
  const known = new Map<string, Known>()
  for (const { issuer, mapper } of issuers) {
    const keys = new IssuerKeys(issuer, deps)
    void keys.refresh()
    known.set(issuer.url, { issuer, mapper, keys })
  }
  return known
}

async function verified(known: Known, token: string, deps: IssuerTokensDeps): Promise<VerifiedToken> {
  const { keys, mapper } = known
  let claims: Claims
  try {
    claims = await checked(known, token, await keys.current(), deps.clock.now())
  } catch (error) {
    if (!(error instanceof UnknownKeyError)) throw error
    // The issuer may have new keys since.
    await keys.refresh()
    claims = await checked(known, token, await keys.current(), deps.clock.now())
  }
  return { user: mapper(claims), audiences: [deps.audience] }
}

class UnknownKeyError extends TokenError {}

/** Checks the signature, for whom the token is and when. Throws TokenError. */
async function checked({ issuer }: Known, token: string, keys: JSONWebKeySet, now: number): Promise<Claims> {
  const { createLocalJWKSet, errors, jwtVerify } = await import('jose')
  const options = {
    issuer: issuer.url === google ? [google, googleShort] : issuer.url,
    audience: [...issuer.audiences],
    algorithms,
    currentDate: new Date(now),
    clockTolerance: leeway,
    requiredClaims: ['exp'],
  }
  try {
    const { payload } = await jwtVerify(token, createLocalJWKSet(keys), options)
    return unexpired(payload, now)
  } catch (error) {
    if (error instanceof TokenError) throw error
    if (error instanceof errors.JWKSMultipleMatchingKeys) {
      for await (const key of error) {
        const found = await jwtVerify(token, key, options).catch(() => undefined)
        if (found) return unexpired(found.payload, now)
      }
    }
    const isUnknown =
      error instanceof errors.JWKSNoMatchingKey ||
      error instanceof errors.JWKSMultipleMatchingKeys ||
      error instanceof errors.JWSSignatureVerificationFailed
    throw new (isUnknown ? UnknownKeyError : TokenError)(`oidc: verify token: ${(error as Error).message}`)
  }
}

function unexpired(payload: JWTPayload, now: number): Claims {
  if (payload.exp! * 1000 <= now) throw new TokenError('oidc: verify token: oidc: token is expired')
  return payload
}

/** Says itself in two ways. */
const google = 'https://accounts.google.com'
const googleShort = 'accounts.google.com'

/** Who the token says has signed it: not to be believed yet. */
function issuerIn(token: string): string | undefined {
  const [, payload, signature, ...more] = token.split('.')
  if (!payload || !signature || more.length) return undefined
  try {
    const { iss } = (JSON.parse(Buffer.from(payload, 'base64url').toString()) ?? {}) as { iss?: unknown }
    return iss === googleShort ? google : typeof iss === 'string' ? iss : undefined
  } catch {
    return undefined
  }
}
