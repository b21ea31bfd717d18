import { request as httpRequest, type Agent, type IncomingMessage, type RequestOptions } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { connect as connectPlain } from 'node:net'
import type { Duplex } from 'node:stream'
import { connect as connectSecure, type ConnectionOptions } from 'node:tls'
import { serviceUnavailable } from '#shared/kube/status.ts'
import type { ApiRequest } from '../handlers/api-request.ts'
import type { Exchange } from '../transport/exchange.ts'
import { dialError } from './dial-error.ts'
import { linkThrough, mostRewritten, pageThrough, type ProxiedPage } from './links.ts'
import { streamThrough } from './stream-through.ts'
import type { ProxyTarget } from './targets.ts'
import { forwardedHeaders, tunnel } from './tunnel.ts'

export interface Backend extends ProxyTarget {
  options: RequestOptions & ConnectionOptions
  /** Keeps connections; default: one for each request. */
  agent?: Agent
  /** What the backend is told besides what the client said: names in lower case. */
  headers?: Readonly<Record<string, string | readonly string[]>>
  /** The Host that it is told. Default: the one that the client asked for. */
  asked?: string
}

const hopByHop = new Set([
  'connection',
  'keep-alive',
  'transfer-encoding',
  'upgrade',
  'proxy-authenticate',
  'trailer',
  'te',
])

/** What another origin may do is this server's to say. Source: removeCORSHeaders in upgradeaware.go. */
const ofOrigins = [
  'access-control-allow-credentials',
  'access-control-allow-headers',
  'access-control-allow-methods',
  'access-control-allow-origin',
]

/**
 * Passes any request on, upgrades included, and its answer back; its links lead through the proxy where `page` says how.
 * Rejects with 503 when the backend cannot be reached. Source: apimachinery/pkg/util/proxy/upgradeaware.go.
 */
export async function forward(
  request: ApiRequest,
  backend: Backend,
  path: string,
  page?: ProxiedPage,
): Promise<undefined> {
  const { exchange } = request
  const host = backend.asked ?? exchange.header('host') ?? `${backend.host}:${backend.port}`
  const peers = [exchange.header('x-forwarded-for'), exchange.peer.address].filter(Boolean).join(', ')
  const told = { ...backend.headers, 'x-forwarded-for': peers }
  if (request.upgrade) {
    tunnel(request.upgrade, await open(backend), { host, path, headers: told })
    return undefined
  }
  const answer = await ask(request, { ...backend, headers: { ...told, host } }, path)
  const hops = answer.rawHeaders.filter((_, i, all) => !hopByHop.has(all[i - (i % 2)]!.toLowerCase()))
  const headers = without(hops, ...ofOrigins)
  if (page) await rewriteThrough(request.exchange, answer, headers, page)
  else streamThrough(request.exchange, answer, headers)
  return undefined
}

/** Like upstream: the Location of an answer that has one, else the links of a page. */
async function rewriteThrough(
  exchange: Exchange,
  answer: IncomingMessage,
  headers: string[],
  page: ProxiedPage,
): Promise<void> {
  const { location, 'content-type': type = '', 'content-encoding': encoding = '' } = answer.headers
  if (location) {
    const at = answer.rawHeaders.findIndex((name, i) => i % 2 === 0 && name.toLowerCase() === 'location')
    const changed = without(headers, 'location')
    return streamThrough(exchange, answer, [...changed, answer.rawHeaders[at]!, linkThrough(location, page)])
  }
  if (type.split(';', 1)[0]!.trim() !== 'text/html' || exchange.method === 'HEAD')
    return streamThrough(exchange, answer, headers)
  exchange.onClose(() => answer.destroy())
  const body = await bodyOf(answer)
  const rewritten = body && pageThrough(body, encoding, page)
  if (rewritten)
    return exchange.send(answer.statusCode!, without(headers, 'content-length', 'content-encoding'), rewritten)
  if (body) return exchange.send(answer.statusCode!, without(headers, 'content-length'), body)
  streamThrough(exchange, answer, headers)
  answer.resume()
}

/** Undefined where it is too long to be changed: then it has yet to be read. Rejects when it breaks off. */
function bodyOf(answer: IncomingMessage): Promise<Buffer | undefined> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let length = 0
    const take = (chunk: Buffer) => {
      chunks.push(chunk)
      length += chunk.length
      if (length <= mostRewritten) return
      answer.pause().off('data', take).unshift(Buffer.concat(chunks))
      resolve(undefined)
    }
    answer.on('data', take)
    answer.once('end', () => resolve(Buffer.concat(chunks)))
    answer.once('error', (error) => reject(unreachable(error)))
    answer.once('close', () => reject(unreachable(new Error('unexpected EOF'))))
  })
}

const without = (headers: readonly string[], ...names: readonly string[]): string[] =>
  headers.filter((_, i, all) => !names.includes(all[i - (i % 2)]!.toLowerCase()))

function ask({ exchange }: ApiRequest, backend: Backend, path: string): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const headers = Object.fromEntries(
      forwardedHeaders(exchange.headerNames().flatMap((name) => [name, exchange.header(name)!])).filter(
        ([name]) => !hopByHop.has(name),
      ),
    )
    const send = backend.scheme === 'https' ? httpsRequest : httpRequest
    const asking = send({
      // Else it would be made of the Host.
      servername: '',
      ...backend.options,
      host: backend.host,
      port: backend.port,
      path,
      method: exchange.method,
      headers: { ...headers, ...mutable(backend.headers ?? {}) },
      agent: backend.agent ?? false,
    })
    asking.once('response', resolve)
    asking.once('error', (error) => reject(unreachable(error)))
    exchange.onClose(() => asking.destroy())
    exchange.incoming.pipe(asking)
  })
}

const mutable = (headers: NonNullable<Backend['headers']>): Record<string, string | string[]> =>
  Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, typeof value === 'string' ? value : [...value]]),
  )

function open({ scheme, host, port, options }: Backend): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    const socket = scheme === 'https' ? connectSecure({ ...options, host, port }) : connectPlain({ host, port })
    socket.once(scheme === 'https' ? 'secureConnect' : 'connect', () => resolve(socket))
    socket.once('error', (error) => reject(unreachable(error)))
  })
}

const unreachable = (error: Error) => serviceUnavailable(`error trying to reach service: ${dialError(error)}`)
