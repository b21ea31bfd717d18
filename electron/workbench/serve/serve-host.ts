import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import http, { type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import { WebSocketServer } from 'ws'
import type { FramePort } from '#shared/ipc/channel.ts'
import { webSocketPort } from '../channel/websocket-port.ts'
import { Failure } from '../failure.ts'
import { contentSecurityPolicy, sendFile } from './static-files.ts'

export interface ServeHostOptions {
  host: string
  port: number
  /** Folder of the built UI. */
  root: string
  onPort(port: FramePort): void
}

export interface ServeHost extends AsyncDisposable {
  /** Where a browser finds the UI, token included. */
  readonly address: string
}

/**
 * Starts the host. Rejects with Failure when the port cannot be had.
 *
 * The token opens the channel; the page keeps it for its tab, where no other site can read it. Its files open to a cookie
 * too, which is another secret, since browsers send cookies to every port of a host.
 */
export async function startServeHost({ host, port, root, onPort }: ServeHostOptions): Promise<ServeHost> {
  const token = randomBytes(24).toString('base64url')
  const pass = createHash('sha256').update(`page ${token}`).digest('base64url')
  const server = http.createServer((request, response) => {
    try {
      page(request, response)
    } catch {
      response.writeHead(400).end()
    }
  })
  const sockets = new WebSocketServer({ noServer: true, maxPayload: 16 * 1024 * 1024 })
  await listening(server, host, port)
  const bound = (server.address() as AddressInfo).port
  const shown = host.includes(':') ? `[${host}]` : host
  const cookie = `wheelhouse-${bound}`

  function page(request: IncomingMessage, response: ServerResponse): void {
    if (!isLoopback(request.headers.host)) return void response.writeHead(421).end('This host name is not served here.')
    if (request.method !== 'GET' && request.method !== 'HEAD')
      return void response.writeHead(405, { allow: 'GET, HEAD' }).end()
    const url = addressed(request)
    response.setHeader('content-security-policy', contentSecurityPolicy(`'self' ws://${request.headers.host}`))
    response.setHeader('x-content-type-options', 'nosniff')
    response.setHeader('referrer-policy', 'no-referrer')
    response.setHeader('cross-origin-opener-policy', 'same-origin')
    response.setHeader('cross-origin-resource-policy', 'same-origin')
    const offered = url.searchParams.get('token')
    if (offered !== null && same(offered, token))
      response.setHeader('set-cookie', `${cookie}=${pass}; HttpOnly; SameSite=Strict; Path=/`)
    else if (offered !== null || !same(readCookie(request, cookie), pass)) return refuse(response)
    sendFile(root, url.pathname, request, response)
  }

  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    // A peer that is gone before it was served.
    socket.on('error', () => socket.destroy())
    if (!mayOpen(request))
      return void socket.end('HTTP/1.1 403 Forbidden\r\nconnection: close\r\ncontent-length: 0\r\n\r\n')
    sockets.handleUpgrade(request, socket, head, (opened) => onPort(webSocketPort(opened)))
  })

  /** Our own page, on whatever port it was reached (a tunnel has one of its own), with the token. */
  function mayOpen(request: IncomingMessage): boolean {
    const { host, origin } = request.headers
    if (!isLoopback(host) || origin !== `http://${host}`) return false
    try {
      const { pathname, searchParams } = addressed(request)
      return pathname === '/channel' && same(searchParams.get('token') ?? '', token)
    } catch {
      return false
    }
  }

  return {
    address: `http://${shown}:${bound}/?token=${token}`,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets.clients) socket.terminate()
      const closed = new Promise((resolve) => server.close(resolve))
      server.closeAllConnections()
      await closed
    },
  }
}

function listening(server: http.Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const why =
        error.code === 'EADDRINUSE' ? `Port ${port} is in use.` : `Port ${port} cannot be opened: ${error.message}.`
      reject(new Failure('PortBusy', why, 'Choose another with --port, or leave it out for a free one.'))
    })
    server.listen(port, host, () => resolve())
  })
}

/** A page of another site may have its name resolved to loopback: only loopback's own names are answered. */
const isLoopback = (host: string | undefined): boolean =>
  /^(localhost|127\.\d{1,3}\.\d{1,3}\.\d{1,3}|\[::1\])(:\d{1,5})?$/.test(host ?? '')

const addressed = (request: IncomingMessage): URL =>
  new URL(`http://${request.headers.host}${request.url?.startsWith('/') ? request.url : '/'}`)

function refuse(response: ServerResponse): void {
  response
    .writeHead(403, { 'content-type': 'text/plain; charset=utf-8' })
    .end('Open the address that wheelhouse printed, token included.')
}

function readCookie(request: IncomingMessage, name: string): string {
  for (const pair of (request.headers.cookie ?? '').split(';')) {
    const [key, value] = pair.trim().split('=')
    if (key === name) return value ?? ''
  }
  return ''
}

/** In a time that does not tell how much of it was right. */
function same(offered: string, secret: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(offered), digest(secret))
}
