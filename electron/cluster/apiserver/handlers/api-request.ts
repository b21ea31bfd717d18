import { methodNotSupported, statusFailure, type StatusError } from '#shared/kube/status.ts'
import type { RequestInfo } from '../filters/request-info.ts'
import type { ServedKind } from '../kinds/served-kind.ts'
import type { Subresource, UserInfo } from '../registry/kind.ts'
import type { Exchange, Upgrade } from '../transport/exchange.ts'
import type { Answer, Writing } from './answer.ts'
import type { Operation } from './operation.ts'

/** A request for a resource, after the filters. */
export interface ApiRequest {
  readonly exchange: Exchange
  readonly info: RequestInfo
  readonly user: UserInfo
  readonly query: URLSearchParams
  readonly writing: Writing
  readonly warnings: string[]
  /** Notes something in the audit log; absent where nothing is written of the request. */
  annotate?(key: string, value: string): void
  /** The connection wants to leave HTTP. */
  readonly upgrade?: Upgrade
}

/** Undefined: the handler has answered itself, and goes on answering. */
export type Answering = Answer | undefined | Promise<Answer | undefined>

/** Serves a subresource that is a stream: log, exec, attach, portforward, proxy. */
export type Connector = (request: ApiRequest, op: Operation) => Answering

export const bodyLimit = 3 * 1024 * 1024

export function operationOf(request: ApiRequest, kind: ServedKind, more: Partial<Operation> = {}): Operation {
  const { info, user, exchange, warnings } = request
  return {
    kind,
    subresource: undefined,
    namespace: kind.namespaced && info.namespace !== '' ? info.namespace : undefined,
    name: info.name,
    user,
    dryRun: false,
    manager: managerOf(exchange.header('user-agent')),
    warn: (text) => void warnings.push(text),
    ...(request.annotate ? { annotate: (key, value) => request.annotate!(key, value) } : {}),
    ...more,
  }
}

/** Source: managerOrUserAgent in apiserver/pkg/endpoints/handlers/create.go. */
export function managerOf(userAgent: string | undefined, fieldManager = ''): string {
  if (fieldManager) return fieldManager
  const product = (userAgent ?? '').split('/', 1)[0]!
  return (product || 'unknown').slice(0, 128)
}

export const noSuchResource = (): StatusError =>
  statusFailure(404, 'NotFound', 'the server could not find the requested resource', {})

export const noSuchMethod = (): StatusError =>
  statusFailure(405, 'MethodNotAllowed', 'the server does not allow this method on the requested resource', {})

export function mustServe(kind: ServedKind, subresource: Subresource | undefined, verb: string): void {
  const verbs = subresource ? subresource.verbs : kind.verbs
  if (!(Array.isArray(verbs) ? verbs.includes(verb) : (verbs as ReadonlySet<string>).has(verb))) throw noSuchMethod()
  const reason = subresource ? undefined : kind.definition.refused?.[verb]
  if (reason)
    throw statusFailure(405, 'MethodNotAllowed', reason, methodNotSupported(kind.subject, verb).status.details)
}
