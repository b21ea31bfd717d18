import type { Duplex } from 'node:stream'
import type { HeaderList, Upgrade } from '../transport/exchange.ts'

const withheld = new Set(['host', 'authorization', 'x-forwarded-for'])
/** What says who asks is ours to say. */
const ours = ['impersonate-', 'x-remote-']
const tokenProtocol = 'base64url.bearer.authorization.k8s.io.'

/** The request's headers without what is between the client and this server. */
export function forwardedHeaders(headers: HeaderList): [string, string][] {
  const kept: [string, string][] = []
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i]!
    const lower = name.toLowerCase()
    if (withheld.has(lower) || ours.some((prefix) => lower.startsWith(prefix))) continue
    const value = lower === 'sec-websocket-protocol' ? withoutToken(headers[i + 1]!) : headers[i + 1]!
    if (value !== '') kept.push([name, value])
  }
  return kept
}

const withoutToken = (protocols: string): string =>
  protocols
    .split(',')
    .map((protocol) => protocol.trim())
    .filter((protocol) => !protocol.startsWith(tokenProtocol))
    .join(', ')

/** Sends the request on as it came and then carries bytes both ways until either end closes. */
export function tunnel(
  upgrade: Upgrade,
  backend: Duplex,
  to: { host: string; path: string; headers?: Readonly<Record<string, string | readonly string[]>> },
): void {
  const { socket, head, rawHeaders, exchange } = upgrade
  const lines = [
    `${exchange.method} ${to.path} HTTP/1.1`,
    `Host: ${to.host}`,
    ...forwardedHeaders(rawHeaders).map(([name, value]) => `${name}: ${value}`),
    ...Object.entries(to.headers ?? {}).flatMap(([name, values]) =>
      [values].flat().map((value) => `${name}: ${value}`),
    ),
  ]
  backend.write(`${lines.join('\r\n')}\r\n\r\n`)
  if (head.length) backend.write(head)
  // Each end is told of the other's end, half-closed streams included; a failure of either ends both.
  socket.pipe(backend)
  backend.pipe(socket)
  const close = () => {
    socket.destroy()
    backend.destroy()
  }
  socket.on('error', close)
  backend.on('error', close)
  socket.once('close', close)
  backend.once('close', close)
}
