import { internal, StatusError, timeout } from '#shared/kube/status.ts'
import type { Clock } from '../../base/clock.ts'
import type { Logger } from '../../base/logger.ts'
import type { Audit, Trail } from '../audit/audit.ts'
import type { Authenticate } from '../authn/authenticate.ts'
import { impersonated } from '../authn/impersonation.ts'
import { anonymous } from '../authn/user.ts'
import { refusal, type Attributes, type Authorizer } from '../authz/authorizer.ts'
import type { FlowControl } from '../flow-control/flow-control.ts'
import { plainJson, statusAnswer, textAnswer, wholeBody, type Answer, type Writing } from '../handlers/answer.ts'
import type { Answering, ApiRequest } from '../handlers/api-request.ts'
import { plainFormat } from '../handlers/media.ts'
import type { UserInfo } from '../registry/kind.ts'
import type { Exchange, Upgrade } from '../transport/exchange.ts'
import { attributesOf } from './attributes.ts'
import type { RequestMetrics } from './metrics.ts'
import { isTrue, requestInfo, type RequestInfo } from './request-info.ts'
import { send } from './send.ts'

export interface PipelineDeps {
  clock: Clock
  logger: Logger
  authenticate: Authenticate
  authorizer: Authorizer
  metrics: RequestMetrics
  flowControl: FlowControl
  /** Absent: nothing is written down. */
  audit?: Audit | undefined
  serveResource(request: ApiRequest): Answering
  /** Everything that is no resource. */
  servePath(request: ApiRequest): Answering
}

/** Longer than this nobody waits for an answer that is not a stream. */
const requestTimeout = 60_000
const noQuery = new URLSearchParams()

/**
 * The way of every request: who asks, whether it is its turn, may they, what for; and the one place where failures
 * become answers.
 */
export function pipeline(deps: PipelineDeps): (exchange: Exchange, upgrade?: Upgrade) => void {
  return (exchange, upgrade) => new Passage(deps, exchange, upgrade).enter()
}

/** One request on its way. */
class Passage {
  readonly #deps: PipelineDeps
  readonly #exchange: Exchange
  readonly #upgrade: Upgrade | undefined
  readonly #info: RequestInfo
  readonly #warnings: string[] = []
  #writing = plainJson
  #trail: Trail | undefined
  #sent = false

  constructor(deps: PipelineDeps, exchange: Exchange, upgrade: Upgrade | undefined) {
    this.#deps = deps
    this.#exchange = exchange
    this.#upgrade = upgrade
    this.#info = requestInfo(exchange.method, exchange.target)
  }

  enter(): void {
    try {
      const sender = this.#deps.authenticate(this.#exchange)
      if (!(sender instanceof Promise)) return this.#known(sender)
      void sender.then((user) => this.#known(user)).catch((error: unknown) => this.#unknown(error))
    } catch (error) {
      this.#unknown(error)
    }
  }

  #unknown(error: unknown): void {
    this.#deps.audit?.refused(this.#exchange, attributesOf(this.#info, { name: '', groups: anonymous.groups }))
    this.#fail(error)
  }

  #known(user: UserInfo): void {
    try {
      const asked = attributesOf(this.#info, user)
      this.#trail = this.#deps.audit?.begin(this.#exchange, asked)
      const as = impersonated(this.#exchange, this.#deps.authorizer, asked)
      if (as) this.#trail?.impersonated(as)
      this.#queue(as ? { ...asked, user: as.user } : asked)
    } catch (error) {
      this.#fail(error)
    }
  }

  /** Streams wait for nobody: they are few, and watches hold their seat only until they run. */
  #queue(attributes: Attributes): void {
    if (this.#info.verb !== 'watch' && isLongRunning(this.#info)) return void this.#serve(attributes)
    const { flowControl } = this.#deps
    const flow = flowControl.classify(attributes)
    if (flow) this.#exchange.common = [...this.#exchange.common, ...flow.headers]
    if (!flow || flow.level.isExempt) return void this.#serve(attributes)
    flowControl.admit(flow, attributes, {
      gone: () => this.#exchange.closed,
      start: () => this.#serve(attributes),
      reject: () => {
        this.#exchange.common = [...this.#exchange.common, 'Retry-After', '1', 'X-Content-Type-Options', 'nosniff']
        this.#finish(textAnswer(429, 'Too many requests, please try again later.\n'))
      },
    })
  }

  /** Undefined: it is over. */
  #serve(attributes: Attributes): Promise<unknown> | undefined {
    const { authorizer, clock, serveResource, servePath } = this.#deps
    try {
      const decision = authorizer.authorize(attributes)
      this.#trail?.decided(decision)
      if (!decision.allowed) throw refusal(attributes, decision.reason)
      const request = this.#request(attributes.user)
      const answering = this.#info.isResource ? serveResource(request) : servePath(request)
      if (!(answering instanceof Promise)) {
        this.#finish(answering)
        return undefined
      }
      const late = () => this.#fail(timeout('request did not complete within the allotted timeout'))
      const cancel = isLongRunning(this.#info) ? () => {} : clock.after(requestTimeout, late)
      return answering
        .then(
          (answer) => this.#finish(answer),
          (error: unknown) => this.#fail(error),
        )
        .finally(cancel)
    } catch (error) {
      this.#fail(error)
      return undefined
    }
  }

  #request(user: UserInfo): ApiRequest {
    const info = this.#info
    const exchange = this.#exchange
    const trail = this.#trail
    const query = info.search ? new URLSearchParams(info.search) : noQuery
    this.#writing = writingOf(exchange, query)
    return {
      exchange,
      info,
      user,
      query,
      warnings: this.#warnings,
      writing: this.#writing,
      ...(this.#upgrade ? { upgrade: this.#upgrade } : {}),
      ...(trail ? { annotate: (key: string, value: string) => void (trail.annotations[key] = value) } : {}),
    }
  }

  #finish(made: Answer | undefined): void {
    if (this.#sent) return
    this.#sent = true
    const exchange = this.#exchange
    // What is written down of an answer cannot be made while it is sent.
    const answer = made && this.#trail?.takesBodies ? { ...made, body: wholeBody(made) } : made
    if (answer && !exchange.closed) this.#send(answer)
    count(this.#deps.metrics, this.#info, answer?.status ?? exchange.answered ?? 200)
    const trail = this.#trail
    if (!trail) return
    if (answer || exchange.closed) return trail.completed(answer)
    if (isLongRunning(this.#info)) trail.started()
    exchange.onClose(() => trail.completed(undefined))
  }

  #send(answer: Answer): void {
    /** An answer that could not be made: a failure is sent unless part of it is gone already. */
    const breakOff = (error: unknown) => void send(this.#exchange, this.#failure(error), this.#warnings)
    try {
      send(this.#exchange, answer, this.#warnings)?.catch(breakOff)
    } catch (error) {
      breakOff(error)
    }
  }

  #failure(error: unknown): Answer {
    return failureAnswer(this.#deps.logger, this.#info, error, this.#writing)
  }

  #fail(error: unknown): void {
    this.#finish(this.#failure(error))
  }
}

/** People at a terminal get indented JSON. */
function writingOf(exchange: Exchange, query: URLSearchParams): Writing {
  const accept = exchange.header('accept')
  const format = accept === undefined || accept === 'application/json' ? 'json' : plainFormat(accept)
  const pretty = query.has('pretty')
    ? isTrue(query.get('pretty'))
    : /^(curl|Wget|Mozilla\/5\.0)/.test(exchange.header('user-agent') ?? '')
  return format === 'json' && !pretty ? plainJson : { format, pretty }
}

const streams: readonly string[] = ['log', 'exec', 'attach', 'portforward', 'proxy']

const isLongRunning = ({ verb, subresource }: RequestInfo): boolean => verb === 'watch' || streams.includes(subresource)

function failureAnswer(logger: Logger, info: RequestInfo, error: unknown, writing: Writing): Answer {
  if (error instanceof StatusError) return statusAnswer(error.status, writing)
  logger.error('a request failed', {
    verb: info.verb,
    path: info.path,
    error: error instanceof Error ? (error.stack ?? error.message) : String(error),
  })
  return statusAnswer(internal(error instanceof Error ? error.message : String(error)).status, writing)
}

function count(metrics: RequestMetrics, info: RequestInfo, code: number): void {
  metrics.count(info.verb, info.group, info.version, info.resource, info.subresource, code)
}
