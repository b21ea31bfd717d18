import type { UserInfo } from '../registry/kind.ts'
import type { Exchange } from '../transport/exchange.ts'
import { authenticated } from './user.ts'

/** Headers in which a front proxy says for whom it asks, as they are published for extension API servers. */
export const remoteHeaders = {
  user: 'X-Remote-User',
  uid: 'X-Remote-Uid',
  group: 'X-Remote-Group',
  extraPrefix: 'X-Remote-Extra-',
} as const

const nameOf = {
  user: remoteHeaders.user.toLowerCase(),
  uid: remoteHeaders.uid.toLowerCase(),
  group: remoteHeaders.group.toLowerCase(),
  extraPrefix: remoteHeaders.extraPrefix.toLowerCase(),
}

/**
 * For whom a front proxy asks; undefined: it asks for nobody. Only to be believed over the connection of a front proxy.
 * Source: apiserver/pkg/authentication/request/headerrequest.
 */
export function remoteUser(exchange: Exchange): UserInfo | undefined {
  const name = exchange.headers(nameOf.user).find(Boolean)
  if (!name) return undefined
  const uid = exchange.headers(nameOf.uid).find(Boolean)
  const extra: Record<string, readonly string[]> = {}
  for (const header of exchange.headerNames()) {
    if (!header.startsWith(nameOf.extraPrefix)) continue
    const key = decoded(header.slice(nameOf.extraPrefix.length))
    extra[key] = [...(extra[key] ?? []), ...exchange.headers(header)]
  }
  const groups = exchange.headers(nameOf.group)
  return authenticated({
    name,
    groups,
    ...(uid ? { uid } : {}),
    ...(Object.keys(extra).length ? { extra } : {}),
  })
}

/** Keys that no header name can carry come as in URLs. */
function decoded(key: string): string {
  try {
    return decodeURIComponent(key)
  } catch {
    return key
  }
}
