import { ImagePullError } from '../../../api.ts'
import type { Challenge } from './challenge.ts'
import { isLoopback, readBody, request } from './requests.ts'

export interface Login {
  username: string
  password: string
}

/** On whose behalf a registry is answered. */
interface Asked {
  /** The registry: one elsewhere is told nothing by what listens on this machine. */
  host: string
  login: Login | undefined
  scope: string
  signal?: AbortSignal | undefined
}

const longestToken = 1024 * 1024

export const basic = ({ username, password }: Login): string =>
  `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`

/** What to send as `Authorization` after such challenges. Rejects where there is nothing to send. Source: distribution's token authentication. */
export async function answerTo(challenges: readonly Challenge[], asked: Asked): Promise<string> {
  const { login } = asked
  const bearer = challenges.find(({ scheme }) => scheme === 'bearer')
  if (bearer) return `Bearer ${await fetchToken(bearer, asked)}`
  if (challenges.some(({ scheme }) => scheme === 'basic')) {
    if (login) return basic(login)
    throw new ImagePullError('failed to authorize: no basic auth credentials')
  }
  throw new ImagePullError('failed to authorize: the registry asks for a login that is neither Bearer nor Basic')
}

async function fetchToken({ parameters }: Challenge, { host, login, scope, signal }: Asked): Promise<string> {
  const kind = login ? 'oauth' : 'anonymous'
  const fail = (why: string): never => {
    throw new ImagePullError(`failed to authorize: failed to fetch ${kind} token: ${why}`)
  }
  const { realm = '', service } = parameters
  if (!URL.canParse(realm)) return fail('the registry names no token server')
  const url = new URL(realm)
  if (isLoopback(url.hostname) && !isLoopback(host)) return fail(`${host} leads to this machine's own ${url.host}`)
  if (service !== undefined) url.searchParams.set('service', service)
  url.searchParams.set('scope', parameters['scope'] ?? scope)
  const answer = await request(url, { signal, headers: login ? { authorization: basic(login) } : {} })
  const body = await readBody(answer, longestToken)
  if (answer.status !== 200)
    return fail(`unexpected status from GET request to ${url.href}: ${answer.status} ${reasonOf(answer.status)}`.trim())
  const { token, access_token: accessToken } = tokensIn(body)
  return token || accessToken || fail('the token server gave none')
}

function tokensIn(body: Buffer): { token?: string; access_token?: string } {
  try {
    return JSON.parse(body.toString('utf8')) as { token?: string; access_token?: string }
  } catch {
    return {}
  }
}

const reasons: Partial<Record<number, string>> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  429: 'Too Many Requests',
  500: 'Internal Server Error',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
  504: 'Gateway Timeout',
}

export const reasonOf = (status: number): string => reasons[status] ?? ''
