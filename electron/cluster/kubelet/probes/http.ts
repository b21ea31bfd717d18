import http from 'node:http'
import type { Duplex } from 'node:stream'
import tls from 'node:tls'
import type { Clock } from '../../base/clock.ts'
import { abortable } from '../abortable.ts'
import { dialFailure, failure, outputLimit, success, type ProbeOutcome } from './outcome.ts'

export interface HttpTarget {
  scheme: 'http' | 'https'
  host: string
  port: number
  /** Path and query. */
  path: string
  headers: readonly { readonly name: string; readonly value: string }[]
  /** Opens the connection, wherever the pod's network is. */
  dial(port: number): Promise<Duplex>
}

interface Answer {
  status: number
  location: string | undefined
  body: string
}

const mostRedirects = 10
const followed = new Set([301, 302, 303, 307, 308])

/** A GET as the kubelet's HTTP probe and hooks make it. Source: pkg/probe/http. */
export async function probeHttp(target: HttpTarget, timeoutMs: number, clock: Clock): Promise<ProbeOutcome> {
  const deadline = new AbortController()
  const cancel = clock.after(timeoutMs, () => deadline.abort())
  let { path, port, scheme } = target
  const url = () => `${scheme}://${target.host.includes(':') ? `[${target.host}]` : target.host}:${port}${path}`
  try {
    for (let redirects = 0; ; redirects++) {
      const answer = await get({ ...target, scheme, port, path }, url(), deadline.signal)
      if (answer.status < 200 || answer.status >= 400)
        return failure(`HTTP probe failed with statuscode: ${answer.status}`)
      if (answer.status < 300 || !followed.has(answer.status) || !answer.location) return success(answer.body)
      const next = new URL(answer.location, url())
      // Redirects that leave the pod are not followed: the pod has answered, that is what was asked.
      if (next.hostname !== new URL(url()).hostname) {
        return { result: 'warning', output: `Probe terminated redirects, Response body: ${answer.body}` }
      }
      if (redirects === mostRedirects)
        return failure(`Get ${JSON.stringify(url())}: stopped after ${mostRedirects} redirects`)
      scheme = next.protocol === 'https:' ? 'https' : 'http'
      port = Number(next.port) || (scheme === 'https' ? 443 : 80)
      path = next.pathname + next.search
    }
  } catch (error) {
    const why = deadline.signal.aborted
      ? 'context deadline exceeded (Client.Timeout exceeded while awaiting headers)'
      : (error as Error).message
    return failure(`Get ${JSON.stringify(url())}: ${why}`)
  } finally {
    cancel()
  }
}

async function get(target: HttpTarget, url: string, signal: AbortSignal): Promise<Answer> {
  const { host, port, scheme, path } = target
  const dialled = target.dial(port)
  const connection = await abortable(dialled, signal).catch((error: NodeJS.ErrnoException) => {
    // A connection that comes too late is nobody's.
    dialled.then((late) => late.destroy()).catch(() => {})
    throw new Error(dialFailure(`${host}:${port}`, error), { cause: error })
  })
  connection.on('error', () => {})
  // What a probe talks to proves nothing about itself (upstream skips verification as well).
  const socket = scheme === 'https' ? tls.connect({ socket: connection, rejectUnauthorized: false }) : connection
  try {
    return await exchange(target, url, path, socket, signal)
  } finally {
    socket.destroy()
    connection.destroy()
  }
}

function exchange(target: HttpTarget, url: string, path: string, socket: Duplex, signal: AbortSignal): Promise<Answer> {
  const headers: Record<string, string | string[]> = {
    'User-Agent': 'kube-probe/1.36',
    Accept: '*/*',
    Host: new URL(url).host,
    Connection: 'close',
  }
  const own = new Map<string, string[]>()
  for (const { name, value } of target.headers) own.set(name, [...(own.get(name) ?? []), value])
  for (const [name, values] of own) {
    const standard = Object.keys(headers).find((key) => key.toLowerCase() === name.toLowerCase())
    if (standard) delete headers[standard]
    // An empty value takes a standard header away.
    if (values.some(Boolean)) headers[name] = values.length === 1 ? values[0]! : values
  }
  return new Promise((resolve, reject) => {
    const request = http.request({
      method: 'GET',
      path,
      headers,
      signal,
      createConnection: () => socket,
      setHost: false,
    })
    request.on('error', reject)
    request.on('response', (response) => {
      const pieces: Buffer[] = []
      let size = 0
      const answer = () =>
        resolve({
          status: response.statusCode ?? 0,
          location: response.headers.location,
          body: Buffer.concat(pieces).toString('utf8').slice(0, outputLimit),
        })
      response.on('data', (piece: Buffer) => {
        pieces.push(piece)
        size += piece.length
        if (size >= outputLimit) answer()
      })
      response.on('end', answer)
      response.on('error', reject)
    })
    request.end()
  })
}
