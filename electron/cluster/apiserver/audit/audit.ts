import type { KubeObject } from '#shared/kube/object.ts'
import { unauthorized, type Status } from '#shared/kube/status.ts'
import { microTimestamp, type Clock } from '../../base/clock.ts'
import type { Random } from '../../base/random.ts'
import type { Attributes, Decision } from '../authz/authorizer.ts'
import type { Impersonated } from '../authn/impersonation.ts'
import { shownUser } from '../registry/authentication/user-info.ts'
import type { Exchange } from '../transport/exchange.ts'
import type { Answer } from '../handlers/answer.ts'
import { readable, withoutManagedFields, type TypeOf } from './bodies.ts'
import type { AuditPolicy, Stage, Verdict } from './policy.ts'

export interface AuditDeps {
  clock: Pick<Clock, 'now'>
  random: Pick<Random, 'uuid'>
  policy: AuditPolicy
  typeOf: TypeOf
  write(line: string): void
}

/** What an audit reads of a request, and the headers that it adds to. */
export type Audited = Pick<Exchange, 'target' | 'common' | 'answered' | 'received' | 'header'> & {
  readonly peer: { readonly address: string }
}

/** What is written down of one request. */
export interface Trail {
  /** Answers must be whole, to be written down. */
  readonly takesBodies: boolean
  readonly annotations: Record<string, string>
  impersonated(as: Impersonated): void
  decided(decision: Decision): void
  /** The answer goes on: a watch, a log. */
  started(): void
  /** `answer` where one was made at once. */
  completed(answer: Answer | undefined): void
}

/** Events of audit.k8s.io/v1, one JSON line for each stage that the policy wants. Source: apiserver/pkg/audit. */
export class Audit {
  readonly #deps: AuditDeps

  constructor(deps: AuditDeps) {
    this.#deps = deps
  }

  /** Undefined: the policy wants nothing of it. `asked.user` is who sent the request. */
  begin(exchange: Audited, asked: Attributes): Trail | undefined {
    const verdict = this.#deps.policy.verdict(asked)
    if (verdict.level === 'None') return undefined
    return new RequestTrail(this.#deps, verdict, exchange, asked)
  }

  /** Somebody whom nobody knows. */
  refused(exchange: Audited, asked: Attributes): void {
    const trail = this.begin(exchange, asked)
    if (!trail) return
    const { status } = unauthorized()
    const message = 'Authentication failed, attempted: bearer'
    trail.completed({
      status: 401,
      contentType: 'application/json',
      body: Buffer.from(JSON.stringify({ ...status, message })),
    })
  }
}

class RequestTrail implements Trail {
  readonly annotations: Record<string, string> = {}
  readonly #deps: AuditDeps
  readonly #verdict: Verdict
  readonly #exchange: Audited
  readonly #asked: Attributes
  readonly #received: number
  readonly #id: string
  #as: Impersonated | undefined
  #named: KubeObject['metadata']
  #done = false

  constructor(deps: AuditDeps, verdict: Verdict, exchange: Audited, asked: Attributes) {
    this.#deps = deps
    this.#verdict = verdict
    this.#exchange = exchange
    this.#asked = asked
    this.#received = deps.clock.now()
    this.#id = exchange.header('audit-id')?.slice(0, 64) || deps.random.uuid()
    exchange.common = [...exchange.common, 'Audit-Id', this.#id]
    this.#log('RequestReceived', {})
  }

  get takesBodies(): boolean {
    return this.#verdict.level === 'RequestResponse'
  }

  impersonated(as: Impersonated): void {
    this.#as = as
  }

  decided({ allowed, reason }: Decision): void {
    this.annotations['authorization.k8s.io/decision'] = allowed ? 'allow' : 'forbid'
    this.annotations['authorization.k8s.io/reason'] = reason
  }

  started(): void {
    this.#log('ResponseStarted', this.#outcome(undefined))
  }

  completed(answer: Answer | undefined): void {
    if (this.#done) return
    this.#done = true
    this.#log('ResponseComplete', this.#outcome(answer))
  }

  #outcome(answer: Answer | undefined): object {
    const code = answer?.status ?? this.#exchange.answered ?? 200
    const isRequest = this.#verdict.level === 'Request' || this.#verdict.level === 'RequestResponse'
    const sent = isRequest || this.#isNamedByBody ? this.#sent() : undefined
    const requestObject = isRequest ? sent : undefined
    const isShown = this.takesBodies && answer
    const body = answer && (isShown || code >= 400) ? bodyOf(answer, this.#deps.typeOf) : undefined
    const responseObject = isShown ? body : undefined
    if (this.#isNamedByBody) this.#named = (sent as KubeObject | undefined)?.metadata
    return {
      responseStatus: code >= 400 ? statusOf(body, code) : { metadata: {}, code },
      ...(requestObject === undefined ? {} : { requestObject: this.#shown(requestObject) }),
      ...(responseObject === undefined ? {} : { responseObject: this.#shown(responseObject) }),
    }
  }

  #sent(): unknown {
    return readable(this.#exchange.received, this.#exchange.header('content-type'), this.#deps.typeOf)
  }

  /** Whether the object that was sent says more of what it is about than the URL does. */
  get #isNamedByBody(): boolean {
    const { isResource, verb } = this.#asked
    return isResource && (verb === 'create' || verb === 'update')
  }

  #shown(value: unknown): unknown {
    return this.#verdict.omitManagedFields ? withoutManagedFields(value) : value
  }

  #log(stage: Stage, outcome: { responseStatus?: object; requestObject?: unknown; responseObject?: unknown }): void {
    if (this.#verdict.omitted.has(stage)) return
    const { clock, write } = this.#deps
    const { user, verb, isResource } = this.#asked
    const userAgent = this.#exchange.header('user-agent')
    const event = {
      kind: 'Event',
      apiVersion: 'audit.k8s.io/v1',
      level: this.#verdict.level,
      auditID: this.#id,
      stage,
      requestURI: this.#exchange.target,
      verb,
      user: shownUser(user),
      ...(this.#as ? { impersonatedUser: shownUser(this.#as.user) } : {}),
      ...(this.#as?.constraint ? { authenticationMetadata: { impersonationConstraint: this.#as.constraint } } : {}),
      sourceIPs: [sourceOf(this.#exchange)],
      ...(userAgent ? { userAgent } : {}),
      ...(isResource ? { objectRef: referenceOf(this.#asked, this.#named) } : {}),
      ...outcome,
      requestReceivedTimestamp: microTimestamp(this.#received),
      stageTimestamp: microTimestamp(clock.now()),
      ...(Object.keys(this.annotations).length ? { annotations: this.annotations } : {}),
    }
    write(JSON.stringify(event))
  }
}

function referenceOf(
  { group, version, resource, subresource, namespace, name }: Attributes,
  metadata: KubeObject['metadata'] = {},
): object {
  const { uid, resourceVersion } = metadata
  return {
    resource,
    ...(namespace ? { namespace } : {}),
    ...(name || metadata.name ? { name: name || metadata.name } : {}),
    ...(uid ? { uid } : {}),
    ...(group ? { apiGroup: group } : {}),
    apiVersion: version,
    ...(resourceVersion ? { resourceVersion } : {}),
    ...(subresource ? { subresource } : {}),
  }
}

/** An IPv4 address as such, also on a socket for both. */
const sourceOf = ({ peer }: Audited): string => peer.address.replace(/^::ffff:/, '')

function bodyOf({ body, contentType }: Answer, typeOf: TypeOf): unknown {
  return Buffer.isBuffer(body) ? readable(body, contentType, typeOf) : undefined
}

function statusOf(body: unknown, code: number): object {
  const { status, message, reason, details } = (body ?? {}) as Partial<Status>
  return {
    metadata: {},
    ...(status ? { status } : {}),
    ...(message ? { message } : {}),
    ...(reason ? { reason } : {}),
    ...(details ? { details } : {}),
    code,
  }
}
