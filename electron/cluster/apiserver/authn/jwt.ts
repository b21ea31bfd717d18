import { createHash, createPrivateKey, createPublicKey, sign, verify, type KeyObject } from 'node:crypto'

export type Claims = Record<string, unknown>

/** Signs and checks JSON Web Tokens with one P-256 key (ES256). */
export class TokenSigner {
  readonly #private: KeyObject
  readonly #public: KeyObject
  readonly #header: string
  /** The public key as /openid/v1/jwks publishes it. */
  readonly jwk: Readonly<Record<string, unknown>>

  constructor(privatePem: string) {
    this.#private = createPrivateKey(privatePem)
    this.#public = createPublicKey(this.#private)
    const kid = createHash('sha256')
      .update(this.#public.export({ type: 'spki', format: 'der' }))
      .digest('base64url')
    this.jwk = { use: 'sig', kid, alg: 'ES256', ...this.#public.export({ format: 'jwk' }) }
    this.#header = encodePart({ alg: 'ES256', kid })
  }

  sign(claims: Claims): string {
    const signed = `${this.#header}.${encodePart(claims)}`
    return `${signed}.${sign('sha256', Buffer.from(signed), { key: this.#private, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`
  }

  /** The claims of a token that this key signed; nothing else of them has been checked. */
  verify(token: string): Claims | undefined {
    const [header, claims, signature, ...more] = token.split('.')
    if (!header || !claims || !signature || more.length) return undefined
    if (header !== this.#header && decodePart(header)?.alg !== 'ES256') return undefined
    const good = verify(
      'sha256',
      Buffer.from(`${header}.${claims}`),
      { key: this.#public, dsaEncoding: 'ieee-p1363' },
      Buffer.from(signature, 'base64url'),
    )
    return good ? decodePart(claims) : undefined
  }
}

const encodePart = (part: object): string => Buffer.from(JSON.stringify(part)).toString('base64url')

function decodePart(part: string): Claims | undefined {
  try {
    const value = JSON.parse(Buffer.from(part, 'base64url').toString()) as unknown
    return value !== null && typeof value === 'object' ? (value as Claims) : undefined
  } catch {
    return undefined
  }
}
