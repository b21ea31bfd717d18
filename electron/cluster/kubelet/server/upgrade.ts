import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { WebSocketServer, type WebSocket } from 'ws'
import { HttpError } from './host.ts'

/** A connection that is about to leave HTTP. */
export interface UpgradeRequest {
  request: IncomingMessage
  socket: Duplex
  /** What came after the request already. */
  head: Buffer
  /** The request has had its answer: an error can no longer be told in HTTP. */
  answered: boolean
}

export type UpgradeKind = 'spdy' | 'websocket'

export function upgradeKind({ headers }: IncomingMessage): UpgradeKind {
  const upgrade = headers.upgrade?.toLowerCase()
  if (upgrade === 'websocket') return 'websocket'
  if (upgrade === 'spdy/3.1') return 'spdy'
  throw new HttpError(400, `unable to upgrade: unexpected upgrade ${JSON.stringify(headers.upgrade ?? '')}`)
}

const list = (header: string | string[] | undefined): string[] =>
  [header ?? []]
    .flat()
    .flatMap((text) => text.split(','))
    .map((text) => text.trim())
    .filter(Boolean)

export const offeredProtocols = ({ headers }: IncomingMessage): ReadonlySet<string> =>
  new Set(list(headers['sec-websocket-protocol']))

/** Largest message that a client may send: they send 32 KiB. */
const maxPayload = 32 * 1024 * 1024

/** Answers 101 with the chosen sub-protocol ('' names none). */
export function acceptWebSocket(upgrade: UpgradeRequest, protocol: string): Promise<WebSocket> {
  const { request, socket, head } = upgrade
  upgrade.answered = true
  // ws takes no protocol with a slash in its name, which SPDY/3.1+portforward.k8s.io has: it is answered here.
  delete request.headers['sec-websocket-protocol']
  const server = new WebSocketServer({ noServer: true, perMessageDeflate: false, maxPayload })
  if (protocol) server.on('headers', (headers) => headers.push(`Sec-WebSocket-Protocol: ${protocol}`))
  return new Promise((resolve) => server.handleUpgrade(request, socket, head, resolve))
}

/**
 * Answers 101 with the first protocol that is known; clients that name none speak the oldest. A client that offers
 * only unknown ones is told what there is.
 */
export function acceptSpdy(upgrade: UpgradeRequest, known: readonly string[], fallback: string): string {
  const { request, socket, head } = upgrade
  upgrade.answered = true
  const offered = list(request.headers['x-stream-protocol-version'])
  const chosen = offered.length ? known.find((protocol) => offered.includes(protocol)) : fallback
  if (chosen === undefined) {
    const accepted = known.map((protocol) => `X-Accepted-Stream-Protocol-Versions: ${protocol}\r\n`).join('')
    socket.end(`HTTP/1.1 403 Forbidden\r\n${accepted}Content-Length: 0\r\nConnection: close\r\n\r\n`)
    throw new HttpError(403, 'no stream protocol in common')
  }
  const answer = ['HTTP/1.1 101 Switching Protocols', 'Connection: Upgrade', 'Upgrade: SPDY/3.1']
  if (offered.length) answer.push(`X-Stream-Protocol-Version: ${chosen}`)
  socket.write(`${answer.join('\r\n')}\r\n\r\n`)
  if (head.length) socket.unshift(head)
  return chosen
}
