import { X509Certificate } from 'node:crypto'
import { unauthorized } from '#shared/kube/status.ts'
import { subjectOf } from '../pki/pki.ts'
import type { UserInfo } from '../registry/kind.ts'
import type { Exchange, Peer } from '../transport/exchange.ts'
import { remoteUser } from './request-header.ts'
import { TokenError, type TokenSource, type Verified } from './tokens.ts'
import { anonymous, authenticated } from './user.ts'

/** Who sends the request. Throws (or rejects with) 401 when nobody knows them. */
export type Authenticate = (exchange: Exchange) => UserInfo | Promise<UserInfo>

const socketTokenPrefix = 'base64url.bearer.authorization.k8s.io.'

export interface Authorities {
  /** PEM: who is signed by it is who the certificate says. */
  readonly clients: string
  /** PEM: who is signed by it, and bears one of the names, may say for whom it asks. */
  readonly frontProxies: string
  readonly frontProxyNames: readonly string[]
  /** Whether somebody who shows nothing may ask for a path. Default: for any. */
  readonly anonymous?: ((path: string) => boolean) | undefined
}

/** What a connection's certificate proves. */
interface Shown {
  readonly user?: UserInfo
  readonly isFrontProxy?: boolean
  /** One that is not to be trusted. */
  readonly isBad?: boolean
  /** Milliseconds since the epoch: connections may outlive their certificates. */
  readonly from: number
  readonly until: number
}

const bad = { isBad: true }
const nothing: Shown = { from: -Infinity, until: Infinity }

export function authenticator(tokens: TokenSource, authorities: Authorities): Authenticate {
  const reading = certificateReader(authorities)
  return (exchange) => {
    // Read once: a connection keeps its certificate.
    const { peer } = exchange
    const read = (peer.identity ??= reading(peer)) as Shown
    const now = peer.clock.now()
    const shown: Partial<Shown> = read.from <= now && now <= read.until ? read : bad
    const remote = shown.isFrontProxy ? remoteUser(exchange) : undefined
    // A certificate counts before a token, also before one that is no good.
    const user = remote ?? shown.user
    if (user) return user
    const token = tokenOf(exchange)
    if (token !== undefined) return bearer(tokens, token)
    // Who shows nothing is nobody, and may what RBAC gives to nobody; who shows something bad is refused.
    const mayBeNobody = authorities.anonymous?.(pathOf(exchange)) ?? true
    if (shown.isBad || shown.isFrontProxy || !mayBeNobody) throw unauthorized()
    return anonymous
  }
}

const pathOf = ({ target }: Exchange): string => target.split('?', 1)[0]!

function bearer(tokens: TokenSource, token: string): UserInfo | Promise<UserInfo> {
  try {
    const verified = tokens.verify(token)
    return verified instanceof Promise ? verified.then(userOfToken, refused) : userOfToken(verified)
  } catch (error) {
    return refused(error)
  }
}

function userOfToken(verified: Verified): UserInfo {
  if (!verified) throw unauthorized()
  return authenticated(verified.user)
}

function refused(error: unknown): never {
  throw error instanceof TokenError ? unauthorized() : error
}

/** From the Authorization header; browsers cannot set one on a WebSocket and send the token as a protocol's name. */
function tokenOf(exchange: Exchange): string | undefined {
  const authorization = exchange.header('authorization')
  if (authorization !== undefined) {
    const [scheme, token] = authorization.split(' ', 2)
    return scheme?.toLowerCase() === 'bearer' && token ? token : undefined
  }
  const protocols = exchange.header('sec-websocket-protocol')
  if (!protocols?.includes(socketTokenPrefix)) return undefined
  const offered = protocols.split(',').map((protocol) => protocol.trim())
  const encoded = offered.find((protocol) => protocol.startsWith(socketTokenPrefix))
  return encoded && Buffer.from(encoded.slice(socketTokenPrefix.length), 'base64url').toString()
}

/** Certificates are signed by the authorities themselves, of which neither is good for the other's. */
function certificateReader({ clients, frontProxies, frontProxyNames }: Authorities): (peer: Peer) => Shown {
  const [clientKey, frontProxyKey] = [clients, frontProxies].map((pem) => new X509Certificate(pem).publicKey)
  function proves(certificate: X509Certificate, authorized: boolean): Omit<Shown, 'from' | 'until'> {
    if (!authorized) return bad
    if (certificate.verify(frontProxyKey!))
      return frontProxyNames.includes(subjectOf(certificate).user) ? { isFrontProxy: true } : bad
    return certificate.verify(clientKey!) ? userOf(certificate) : bad
  }
  return ({ socket }) => {
    const certificate = socket.getPeerX509Certificate()
    if (!certificate) return nothing
    const [from, until] = [certificate.validFrom, certificate.validTo].map((text) => Date.parse(text))
    return { ...proves(certificate, socket.authorized), from: from!, until: until! }
  }
}

function userOf(certificate: X509Certificate): Pick<Shown, 'user'> {
  const { user, groups } = subjectOf(certificate)
  if (!user) return {}
  const fingerprint = certificate.fingerprint256.replaceAll(':', '').toLowerCase()
  const extra = { 'authentication.kubernetes.io/credential-id': [`X509SHA256=${fingerprint}`] }
  return { user: authenticated({ name: user, groups, extra }) }
}
