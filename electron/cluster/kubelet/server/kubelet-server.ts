import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import https from 'node:https'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import type { TLSSocket } from 'node:tls'
import { statusFailure } from '#shared/kube/status.ts'
import type { Clock } from '../../base/clock.ts'
import type { Logger } from '../../base/logger.ts'
import { findPod, HttpError, runningContainer, type Served, type ServedNode } from './host.ts'
import { configuration } from './configuration.ts'
import { isTrue, serveLogs } from './logs.ts'
import { cadvisorMetrics } from './metrics/cadvisor.ts'
import { kubeletMetrics, probeMetrics } from './metrics/kubelet.ts'
import { contentType, formatFamilies, type Family } from './metrics/prometheus.ts'
import { resourceMetrics } from './metrics/resource.ts'
import { sampleNode } from './metrics/sample.ts'
import { statsSummary } from './metrics/summary.ts'
import { serveAttach, serveExec, servePortForward, type StreamDeps } from './streams.ts'
import type { UpgradeRequest } from './upgrade.ts'

export interface ServerTls {
  key: string | Buffer
  cert: string | Buffer
  /** The cluster's CA, which signs the API server's client certificate. */
  clientCa: string | Buffer
}

export interface KubeletServerDeps {
  tls: ServerTls
  host: string
  /** Common names of the clients that may connect. */
  allowedClients?: readonly string[]
  clock: Clock
  logger: Logger
  /** Told in /metrics. */
  version?: string
}

const apiServerClient = 'kube-apiserver-kubelet-client'
/** Of `/run`, milliseconds. */
const runLimit = 60_000

/** The HTTPS server of the nodes of this process: what the API server asks kubelets for, at upstream's paths. */
export class KubeletServer implements AsyncDisposable {
  readonly served: { nodes: ServedNode[]; refusals: Served['refusals'][number][] } = { nodes: [], refusals: [] }
  readonly #deps: KubeletServerDeps
  readonly #server: https.Server
  readonly #upgraded = new Set<Duplex>()

  constructor(deps: KubeletServerDeps) {
    this.#deps = deps
    const { key, cert, clientCa } = deps.tls
    this.#server = https.createServer({ key, cert, ca: clientCa, requestCert: true, rejectUnauthorized: true })
    this.#server.on(
      'request',
      (request: IncomingMessage, response: ServerResponse) => void this.#serve(request, response),
    )
    this.#server.on('upgrade', (request, socket, head) => void this.#upgrade(request, socket, head))
  }

  /** At the first of these ports that nobody has; 0 is any. Rejects with the system's error when none can be had. */
  async listen([port, ...others]: readonly [number, ...number[]]): Promise<void> {
    this.#server.listen(port, this.#deps.host)
    await once(this.#server, 'listening').catch((error: NodeJS.ErrnoException) => {
      const [next, ...rest] = others
      if (next === undefined || error.code !== 'EADDRINUSE') throw error
      return this.listen([next, ...rest])
    })
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections()
    for (const socket of this.#upgraded) socket.destroy()
    await new Promise<void>((resolve) => this.#server.close(() => resolve()))
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      this.#authorize(request)
      await this.#route(request, response)
    } catch (error) {
      const { code, message } = error instanceof HttpError ? error : { code: 500, message: (error as Error).message }
      if (response.headersSent) return void response.destroy()
      response.writeHead(code, { 'Content-Type': 'text/plain; charset=utf-8' }).end(`${message}\n`)
    }
  }

  async #route(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { served } = this
    const { clock } = this.#deps
    const [root = '', parameters, query] = parse(request)
    const json = (body: unknown) =>
      response.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify(body))
    switch (root) {
      case 'healthz':
        // Named checks are one with the whole: a server that answers has passed them.
        if (parameters[0] && !['ping', 'log', 'syncloop'].includes(parameters[0])) break
        response.writeHead(200, { 'Content-Type': 'text/plain' }).end('ok')
        return
      case 'containerLogs':
        return serveLogs({ served, clock }, parameters, query, response)
      case 'pods':
      case 'runningpods':
        json({ kind: 'PodList', apiVersion: 'v1', metadata: {}, items: served.nodes.flatMap(({ pods }) => pods) })
        return
      case 'stats':
        if (parameters[0] !== 'summary') break
        return void json(
          await statsSummary(served.nodes, clock, {
            asked: askedNode(request),
            onlyCpuAndMemory: isTrue(query, 'only_cpu_and_memory'),
          }),
        )
      case 'metrics': {
        const families = await this.#metrics(parameters[0])
        if (!families) break
        response.writeHead(200, { 'Content-Type': contentType }).end(formatFamilies(families))
        return
      }
      case 'configz':
        return void json({ kubeletconfig: configuration(served.nodes[0]) })
      case 'run':
        return this.#run(parameters, query, request, response)
      case 'exec':
      case 'attach':
      case 'portForward':
        throw new HttpError(400, 'Upgrade request required')
    }
    throw new HttpError(404, '404 page not found')
  }

  async #metrics(part: string | undefined): Promise<Family[] | undefined> {
    const { nodes } = this.served
    const { clock, version = '' } = this.#deps
    const samples = () => Promise.all(nodes.map(sampleNode))
    if (part === undefined) return kubeletMetrics(nodes, clock, version)
    if (part === 'probes') return probeMetrics(nodes)
    if (part === 'resource') return resourceMetrics(await samples(), clock)
    return part === 'cadvisor' ? cadvisorMetrics(await samples()) : undefined
  }

  async #run(
    [namespace = '', name = '', ...rest]: string[],
    query: URLSearchParams,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    if (request.method !== 'POST') throw new HttpError(405, '405: Method Not Allowed')
    const { node, pod } = findPod(this.served, namespace, name)
    const { id } = await runningContainer(node, pod, rest.at(-1) ?? '')
    const { stdout, stderr } = await node.runtime.execSync(id, (query.get('cmd') ?? '').split(' '), runLimit)
    response.writeHead(200, { 'Content-Type': 'text/plain' }).end(Buffer.concat([stdout, stderr]))
  }

  async #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const { clock, logger } = this.#deps
    socket.on('error', () => {})
    this.#upgraded.add(socket)
    const upgrade: UpgradeRequest = { request, socket, head, answered: false }
    socket.once('close', () => this.#upgraded.delete(socket))
    try {
      this.#authorize(request)
      const [root = '', parameters, query] = parse(request)
      const handlers = { exec: serveExec, attach: serveAttach, portForward: servePortForward }
      const handler = handlers[root as keyof typeof handlers]
      if (!handler) throw new HttpError(404, '404 page not found')
      const deps: StreamDeps = { served: this.served, clock, logger }
      await handler(deps, parameters, query, upgrade)
    } catch (error) {
      if (upgrade.answered) socket.end()
      else refuse(socket, error as Error)
      if (!(error instanceof HttpError))
        logger.debug('a stream failed', { url: request.url, error: (error as Error).message })
    }
  }

  /** TLS has verified the certificate; here it is looked at whose it is. */
  #authorize(request: IncomingMessage): void {
    const allowed = this.#deps.allowedClients ?? [apiServerClient]
    const name = (request.socket as TLSSocket).getPeerCertificate().subject?.CN
    if (![name].flat().some((one) => allowed.includes(one ?? ''))) throw new HttpError(403, 'Forbidden')
  }
}

/** The node that the client means, which it tells by the server name; '' where it tells none. */
const askedNode = (request: IncomingMessage): string =>
  (request.socket as TLSSocket & { servername?: string | false }).servername || ''

function parse(request: IncomingMessage): [root: string | undefined, parameters: string[], query: URLSearchParams] {
  const url = new URL(request.url ?? '/', 'https://kubelet')
  const [, root, ...rest] = url.pathname.split('/')
  return [root, rest.filter(Boolean).map(decodeURIComponent), url.searchParams]
}

const reasons: Record<number, string> = {
  400: 'Bad Request',
  403: 'Forbidden',
  404: 'Not Found',
  500: 'Internal Server Error',
}

/**
 * An upgrade that is refused is answered on the bare connection. In plain text, as upstream does; but kubectl takes a
 * text with a colon for YAML and shows nothing of it, so such a text goes as a Status.
 */
function refuse(socket: Duplex, error: Error): void {
  const code = error instanceof HttpError ? error.code : 500
  const plain = !error.message.includes(': ')
  const body = plain
    ? `${error.message}\n`
    : JSON.stringify(statusFailure(code, statusReasons[code] ?? '', error.message).status)
  const head = [
    `HTTP/1.1 ${code} ${reasons[code] ?? 'Error'}`,
    `Content-Type: ${plain ? 'text/plain; charset=utf-8' : 'application/json'}`,
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Connection: close',
  ]
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`)
}

const statusReasons: Record<number, string> = {
  400: 'BadRequest',
  403: 'Forbidden',
  404: 'NotFound',
  500: 'InternalError',
}
