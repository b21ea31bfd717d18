import { gnosticType, type OpenApi } from '../../schema/openapi/open-api.ts'
import type { OpenApiDocument } from '../../schema/openapi/api.ts'
import type { ServiceAccountTokens } from '../authn/service-account-tokens.ts'
import { noSuchMethod, noSuchResource, type ApiRequest } from '../handlers/api-request.ts'
import { jsonAnswer, textAnswer, type Answer } from '../handlers/answer.ts'
import type { KindIndex } from '../kinds/kind-index.ts'
import type { Exchange } from '../transport/exchange.ts'
import type { Document, DocumentSource } from './documents.ts'
import { inForm, wantedDocument } from './forms.ts'
import { healthAnswer, type HealthCheck } from './health.ts'
import { versionInfo } from './version.ts'

export interface PathDeps {
  kinds: KindIndex
  documents: DocumentSource
  openApi: OpenApi
  tokens: ServiceAccountTokens
  /** What must be well for the process to live, and for it to take requests. */
  checks: { live: readonly HealthCheck[]; ready: readonly HealthCheck[] }
  metrics(): string
  /** All that is stored, for snapshots. */
  dump(): Promise<Answer>
}

/** Shown to those who may see everything; no path of Kubernetes. */
export const dumpPath = '/wheelhouse/v1/dump'

/** Serves what is no resource: discovery, OpenAPI, health, version, metrics, the token issuer's documents. */
export function servePath(deps: PathDeps, request: ApiRequest): Answer | undefined | Promise<Answer> {
  const { exchange, info, query, writing } = request
  const { path } = info
  if (exchange.method !== 'GET' && exchange.method !== 'HEAD') {
    if (path.startsWith('/api')) throw noSuchMethod()
    return notFound
  }
  if (path === '/api' || path.startsWith('/api/') || path === '/apis' || path.startsWith('/apis/'))
    return discovery(deps, request)
  switch (path) {
    case '/version':
    case '/version/':
      return jsonAnswer(200, versionInfo, { ...writing, pretty: true })
    case '/openapi/v2':
      return openApiV2(deps.openApi, exchange)
    case '/openapi/v3':
      return document(exchange, deps.openApi.index, 'application/json')
    case dumpPath:
      return deps.dump()
    case '/metrics':
      return { ...textAnswer(200, deps.metrics()), contentType: 'text/plain; version=0.0.4; charset=utf-8' }
    case '/.well-known/openid-configuration':
      return published(exchange, openIdConfiguration(deps.tokens.issuer, exchange), 'application/json')
    case '/openid/v1/jwks':
      return published(exchange, deps.tokens.jwks, 'application/jwk-set+json')
    case '/':
      return jsonAnswer(200, { paths: rootPaths(deps) }, writing)
  }
  if (path.startsWith('/openapi/v3/')) {
    const found = deps.openApi.groupVersion(path.slice('/openapi/v3/'.length))
    return found ? openApiV3(exchange, found, query.get('hash')) : notFound
  }
  for (const root of ['healthz', 'livez', 'readyz']) {
    if (path !== `/${root}` && !path.startsWith(`/${root}/`)) continue
    return healthAnswer(root, path, query, root === 'readyz' ? deps.checks.ready : deps.checks.live) ?? notFound
  }
  return notFound
}

export const notFound: Answer = textAnswer(404, '404 page not found\n')

function discovery({ documents, kinds }: PathDeps, { exchange, info }: ApiRequest): Answer | undefined {
  const address = exchange.header('host') ?? ''
  const isRoot = info.path.split('/').filter(Boolean).length === 1
  const wanted = wantedDocument(exchange.header('accept'), isRoot)
  const found = documents.find(info.path, wanted.aggregated, address)
  if (found) return cached(exchange, inForm(found, wanted.format))
  const [root, group] = info.path.split('/').filter(Boolean)
  // Below a group that is served, upstream answers with a Status; elsewhere nobody is listening.
  if (root === 'api' || (group && kinds.serves(group))) throw noSuchResource()
  return notFound
}

function cached(exchange: Exchange, { body, etag, contentType }: Document): Answer | undefined {
  const headers = ['Content-Type', contentType, 'ETag', etag, 'Vary', 'Accept', 'Cache-Control', 'public']
  if (exchange.header('if-none-match') === etag) exchange.send(304, headers, Buffer.alloc(0))
  else exchange.send(200, headers, body)
  return undefined
}

function openApiV2(openApi: OpenApi, exchange: Exchange): Answer | undefined {
  const accept = exchange.header('accept') ?? ''
  const binary = accept.includes('proto-openapi.spec.v2')
  return document(exchange, openApi.v2(binary ? 'protobuf' : 'json'), binary ? gnosticType : 'application/json')
}

/** A hash in the URL names one content for ever. */
function openApiV3(exchange: Exchange, found: OpenApiDocument, hash: string | null): Answer | undefined {
  return document(
    exchange,
    found,
    'application/json',
    hash === found.hash ? 'public, immutable, max-age=31536000' : 'no-cache, private',
  )
}

function document(
  exchange: Exchange,
  found: OpenApiDocument,
  contentType: string,
  cacheControl = 'no-cache, private',
): undefined {
  const etag = `"${found.hash}"`
  const headers = [
    'Content-Type',
    contentType,
    'ETag',
    etag,
    'Vary',
    'Accept, Accept-Encoding',
    'Cache-Control',
    cacheControl,
  ]
  if (exchange.header('if-none-match') === etag) exchange.send(304, headers, Buffer.alloc(0))
  else if (exchange.header('accept-encoding')?.includes('gzip'))
    exchange.send(200, [...headers, 'Content-Encoding', 'gzip'], found.gzipped)
  else exchange.send(200, headers, found.bytes)
  return undefined
}

/** For whoever checks tokens of this cluster: may be kept for an hour. */
function published(exchange: Exchange, value: object, contentType: string): undefined {
  const headers = ['Content-Type', contentType, 'Cache-Control', 'public, max-age=3600']
  exchange.send(200, headers, Buffer.from(JSON.stringify(value)))
  return undefined
}

const openIdConfiguration = (issuer: string, exchange: Exchange): object => ({
  issuer,
  jwks_uri: `https://${exchange.header('host') ?? ''}/openid/v1/jwks`,
  response_types_supported: ['id_token'],
  subject_types_supported: ['public'],
  id_token_signing_alg_values_supported: ['ES256'],
})

function rootPaths({ kinds, checks }: PathDeps): string[] {
  const paths = new Set([
    '/.well-known/openid-configuration',
    '/api',
    '/apis',
    '/healthz',
    '/livez',
    '/metrics',
    '/openapi/v2',
    '/openapi/v3',
    '/openid/v1/jwks',
    '/readyz',
    '/version',
  ])
  for (const { definition } of kinds.all) {
    if (definition.group) paths.add(`/apis/${definition.group}`)
    paths.add(definition.group ? `/apis/${definition.group}/${definition.version}` : `/api/${definition.version}`)
  }
  for (const { name } of checks.live) paths.add(`/healthz/${name}`).add(`/livez/${name}`)
  for (const { name } of checks.ready) paths.add(`/readyz/${name}`)
  return [...paths].sort()
}
