import type { Readable } from 'node:stream'
import type { Clock } from '../../../../base/clock.ts'
import { backoffDelay } from '../../../../base/backoff.ts'
import { ImagePullError } from '../../../api.ts'
import { digestOf, isDigest } from '../digest.ts'
import { acceptedTypes, longestDocument } from '../manifest.ts'
import { parseChallenges } from './challenge.ts'
import { isLoopback, readBody, request, type Answer } from './requests.ts'
import { answerTo, reasonOf, type Login } from './tokens.ts'

export interface RegistryDeps {
  clock: Clock
  /** As in an image's name: `docker.io`, `localhost:5000`. */
  registry: string
  repository: string
  login?: Login | undefined
  signal?: AbortSignal | undefined
  silenceMs?: number | undefined
}

export interface FetchedDocument {
  bytes: Buffer
  mediaType: string
  digest: string
}

/** Statuses that another attempt may change. */
const passing = new Set([408, 429, 500, 502, 503, 504])
const attempts = 4
const delays = { initial: 500, max: 8000 }
const longestRetryAfterMs = 30_000

/** One repository of a registry, read on behalf of one pull. All methods reject with ImagePullError, or with the system's error. */
export class RegistryClient {
  readonly #deps: RegistryDeps
  #authorization: string | undefined
  #scheme: 'https' | 'http' | undefined

  constructor(deps: RegistryDeps) {
    this.#deps = deps
  }

  /** A manifest or an index, by tag or digest; what was asked for by digest has that digest. */
  async manifest(reference: string): Promise<FetchedDocument> {
    const answer = await this.#get(`manifests/${reference}`, { accept: acceptedTypes })
    const bytes = await readBody(answer, longestDocument)
    const digest = digestOf(bytes, isDigest(reference) ? reference : undefined)
    if (isDigest(reference) && digest !== reference)
      throw new ImagePullError(`the manifest ${reference} came with the digest ${digest}`)
    return { bytes, digest, mediaType: answer.headers['content-type'] ?? '' }
  }

  /** A blob's bytes from `from` on, or all of them where the registry does not know ranges; `offset` says which. `signal` is heeded in place of the pull's. */
  async blob(digest: string, from: number, signal = this.#deps.signal): Promise<{ body: Readable; offset: number }> {
    const answer = await this.#get(`blobs/${digest}`, from ? { range: `bytes=${from}-` } : {}, signal)
    const start = /^bytes (\d+)-/.exec(answer.headers['content-range'] ?? '')?.[1]
    const offset = answer.status === 206 && start !== undefined ? Number(start) : 0
    return { body: answer.body, offset }
  }

  async #get(path: string, headers: Record<string, string>, signal = this.#deps.signal): Promise<Answer> {
    const { clock } = this.#deps
    for (let failures = 0; ;) {
      const answer = await this.#authorized(path, headers, signal)
      if (answer.status === 200 || answer.status === 206) return answer
      // The part that is there already is all there is.
      if (answer.status === 416 && headers['range']) {
        answer.body.destroy()
        return this.#get(path, {}, signal)
      }
      const fault = await faultIn(answer)
      if (!passing.has(answer.status) || ++failures >= attempts) throw this.#fault(path, answer.status, fault)
      const asked = Number(answer.headers['retry-after']) * 1000
      const delay = backoffDelay(failures - 1, delays)
      await clock.sleep(asked > 0 ? Math.min(asked, longestRetryAfterMs) : delay, signal)
    }
  }

  /** Once more with a login when the registry asks who it is, or says that the one before has run out. */
  async #authorized(path: string, headers: Record<string, string>, signal?: AbortSignal): Promise<Answer> {
    const first = await this.#send(path, headers, signal)
    if (first.status !== 401) return first
    const challenges = parseChallenges(first.headers['www-authenticate'] ?? '')
    if (!challenges.length) return first
    first.body.destroy()
    const { login, repository, registry: host } = this.#deps
    const scope = `repository:${repository}:pull`
    this.#authorization = await answerTo(challenges, { host, login, scope, signal })
    return this.#send(path, headers, signal)
  }

  async #send(path: string, headers: Record<string, string>, signal?: AbortSignal): Promise<Answer> {
    const { registry, repository, silenceMs } = this.#deps
    const host = registry === 'docker.io' ? 'registry-1.docker.io' : registry
    const authorization = this.#authorization === undefined ? {} : { authorization: this.#authorization }
    const ask = (scheme: 'https' | 'http') =>
      request(new URL(`${scheme}://${host}/v2/${repository}/${path}`), {
        signal,
        silenceMs,
        headers: { ...headers, ...authorization },
      })
    if (this.#scheme) return ask(this.#scheme)
    const answer = await ask('https').catch((error: NodeJS.ErrnoException) => {
      if (!isLoopback(host) || !speaksNoTls(error)) throw error
      this.#scheme = 'http'
      return ask('http')
    })
    this.#scheme ??= 'https'
    return answer
  }

  #fault(path: string, status: number, said: string): ImagePullError {
    const { registry, repository } = this.#deps
    if (status === 401 || status === 403)
      return new ImagePullError(
        `pull access denied, repository does not exist or may require authorization: server message: ${said || `${status} ${reasonOf(status)}`}`,
      )
    if (status === 404) return new ImagePullError(`${registry}/${repository}${asTag(path)}: not found`)
    return new ImagePullError(
      `unexpected status from GET request to ${registry}/v2/${repository}/${path}: ${`${status} ${reasonOf(status)}`.trim()}${said ? `: ${said}` : ''}`,
    )
  }
}

const asTag = (path: string): string => {
  const reference = path.slice(path.indexOf('/') + 1)
  return isDigest(reference) ? `@${reference}` : `:${reference}`
}

const speaksNoTls = ({ code = '' }: NodeJS.ErrnoException): boolean =>
  code === 'EPROTO' || code === 'ECONNRESET' || code.startsWith('ERR_SSL')

/** The first of the errors that the registry lists. */
async function faultIn(answer: Answer): Promise<string> {
  try {
    const body = JSON.parse((await readBody(answer, longestDocument)).toString('utf8')) as {
      errors?: { code?: string; message?: string }[]
    }
    const [first] = body.errors ?? []
    return [first?.code?.toLowerCase(), first?.message].filter(Boolean).join(': ')
  } catch {
    return ''
  }
}
