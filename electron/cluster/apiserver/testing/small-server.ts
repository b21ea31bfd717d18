import { connect as connectHttp2, type ClientHttp2Session } from 'node:http2'
import { Agent, request, type RequestOptions } from 'node:https'
import type { IncomingHttpHeaders } from 'node:http'
import { systemClock } from '../../base/clock.ts'
import { silentLogger } from '../../base/logger.ts'
import { systemRandom } from '../../base/random.ts'
import { openMemoryStore } from '../../store/memory.ts'
import type { AuthenticationConfig } from '../authn/oidc/config.ts'
import { memoryKeyFiles } from '../pki/key-files.ts'
import { adminIdentity, openPki, type Identity, type Pki } from '../pki/pki.ts'
import type { KindDefinition } from '../registry/kind.ts'
import { createApiServer, type ApiServer } from '../server.ts'
import { smallKinds } from './kinds.ts'

export interface Answered {
  status: number
  headers: IncomingHttpHeaders
  bytes: Buffer
  text: string
  body: Record<string, unknown>
}

export interface Asking {
  method?: string
  headers?: Record<string, string | string[]>
  body?: unknown
  /** Who asks. Default: the admin; null: nobody. */
  as?: Identity | null
}

export interface SmallServer extends AsyncDisposable {
  api: ApiServer
  pki: Pki
  port: number
  ask(path: string, asking?: Asking): Promise<Answered>
  http2(as?: Identity): ClientHttp2Session
  tls(as?: Identity | null): RequestOptions
}

/** A whole server on a port of this machine, over a memory store. */
export async function smallServer({
  kinds = smallKinds,
  authentication,
}: { kinds?: readonly KindDefinition[]; authentication?: AuthenticationConfig } = {}): Promise<SmallServer> {
  const store = openMemoryStore()
  const pki = openPki({ files: memoryKeyFiles(), clock: systemClock })
  const api = await createApiServer({
    store,
    clock: systemClock,
    random: systemRandom,
    logger: silentLogger,
    pki,
    kinds,
    admission: () => [],
    serviceCidr: '10.96.0.0/16',
    serviceAddress: '10.96.0.1',
    authentication: authentication && (() => authentication),
    freeze: true,
  })
  const { port } = await api.listen({ host: '127.0.0.1', port: 0 })
  const agents = new Map<string, Agent>()
  const tls = (as: Identity | null = adminIdentity): RequestOptions => {
    const client = as && pki.clientFor(as)
    return {
      host: '127.0.0.1',
      port,
      ca: pki.authority,
      ...(client ? { cert: client.certificate, key: client.key } : {}),
    }
  }
  const sessions: ClientHttp2Session[] = []
  return {
    api,
    pki,
    port,
    tls,
    ask: (path, { method = 'GET', headers = {}, body, as = adminIdentity } = {}) =>
      new Promise((resolve, reject) => {
        const key = as?.user ?? ''
        let agent = agents.get(key)
        if (!agent) agents.set(key, (agent = new Agent({ keepAlive: true, maxSockets: 4 })))
        const payload =
          body === undefined || Buffer.isBuffer(body) || typeof body === 'string' ? body : JSON.stringify(body)
        const asking = request(
          {
            ...tls(as),
            agent,
            path,
            method,
            headers: {
              ...(payload === undefined
                ? {}
                : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(payload as string) }),
              ...headers,
            },
          },
          (answer) => {
            const chunks: Buffer[] = []
            answer.on('data', (chunk: Buffer) => chunks.push(chunk))
            answer.once('end', () => {
              const bytes = Buffer.concat(chunks)
              const text = bytes.toString()
              let parsed = {}
              try {
                parsed = JSON.parse(text) as object
              } catch {
                // Not every answer is JSON.
              }
              resolve({
                status: answer.statusCode!,
                headers: answer.headers,
                bytes,
                text,
                body: parsed as Record<string, unknown>,
              })
            })
          },
        )
        asking.once('error', reject)
        asking.end(payload)
      }),
    http2(as = adminIdentity) {
      const client = pki.clientFor(as)
      const session = connectHttp2(`https://127.0.0.1:${port}`, {
        ca: pki.authority,
        cert: client.certificate,
        key: client.key,
      })
      session.on('error', () => {})
      sessions.push(session)
      return session
    },
    async [Symbol.asyncDispose]() {
      await api[Symbol.asyncDispose]()
      for (const agent of agents.values()) agent.destroy()
      for (const session of sessions) session.destroy()
      await store[Symbol.asyncDispose]()
    },
  }
}
