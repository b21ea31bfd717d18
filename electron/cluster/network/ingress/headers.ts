import { constants, type Http2Stream } from 'node:http2'

/** Names and values in turn, as Node's raw headers. */
export type HeaderList = readonly string[]

/** What belongs to one connection, and what announces trailers, which not every connection can carry. Source: RFC 9110, 7.6.1. */
const hopByHop = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'proxy-authenticate',
  'proxy-authorization',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'http2-settings',
])

/** What says where a request comes from: only we know. CGI and its heirs read an underscore as a dash. */
const forwarding = /^(?:x[-_]forwarded[-_].*|forwarded|x[-_]real[-_]ip|x[-_]original[-_]forwarded[-_]for)$/

/** What no backend is to hear from a client: `Proxy` is an environment variable to CGI (CVE-2016-5385). */
const withheld = (name: string): boolean => name === 'proxy' || forwarding.test(name)

/** What routes, frames or authenticates a request has no place behind it. RFC 9110, 6.5.1. */
const notInTrailers = new Set(['host', 'content-length', 'authorization', 'cookie', 'x-request-id'])

export interface Origin {
  /** The client's address. */
  readonly address: string
  /** The port that it connected to. */
  readonly port: number
  readonly secure: boolean
}

/** What goes to a backend: the client's headers without those of the connection, and where the request comes from. */
export function requestHeaders(
  headers: HeaderList,
  authority: string,
  { address, port, secure }: Origin,
  requestId: string,
): string[] {
  const kept: string[] = ['Host', authority]
  const named = connectionOptions(headers)
  // Of HTTP/2 each crumb of a cookie may be a field of its own. RFC 9113, 8.2.3.
  const crumbs: string[] = []
  let id: string | undefined
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i]!.toLowerCase()
    const value = headers[i + 1]!
    if (name === 'te' && /(?:^|,)\s*trailers\s*(?:$|,|;)/i.test(value)) kept.push('TE', 'trailers')
    // How long the body is, whoever sends it says itself: a Connection header could take that away.
    if (name === 'host' || name === 'content-length' || name.startsWith(':')) continue
    if (hopByHop.has(name) || named?.has(name) || withheld(name)) continue
    if (name === 'cookie') crumbs.push(value)
    else if (name === 'x-request-id') id ??= value
    else kept.push(headers[i]!, value)
  }
  if (crumbs.length) kept.push('Cookie', crumbs.join('; '))
  kept.push(
    'X-Request-ID',
    id && /^[\w.:/+=-]{1,128}$/.test(id) ? id : requestId,
    'X-Real-IP',
    address,
    'X-Forwarded-For',
    address,
    'X-Forwarded-Host',
    authority,
    'X-Forwarded-Port',
    String(port),
    'X-Forwarded-Proto',
    secure ? 'https' : 'http',
  )
  return kept
}

/** An answer's or a trailer's headers without those of the connection that they came over. */
export function endToEnd(headers: HeaderList): string[] {
  const named = connectionOptions(headers)
  const kept: string[] = []
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i]!.toLowerCase()
    if (!hopByHop.has(name) && !name.startsWith(':') && !named?.has(name)) kept.push(headers[i]!, headers[i + 1]!)
  }
  return kept
}

/** The trailers of a request that go to a backend. */
export function requestTrailers(trailers: HeaderList): string[] {
  const passed = endToEnd(trailers)
  return passed.filter((_, i) => {
    const name = passed[i - (i % 2)]!.toLowerCase()
    return !withheld(name) && !notInTrailers.has(name)
  })
}

/** The headers that a Connection header names. */
function connectionOptions(headers: HeaderList): Set<string> | undefined {
  let options: Set<string> | undefined
  for (let i = 0; i < headers.length; i += 2)
    if (headers[i]!.length === 10 && headers[i]!.toLowerCase() === 'connection')
      for (const option of headers[i + 1]!.toLowerCase().split(',')) (options ??= new Set()).add(option.trim())
  return options
}

/** All values of a header. */
export function valuesOf(headers: HeaderList, name: string): string[] {
  const values: string[] = []
  for (let i = 0; i < headers.length; i += 2) if (headers[i]!.toLowerCase() === name) values.push(headers[i + 1]!)
  return values
}

/** Completes a stream that waits for its trailers, or breaks it off when they cannot be sent. */
export function sendTrailers(stream: Http2Stream, trailers: HeaderList): void {
  try {
    stream.sendTrailers(asObject(trailers))
  } catch {
    stream.close(constants.NGHTTP2_INTERNAL_ERROR)
  }
}

/** As HTTP/2 of Node takes them: names in lower case, several values of one as a list. */
export function asObject(headers: HeaderList): Record<string, string | string[]> {
  const object: Record<string, string | string[]> = {}
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i]!.toLowerCase()
    const known = object[name]
    const value = headers[i + 1]!
    object[name] = known === undefined ? value : Array.isArray(known) ? [...known, value] : [known, value]
  }
  return object
}
