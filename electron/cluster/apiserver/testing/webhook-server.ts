import { createServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import { systemClock } from '../../base/clock.ts'
import { createAuthority, issue } from '../../base/certificate.ts'

export interface Asked {
  readonly path: string
  readonly body: { request: Record<string, unknown> } & Record<string, unknown>
}

export interface WebhookServer extends AsyncDisposable {
  readonly url: string
  readonly port: number
  /** Base64 of the authority that its certificate is from. */
  readonly caBundle: string
  /** What it was asked, in order. */
  readonly asked: Asked[]
  /** How many connections were opened to it. */
  readonly connections: number
}

/** What a webhook answers: the response of a review, text that is sent as it is with a status, or nothing, ever. */
export type Respond = (asked: Asked) => object | { status: number; text: string } | 'silence'

/** A webhook on loopback with a certificate for the names. */
export async function webhookServer(
  respond: Respond,
  { names = ['127.0.0.1'] }: { names?: readonly string[] } = {},
): Promise<WebhookServer> {
  const now = systemClock.now()
  const validity = { notBefore: now - 60_000, notAfter: now + 3_600_000 }
  const authority = createAuthority({ commonName: 'webhooks', ...validity })
  const pair = issue(authority, { commonName: 'webhooks' }, { commonName: 'hook', names, usage: 'server', ...validity })
  const asked: Asked[] = []
  const sockets = new Set<Socket>()
  let connections = 0
  const server = createServer({ cert: pair.certificate, key: pair.key }, (request, answer) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.once('end', () => {
      const body = JSON.parse(Buffer.concat(chunks).toString()) as Asked['body']
      asked.push({ path: request.url ?? '', body })
      const response = respond(asked.at(-1)!)
      if (response === 'silence') return
      if ('text' in response) {
        answer.writeHead(response.status).end(response.text)
        return
      }
      answer.setHeader('content-type', 'application/json')
      const { apiVersion, kind } = body
      answer.end(JSON.stringify({ apiVersion, kind, response: { uid: body.request.uid, ...response } }))
    })
  })
  server.on('secureConnection', (socket) => {
    connections++
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `https://127.0.0.1:${port}`,
    port,
    caBundle: Buffer.from(authority.certificate).toString('base64'),
    asked,
    get connections() {
      return connections
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

export const jsonPatch = (operations: readonly object[]) => ({
  patchType: 'JSONPatch',
  patch: Buffer.from(JSON.stringify(operations)).toString('base64'),
})
