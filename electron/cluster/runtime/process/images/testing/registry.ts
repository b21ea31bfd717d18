import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { BuiltImage } from './image.ts'

export interface TestRegistry extends AsyncDisposable {
  /** `127.0.0.1:<port>`, as in an image's name. */
  host: string
  /** Serves an image; answers its name. */
  push(repository: string, tag: string, image: BuiltImage): string
  /** Serves a document alone, such as an index. */
  pushManifest(
    repository: string,
    reference: string,
    document: { manifest: Buffer; mediaType: string; digest: string },
  ): void
  /** Paths that were asked for, with `range` where there was one. */
  readonly requests: string[]
  /** Called before a blob is sent; may send something else, and then answers true. */
  onBlob: (digest: string, request: IncomingMessage, response: ServerResponse, content: Buffer) => boolean
  /** Called before anything is answered; may answer, and then answers true. */
  onRequest: (request: IncomingMessage, response: ServerResponse) => boolean
}

export interface RegistryOptions {
  /** What it asks for. */
  auth?: 'basic' | 'bearer'
  login?: { username: string; password: string }
  /** Anybody gets a token, which opens nothing else than this repository. */
  open?: string
}

/** A registry on loopback over plain HTTP. */
export async function startRegistry({ auth, login, open }: RegistryOptions = {}): Promise<TestRegistry> {
  const manifests = new Map<string, { manifest: Buffer; mediaType: string }>()
  const blobs = new Map<string, Buffer>()
  const requests: string[] = []
  const expected = login && `Basic ${Buffer.from(`${login.username}:${login.password}`).toString('base64')}`

  const refuse = (response: ServerResponse, status: number, code: string, headers: Record<string, string> = {}) => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers })
    response.end(JSON.stringify({ errors: [{ code, message: code.toLowerCase().replaceAll('_', ' ') }] }))
  }

  const mayRead = (request: IncomingMessage, response: ServerResponse, repository: string): boolean => {
    const { authorization } = request.headers
    if (!auth) return true
    if (auth === 'basic') {
      if (authorization === expected) return true
      refuse(response, 401, 'UNAUTHORIZED', { 'www-authenticate': 'Basic realm="test"' })
      return false
    }
    if (authorization === `Bearer token-for-${repository}`) return true
    const challenge = `Bearer realm="http://${registry.host}/token",service="test",scope="repository:${repository}:pull"`
    refuse(response, 401, 'UNAUTHORIZED', { 'www-authenticate': challenge })
    return false
  }

  const token = (url: URL, request: IncomingMessage, response: ServerResponse) => {
    const repository = url.searchParams.get('scope')?.split(':')[1] ?? ''
    if (request.headers.authorization !== expected && repository !== open) return refuse(response, 401, 'UNAUTHORIZED')
    response.end(JSON.stringify({ token: `token-for-${repository}` }))
  }

  const server = createServer((request, response) => {
    const url = new URL(request.url!, 'http://localhost')
    requests.push([url.pathname, ...(request.headers.range ? [request.headers.range] : [])].join(' '))
    if (registry.onRequest(request, response)) return
    if (url.pathname === '/token') return token(url, request, response)
    if (url.pathname === '/v2/') {
      if (mayRead(request, response, '')) response.end('{}')
      return
    }
    const [, repository = '', kind, reference = ''] =
      /^\/v2\/(.+)\/(manifests|blobs)\/([^/]+)$/.exec(url.pathname) ?? []
    if (!mayRead(request, response, repository)) return
    if (kind === 'manifests') {
      const found = manifests.get(`${repository}/${reference}`)
      if (!found) return refuse(response, 404, 'MANIFEST_UNKNOWN')
      response.writeHead(200, { 'content-type': found.mediaType })
      response.end(found.manifest)
      return
    }
    const content = blobs.get(reference)
    if (!content) return refuse(response, 404, 'BLOB_UNKNOWN')
    if (registry.onBlob(reference, request, response, content)) return
    const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0)
    const range = from ? { 'content-range': `bytes ${from}-${content.length - 1}/${content.length}` } : {}
    response.writeHead(from ? 206 : 200, { 'content-length': content.length - from, ...range })
    response.end(content.subarray(from))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))

  const registry: TestRegistry = {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    onBlob: () => false,
    onRequest: () => false,
    push(repository, tag, image) {
      for (const [digest, content] of image.blobs) blobs.set(digest, content)
      for (const reference of [tag, image.digest]) registry.pushManifest(repository, reference, image)
      return `${registry.host}/${repository}:${tag}`
    },
    pushManifest(repository, reference, { manifest, mediaType }) {
      manifests.set(`${repository}/${reference}`, { manifest, mediaType })
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
  return registry
}
