import http, { type IncomingMessage, type ServerResponse } from 'node:http'
import https, { type ServerOptions } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { gzipSync } from 'node:zlib'
import { WebSocketServer, type WebSocket } from 'ws'
import type { KubeObject } from '#shared/kube/object.ts'
import { conflict, expired, invalid, notFound, statusFailure, StatusError, unauthorized } from '#shared/kube/status.ts'
import { accessOf, type Access } from '../connections/kubeconfigs.ts'
import { isOf, patched, selects, FakeStore, type Collection } from './fake-store.ts'

export interface FakeRequest {
  method: string
  path: string
  query: URLSearchParams
  headers: http.IncomingHttpHeaders
  body: string
}

/** What a fault does instead of an answer: a Status, any answer, the connection cut, or nothing at all. */
export type Fault = StatusError | { code?: number; body: unknown; headers?: Record<string, string> } | 'cut' | 'silence'

export interface FakeResource extends Collection {
  kind: string
  namespaced: boolean
  verbs?: string[]
}

/** The collections of a Table besides Name and Age. */
export interface FakeTable {
  columns: { name: string; type: string; priority?: number }[]
  cells(object: KubeObject): unknown[]
}

export const podsOf = (namespace?: string): Collection => ({
  group: '',
  version: 'v1',
  plural: 'pods',
  ...(namespace ? { namespace } : {}),
})

/** Enough of an API server to connect to, on loopback; over plain HTTP unless it gets certificates. */
export class FakeApiServer implements AsyncDisposable {
  /** Stays while the server is away. */
  port = 0
  readonly store = new FakeStore()
  /** Every request so far, in order. */
  readonly requests: FakeRequest[] = []
  /** Asked before anything else; what it returns is the answer. */
  fault: (request: FakeRequest) => Fault | undefined = () => undefined
  /** Undefined: everybody may come in. */
  tokens: Set<string> | undefined
  resources: FakeResource[] = [{ group: '', version: 'v1', plural: 'pods', kind: 'Pod', namespaced: true }]
  /** Discovery as since 1.26. */
  aggregated = true
  zipped = false
  tables = new Map<string, FakeTable>()
  openapi: Record<string, object> = {}
  warnings: string[] = []
  /** Log streams by `namespace/pod`, oldest first. */
  logs: { target: string; query: URLSearchParams; write(text: string): void; end(): void; cut(): void }[] = []
  /** What an exec, attach or port-forward meets. */
  onSocket: (socket: WebSocket, request: FakeRequest) => void = (socket) => socket.close()
  onConnection: (socket: Socket) => void = () => {}
  #server: http.Server
  #scheme: string
  #sockets = new WebSocketServer({ noServer: true, handleProtocols: (offered) => [...offered][0] ?? false })
  #watches = new Set<{ collection: Collection; response: ServerResponse; table: boolean }>()
  #connections = new Set<Socket>()

  constructor(tls?: ServerOptions) {
    const serve = (request: IncomingMessage, response: ServerResponse) => void this.#serve(request, response)
    this.#server = tls ? https.createServer(tls, serve) : http.createServer(serve)
    this.#scheme = tls ? 'https' : 'http'
    this.#server.on(tls ? 'secureConnection' : 'connection', (socket: Socket) => {
      this.onConnection(socket)
      this.#connections.add(socket)
      socket.on('close', () => this.#connections.delete(socket))
    })
    this.#server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) =>
      this.#upgrade(request, socket, head),
    )
  }

  static async start(tls?: ServerOptions): Promise<FakeApiServer> {
    const server = new FakeApiServer(tls)
    await server.listen(0)
    return server
  }

  async listen(port: number): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(port, '127.0.0.1', resolve))
    this.port = (this.#server.address() as AddressInfo).port
  }

  get url(): string {
    return `${this.#scheme}://127.0.0.1:${this.port}`
  }
  get connections(): number {
    return this.#connections.size
  }
  get watching(): number {
    return this.#watches.size
  }

  access(user: Parameters<typeof accessOf>[2] & { token?: string } = {}): Access {
    const { token, ...raw } = user
    return accessOf(
      { name: 'fake', server: this.url, skipTLSVerify: false },
      { name: 'user', ...(token ? { token } : {}) },
      raw,
    )
  }

  /** A kubeconfig of one context. */
  kubeconfig(context = 'fake', token = 'token'): string {
    return JSON.stringify({
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [{ name: 'c', cluster: { server: this.url } }],
      users: [{ name: 'u', user: { token } }],
      contexts: [{ name: context, context: { cluster: 'c', user: 'u' } }],
    })
  }

  asked(pattern: RegExp): FakeRequest[] {
    return this.requests.filter(({ method, path, query }) => pattern.test(`${method} ${path}?${query}`))
  }

  /** Tells all watches how far they have come. */
  bookmark(): void {
    for (const watch of this.#watches) {
      const metadata = { resourceVersion: String(this.store.revision) }
      this.#event(watch, 'BOOKMARK', watch.table ? { kind: 'Table', metadata } : { metadata })
    }
  }

  /** Ends all watches: well, in the middle of a line, or with an ERROR event. */
  endWatches(how: 'well' | 'cut' | StatusError = 'well'): void {
    for (const watch of this.#watches) {
      if (how === 'cut') {
        watch.response.write('{"type":"ADD')
        watch.response.socket?.destroy()
        continue
      }
      if (how !== 'well') this.#event(watch, 'ERROR', how.status)
      watch.response.end()
    }
  }

  /** Away for good, or until {@link listen}. */
  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve))
    for (const socket of this.#connections) socket.destroy()
    await closed
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#server.listening) await this.close()
  }

  #note(request: IncomingMessage, body: string): FakeRequest {
    const url = new URL(request.url ?? '/', this.url)
    const noted = {
      method: request.method ?? '',
      path: decodeURIComponent(url.pathname),
      query: url.searchParams,
      headers: request.headers,
      body,
    }
    this.requests.push(noted)
    return noted
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let body = ''
    for await (const chunk of request) body += String(chunk)
    const noted = this.#note(request, body)
    try {
      const fault = this.#refusal(noted)
      if (fault === 'silence') return
      if (fault === 'cut') return void request.socket.destroy()
      if (fault instanceof StatusError) throw fault
      if (fault) return this.#send(response, fault.code ?? 200, fault.body, fault.headers)
      this.#answer(noted, response)
    } catch (error) {
      if (!(error instanceof StatusError)) throw error
      this.#send(response, error.code, error.status)
    }
  }

  #refusal(request: FakeRequest): Fault | undefined {
    const allowed =
      this.tokens === undefined || this.tokens.has(/^Bearer (.*)$/.exec(request.headers.authorization ?? '')?.[1] ?? '')
    return allowed ? this.fault(request) : unauthorized()
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const noted = this.#note(request, '')
    const fault = this.#refusal(noted)
    if (fault === 'cut') return void socket.destroy()
    if (fault instanceof StatusError) {
      const body = JSON.stringify(fault.status)
      return void socket.end(
        `HTTP/1.1 ${fault.code} No\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\nconnection: close\r\n\r\n${body}`,
      )
    }
    if (fault === undefined)
      this.#sockets.handleUpgrade(request, socket, head, (opened) => this.onSocket(opened, noted))
  }

  #send(response: ServerResponse, code: number, body: unknown, headers: Record<string, string> = {}): void {
    const text = typeof body === 'string' ? body : JSON.stringify(body)
    for (const warning of this.warnings)
      response.appendHeader('warning', `299 - "${warning.replace(/["\\]/g, '\\$&')}"`)
    const packed = this.zipped ? gzipSync(text) : text
    response
      .writeHead(code, {
        'content-type': 'application/json',
        ...(this.zipped ? { 'content-encoding': 'gzip' } : {}),
        ...headers,
      })
      .end(packed)
  }

  #answer(request: FakeRequest, response: ServerResponse): void {
    const { path, query, method } = request
    if (path === '/version') return this.#send(response, 200, { gitVersion: 'v1.36.0-fake' })
    if (path === '/openapi/v3')
      return this.#send(response, 200, {
        paths: Object.fromEntries(
          Object.keys(this.openapi).map((name) => [name, { serverRelativeURL: `/openapi/v3/${name}?hash=1` }]),
        ),
      })
    const document = this.openapi[path.replace('/openapi/v3/', '')]
    if (document) return this.#send(response, 200, document)
    const discovered = this.#discovery(path, request.headers.accept ?? '')
    if (discovered) return this.#send(response, 200, discovered)
    const match =
      /^\/(?:api\/(v1)|apis\/([^/]+)\/([^/]+))(?:\/namespaces\/([^/]+))?\/([^/]+)(?:\/([^/]+))?(?:\/([^/]+))?$/.exec(
        path,
      )
    if (!match) throw notFound({ group: '', plural: 'paths' }, path)
    const [, core, group = '', version = core ?? '', namespace, plural = '', name, subresource] = match
    // As a cluster without a metrics server; a test that wants one answers for it.
    if (group === 'metrics.k8s.io') throw notFound({ group: '', plural: 'paths' }, path)
    const collection: Collection = { group, version, plural, ...(namespace ? { namespace } : {}) }
    const table = (request.headers.accept ?? '').includes('as=Table')
      ? (this.tables.get(plural) ?? { columns: [], cells: () => [] })
      : undefined
    if (name === undefined && query.get('watch')) return this.#watch(collection, query, response, table)
    if (name === undefined && method === 'POST')
      return this.#send(response, 201, this.store.put(collection, JSON.parse(request.body) as KubeObject))
    if (name === undefined) return this.#list(collection, query, response, table)
    const object = this.store.get(collection, name)
    if (subresource === 'log') return this.#log(`${namespace}/${name}`, query, response)
    const applies = request.headers['content-type'] === 'application/apply-patch+yaml'
    if (!object && !(method === 'PATCH' && applies)) throw notFound(collection, name)
    const dry = query.get('dryRun') === 'All'
    if (method === 'DELETE') return this.#send(response, 200, this.store.remove(collection, name))
    if (method === 'PATCH' || method === 'PUT') {
      const change = JSON.parse(request.body) as KubeObject
      if (method === 'PUT' && change.metadata?.resourceVersion !== object?.metadata?.resourceVersion)
        throw conflict(collection, name, 'the object has been modified')
      if ('bad' in change)
        throw invalid({ group, kind: change.kind ?? '' }, name, [
          { type: 'FieldValueInvalid', field: 'bad', message: 'Invalid value' },
        ])
      const next =
        method === 'PUT' ? change : patched(object ?? { metadata: {} }, String(request.headers['content-type']), change)
      const same = JSON.stringify(next) === JSON.stringify(object)
      return this.#send(
        response,
        object ? 200 : 201,
        dry || same
          ? { ...next, metadata: { uid: 'dry', ...next.metadata, name } }
          : this.store.put(collection, { ...next, metadata: { ...next.metadata, name } }),
      )
    }
    this.#send(response, 200, object)
  }

  #discovery(path: string, accept: string): object | undefined {
    const groups = [...new Set(this.resources.map(({ group }) => group))].filter((group) => path !== '/apis' || group)
    const versions = (group: string) => [
      ...new Set(this.resources.filter((r) => r.group === group).map(({ version }) => version)),
    ]
    const verbs = ['get', 'list', 'watch', 'create', 'update', 'patch', 'delete']
    const of = (group: string, version: string) =>
      this.resources.filter((r) => r.group === group && r.version === version)
    if ((path === '/api' || path === '/apis') && this.aggregated && accept.includes('APIGroupDiscoveryList')) {
      const shown = path === '/api' ? [''] : groups
      return {
        kind: 'APIGroupDiscoveryList',
        items: shown.map((group) => ({
          metadata: { name: group },
          versions: versions(group).map((version) => ({
            version,
            resources: of(group, version).map((r) => ({
              resource: r.plural,
              responseKind: { kind: r.kind },
              scope: r.namespaced ? 'Namespaced' : 'Cluster',
              singularResource: r.kind.toLowerCase(),
              verbs: r.verbs ?? verbs,
            })),
          })),
        })),
      }
    }
    if (path === '/api') return { versions: ['v1'] }
    if (path === '/apis')
      return {
        groups: groups.map((group) => {
          const all = versions(group).map((version) => ({ version, groupVersion: `${group}/${version}` }))
          return { name: group, versions: [...all].reverse(), preferredVersion: all[0] }
        }),
      }
    const [, core, group = '', version = core ?? ''] = /^\/(?:api\/([^/]+)|apis\/([^/]+)\/([^/]+))$/.exec(path) ?? []
    if (!version) return undefined
    const found = of(group, version)
    const resources = found.flatMap((r) => [
      {
        name: r.plural,
        singularName: r.kind.toLowerCase(),
        kind: r.kind,
        namespaced: r.namespaced,
        verbs: r.verbs ?? verbs,
      },
      { name: `${r.plural}/status`, singularName: '', kind: r.kind, namespaced: r.namespaced, verbs: ['get'] },
    ])
    return { kind: 'APIResourceList', resources }
  }

  #list(collection: Collection, query: URLSearchParams, response: ServerResponse, table: FakeTable | undefined): void {
    const all = this.store.list(collection, query)
    const [start, revision] = query.get('continue')
      ? (JSON.parse(query.get('continue')!) as [number, number])
      : [0, this.store.revision]
    if (revision < this.store.compacted)
      throw expired('The provided continue parameter is too old to display a consistent list result.')
    const limit = Number(query.get('limit')) || all.length
    const items = all.slice(start, start + limit)
    const left = all.length - start - items.length
    const metadata = {
      resourceVersion: String(revision),
      ...(left > 0 ? { continue: JSON.stringify([start + limit, revision]), remainingItemCount: left } : {}),
    }
    this.#send(response, 200, table ? tableOf(table, items, metadata, true) : { kind: 'List', metadata, items })
  }

  #watch(collection: Collection, query: URLSearchParams, response: ServerResponse, table: FakeTable | undefined): void {
    const from = Number(query.get('resourceVersion'))
    if (from < this.store.compacted) throw expired(`too old resource version: ${from} (${this.store.compacted})`)
    if (from > this.store.revision)
      throw statusFailure(504, 'Timeout', `Too large resource version: ${from}, current: ${this.store.revision}`, {
        causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }],
      })
    response.writeHead(200, { 'content-type': 'application/json' })
    response.flushHeaders()
    const watch = { collection, response, table: table !== undefined }
    let first = true
    const tell = (event: Parameters<Parameters<FakeStore['onEvent']>[0]>[0]) => {
      if (!isOf(collection, event) || !selects(collection, query, event.object)) return
      const metadata = { resourceVersion: String(event.revision) }
      this.#event(watch, event.type, table ? tableOf(table, [event.object], metadata, first) : event.object)
      first = false
    }
    this.#watches.add(watch)
    for (const event of this.store.eventsSince(from)) tell(event)
    const stop = this.store.onEvent(tell)
    response.on('close', () => {
      stop()
      this.#watches.delete(watch)
    })
  }

  #event({ response }: { response: ServerResponse }, type: string, object: unknown): void {
    response.write(`${JSON.stringify({ type, object })}\n`)
  }

  #log(target: string, query: URLSearchParams, response: ServerResponse): void {
    response.writeHead(200, { 'content-type': 'text/plain' })
    this.logs.push({
      target,
      query,
      write: (text) => response.write(text),
      end: () => response.end(),
      cut: () => response.socket?.destroy(),
    })
  }
}

/** As the real one: columns are told in the first table of a stream only, objects are their metadata alone. */
function tableOf(table: FakeTable, objects: KubeObject[], metadata: object, first: boolean): object {
  const ends = [
    { name: 'Name', type: 'string', priority: 0 },
    ...table.columns.map((column) => ({ priority: 0, ...column })),
    { name: 'Age', type: 'string', priority: 0 },
  ]
  return {
    kind: 'Table',
    metadata,
    ...(first ? { columnDefinitions: ends } : {}),
    rows: objects.map((object) => ({
      cells: [object.metadata?.name, ...table.cells(object), '5s'],
      object: { kind: 'PartialObjectMetadata', metadata: object.metadata },
    })),
  }
}
