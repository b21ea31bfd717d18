import { parseImageName } from '#shared/kube/image-name.ts'
import type { Secret } from '../types.ts'

export interface Credentials {
  username: string
  password: string
}

interface AuthEntry {
  username?: string
  password?: string
  auth?: string
}

/** The first login among pull secrets that fits the image's registry, the longest match of a secret first. */
export function credentialsFor(image: string, secrets: readonly Secret[]): Credentials | undefined {
  const name = parseImageName(image)
  if (!name) return undefined
  const wanted = `${name.registry}/${name.repository}`
  for (const secret of secrets) {
    const fitting = Object.entries(entriesOf(secret))
      .map(([server, entry]) => ({ key: normalize(server), entry }))
      .filter(({ key }) => wanted === key || wanted.startsWith(`${key}/`))
      .sort((a, b) => b.key.length - a.key.length)
    for (const { entry } of fitting) {
      const found = login(entry)
      if (found) return found
    }
  }
  return undefined
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

function login({ username, password, auth }: AuthEntry): Credentials | undefined {
  if (username && password) return { username, password }
  const [user, ...rest] = Buffer.from(auth ?? '', 'base64')
    .toString('utf8')
    .split(':')
  return user && rest.length ? { username: user, password: rest.join(':') } : undefined
}
