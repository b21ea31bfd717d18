import type { JSONWebKeySet } from 'jose'
import type { Clock } from '../../../base/clock.ts'
import type { Logger } from '../../../base/logger.ts'
import { TokenError } from '../tokens.ts'
import type { Issuer } from './types.ts'

export interface IssuerKeysDeps {
  readonly clock: Pick<Clock, 'monotonic'>
  readonly logger: Logger
  fetch(url: string, authority: string): Promise<unknown>
}

/** Not more often are an issuer's keys asked for, however many tokens name keys that it does not have. */
const shortestAge = 10_000
/** Older keys are used while newer are asked for: the issuer may have taken one back. */
const longestAge = 3600_000

/** The keys that an issuer publishes: kept, and asked for again when they are old or a token was signed with another. */
export class IssuerKeys {
  readonly #issuer: Issuer
  readonly #deps: IssuerKeysDeps
  #keys: JSONWebKeySet | undefined
  #askedAt = -Infinity
  #asking: Promise<void> | undefined

  constructor(issuer: Issuer, deps: IssuerKeysDeps) {
    this.#issuer = issuer
    this.#deps = deps
  }

  /** Rejects with TokenError while there are none. */
  async current(): Promise<JSONWebKeySet> {
    const age = this.#deps.clock.monotonic() - this.#askedAt
    if (!this.#keys) await this.refresh()
    else if (age > longestAge) void this.refresh()
    if (!this.#keys) throw new TokenError('oidc: authenticator not initialized')
    return this.#keys
  }

  /** Asks again, unless that was done just now. */
  refresh(): Promise<void> {
    if (this.#asking) return this.#asking
    const now = this.#deps.clock.monotonic()
    if (now - this.#askedAt < shortestAge) return Promise.resolve()
    this.#askedAt = now
    const asking = this.#ask().finally(() => (this.#asking = undefined))
    return (this.#asking = asking)
  }

  async #ask(): Promise<void> {
    const { url, discoveryURL, certificateAuthority } = this.#issuer
    const { fetch, logger } = this.#deps
    try {
      const wellKnown = discoveryURL || `${url.replace(/\/$/, '')}/.well-known/openid-configuration`
      const metadata = (await fetch(wellKnown, certificateAuthority)) as { issuer?: unknown; jwks_uri?: unknown } | null
      if (metadata?.issuer !== url) throw new Error(`${wellKnown} is of the issuer ${String(metadata?.issuer)}`)
      const { jwks_uri: place } = metadata
      if (typeof place !== 'string' || !place.startsWith('https://'))
        throw new Error(`${wellKnown} names no place of keys at https`)
      const keys = (await fetch(place, certificateAuthority)) as JSONWebKeySet | null
      if (!Array.isArray(keys?.keys)) throw new Error(`${place} holds no keys`)
      this.#keys = keys
    } catch (error) {
      logger.warn('the keys of an issuer of tokens could not be had', { issuer: url, error: (error as Error).message })
    }
  }
}
