import type { UserInfo } from '../registry/kind.ts'

/** Who asks, as extension API servers are told. Source: client-go/transport/round_trippers.go, SetAuthProxyHeaders. */
export function remoteUserHeaders({ name, uid, groups, extra }: UserInfo): Record<string, string | string[]> {
  const headers: Record<string, string | string[]> = { 'x-remote-user': name }
  if (uid) headers['x-remote-uid'] = uid
  if (groups.length) headers['x-remote-group'] = [...groups]
  for (const [key, values] of Object.entries(extra ?? {}))
    headers[`x-remote-extra-${escaped(key)}`] = values.map((value) => headerValue(value))
  return headers
}

/** Header names hold few characters; the rest is written as in URLs. */
const escaped = (key: string): string =>
  [...Buffer.from(key)]
    .map((byte) => {
      const character = String.fromCharCode(byte)
      return /[!#$&'*+.^_`|~0-9A-Za-z-]/.test(character)
        ? character.toLowerCase()
        : `%${byte.toString(16).padStart(2, '0')}`
    })
    .join('')

/** What no header can carry must not end one. */
const headerValue = (value: string): string => value.replace(/[^\t\x20-\x7e\x80-\xff]/g, '')
