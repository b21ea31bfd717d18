import http, { type IncomingHttpHeaders } from 'node:http'
import https from 'node:https'
import type { Readable } from 'node:stream'
import { ImagePullError } from '../../../api.ts'

export interface Wanted {
  headers?: Readonly<Record<string, string>>
  signal?: AbortSignal | undefined
  /** A connection on which nothing comes for so long is given up; default: a minute. */
  silenceMs?: number | undefined
}

export interface Answer {
  status: number
  headers: IncomingHttpHeaders
  body: Readable
}

const defaultSilenceMs = 60_000
const mostRedirects = 5
const redirects = new Set([301, 302, 303, 307, 308])
const userAgent = 'wheelhouse/1.0'

/** Whether a host of a URL is this machine by whatever name; only there may a registry speak plain HTTP. */
export const isLoopback = (host: string): boolean =>
  /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/.test(host.replace(/:\d+$/, ''))

/**
 * One GET, redirects followed. What says who asks goes to no other origin, and nothing but loopback is asked in plain
 * text or led to loopback. Rejects with the system's error where the server cannot be reached.
 */
export async function request(url: URL, wanted: Wanted): Promise<Answer> {
  let headers = { ...wanted.headers }
  let target = url
  for (let hop = 0; hop <= mostRedirects; hop++) {
    mayAsk(target)
    const answer = await send(target, { ...wanted, headers })
    const { location } = answer.headers
    if (!redirects.has(answer.status) || location === undefined) return answer
    answer.body.destroy()
    const next = new URL(location, target)
    if (isLoopback(next.hostname) && !isLoopback(target.hostname))
      throw new ImagePullError(`${target.host} leads to this machine's own ${next.host}`)
    if (next.origin !== target.origin) {
      const { authorization: _, ...rest } = headers
      headers = rest
    }
    target = next
  }
  throw new ImagePullError(`${url.host} leads from one address to the next`)
}

function mayAsk({ protocol, hostname, host }: URL): void {
  if (protocol === 'https:' || (protocol === 'http:' && isLoopback(hostname))) return
  throw new ImagePullError(`${host} would be asked over ${protocol.slice(0, -1)}; only https is, except on loopback`)
}

function send(url: URL, { headers = {}, signal, silenceMs = defaultSilenceMs }: Wanted): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = (url.protocol === 'https:' ? https : http).request(url, {
      headers: { 'user-agent': userAgent, ...headers },
      ...(signal ? { signal } : {}),
    })
    sent.setTimeout(silenceMs, () =>
      sent.destroy(new Error(`${url.host} has not said anything for ${silenceMs / 1000}s`)),
    )
    sent.once('error', reject)
    sent.once('response', (response) =>
      resolve({ status: response.statusCode ?? 0, headers: response.headers, body: response }),
    )
    sent.end()
  })
}

/** A body that is no longer than `limit` bytes. */
export async function readBody({ body }: Pick<Answer, 'body'>, limit: number): Promise<Buffer> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of body as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > limit) throw new ImagePullError(`an answer is longer than ${limit} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}
