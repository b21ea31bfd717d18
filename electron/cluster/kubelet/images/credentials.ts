import { parseImageName } from '#shared/kube/image-name.ts'
import type { Secret } from '../types.ts'

/** A login, and the secret that it is from. */
export interface Login {
  username: string
  password: string
  secret: { uid: string; namespace: string; name: string }
}

interface AuthEntry {
  username?: string
  password?: string
  auth?: string
}

/** The logins among pull secrets that fit the image's registry and repository, the closest first. */
export function loginsFor(image: string, secrets: readonly Secret[]): Login[] {
  const name = parseImageName(image)
  if (!name) return []
  return secrets
    .flatMap((secret) =>
      Object.entries(entriesOf(secret)).map(([server, entry]) => ({ secret, key: normalize(server), entry })),
    )
    .filter(({ key }) => fits(key, name.registry, name.repository))
    .toSorted((a, b) => b.key.length - a.key.length)
    .flatMap(({ secret, entry }) => {
      const found = login(entry)
      const { uid = '', namespace = '', name: secretName = '' } = secret.metadata ?? {}
      return found ? [{ ...found, secret: { uid, namespace, name: secretName } }] : []
    })
}

/** Parts of a host may be patterns, such as `*.example.com`. Source: credentialprovider's URLsMatch. */
function fits(key: string, registry: string, repository: string): boolean {
  const slash = key.indexOf('/')
  const [host, path] = slash < 0 ? [key, ''] : [key.slice(0, slash), key.slice(slash + 1)]
  const [wanted, given] = [registry.split('.'), host.split('.')]
  const sameHost = wanted.length === given.length && given.every((part, i) => partFits(part, wanted[i]!))
  return sameHost && (path === '' || repository === path || repository.startsWith(`${path}/`))
}

function partFits(pattern: string, part: string): boolean {
  if (!/[*?]/.test(pattern)) return pattern === part
  const plain = pattern.replaceAll(/[.+^${}()|[\]\\]/g, String.raw`\$&`)
  return new RegExp(`^${plain.replaceAll(/\*+/g, '[^:]*').replaceAll('?', '[^:]')}$`).test(part)
}

function entriesOf(secret: Secret): Record<string, AuthEntry> {
  const modern = secret.data?.['.dockerconfigjson']
  const legacy = secret.data?.['.dockercfg']
  try {
    const decoded = JSON.parse(Buffer.from(modern ?? legacy ?? '', 'base64').toString('utf8')) as Record<
      string,
      unknown
    >
    return ((modern ? decoded.auths : decoded) ?? {}) as Record<string, AuthEntry>
  } catch {
    return {}
  }
}

/** `https://index.docker.io/v1/` is how Docker Hub is written in such files. */
const normalize = (server: string): string =>
  server
    .replace(/^https?:\/\//, '')
    .replace(/\/(v1|v2)?\/?$/, '')
    .replace(/^(index|registry-1)\.docker\.io/, 'docker.io')

function login({ username, password, auth }: AuthEntry): { username: string; password: string } | undefined {
  if (username && password) return { username, password }
  const [user, ...rest] = Buffer.from(auth ?? '', 'base64')
    .toString('utf8')
    .split(':')
  return user && rest.length ? { username: user, password: rest.join(':') } : undefined
}
