import { isNotFound, serviceUnavailable } from '#shared/kube/status.ts'
import { timestamp } from '../../base/clock.ts'
import type { Logger } from '../../base/logger.ts'
import { forward } from '../connect/forward.ts'
import type { Document, DocumentSource } from '../discovery/documents.ts'
import { textAnswer } from '../handlers/answer.ts'
import type { Answering, ApiRequest } from '../handlers/api-request.ts'
import { reachService } from '../connect/reach.ts'
import { followKind } from '../kinds/follow-kind.ts'
import type { KindIndex } from '../kinds/kind-index.ts'
import type { Pki } from '../pki/pki.ts'
import type { UserInfo } from '../registry/kind.ts'
import { availabilityOf, fetchFrom, type Availability, type AvailabilityDeps } from './availability.ts'
import { merged, resourcesIn, type RemoteVersion } from './discovery.ts'
import { fetchOpenApi, type Published, type RemoteOpenApi } from './open-api.ts'
import { remoteOf, type ApiService, type Remote } from './remote.ts'
import { remoteUserHeaders } from './remote-user.ts'
import { decodeAnswer } from './remote-answer.ts'

export interface AggregatorDeps extends AvailabilityDeps {
  kinds: KindIndex
  pki: Pki
  logger: Logger
}

/** How often a server is looked at, in milliseconds: one that answers, and one that does not. */
const lookAgain = { answering: 10_000, silent: 2000 }
const group = 'apiregistration.k8s.io'
/** Of groups that only CustomResourceDefinitions make. */
const customPriority = 1000

interface Known {
  readonly remote: Remote
  isAvailable: boolean
  resources: RemoteVersion['resources']
  openApi: RemoteOpenApi
  /** Ends the wait for the next look. */
  cancel: () => void
}

/**
 * The aggregation layer: knows from the APIServices which versions other servers answer for, passes requests on to
 * them, keeps their availability, and adds what they have to discovery and OpenAPI.
 */
export class Aggregator implements Disposable {
  readonly #deps: AggregatorDeps
  readonly #remotes = new Map<string, Known>()
  readonly #priorities = new Map<string, number>()
  readonly #following: Disposable | undefined
  readonly #pending = new Set<string>()
  #published: readonly Published[] = []
  #versions: readonly RemoteVersion[] = []
  #stopped = false
  readonly #documents = new Map<string, { from: Document | undefined; made: Document | undefined }>()

  constructor(deps: AggregatorDeps) {
    this.#deps = deps
    const kind = deps.kinds.resource(group, 'apiservices')
    this.#following = kind && followKind<ApiService>(kind, (name, object) => this.#set(name, object))
  }

  /** Passes the request on where another server answers for it; undefined: this one answers itself. */
  serve(request: ApiRequest): Answering {
    if (!this.#remotes.size) return undefined
    const known = this.#remoteFor(request.info.path)
    if (!known) return undefined
    return known.isAvailable ? this.#pass(request, known.remote) : textAnswer(503, 'service unavailable\n')
  }

  /** The same for a GET by a component in this process, which may do so: what the other server answers, decoded. */
  read(user: UserInfo, path: string): Promise<unknown> | undefined {
    const known = this.#remotes.size ? this.#remoteFor(path.split('?', 1)[0]!) : undefined
    if (!known) return undefined
    if (!known.isAvailable)
      return Promise.reject(serviceUnavailable('the server is currently unable to handle the request'))
    return fetchFrom(known.remote, path, this.#deps, 'application/json', user).then(decodeAnswer, (error: Error) => {
      throw serviceUnavailable(`error trying to reach service: ${error.message}`)
    })
  }

  /** Documents at /apis and below, with what other servers have. */
  documents(local: DocumentSource): DocumentSource {
    return {
      find: (path, aggregated, address) => {
        const found = local.find(path, aggregated, address)
        if (!this.#versions.length || !path.startsWith('/apis')) return found
        const key = `${path} ${found?.contentType}`
        const kept = this.#documents.get(key)
        if (kept && kept.from === found) return kept.made
        const made = merged(
          path.replace(/\/$/, ''),
          found,
          this.#versions,
          (name) => this.#priorities.get(name) ?? customPriority,
        )
        this.#documents.set(key, { from: found, made })
        return made
      },
    }
  }

  /** The same list until something changes. */
  get published(): readonly Published[] {
    return this.#published
  }

  /** Names of the APIServices that were there at the start, and that nobody has been told of as available yet. */
  get pending(): readonly string[] {
    return [...this.#pending].sort()
  }

  #remoteFor(path: string): Known | undefined {
    const [, root, name, version] = path.split('/', 4)
    return root === 'apis' && version ? this.#remotes.get(`${version}.${name}`) : undefined
  }

  async #pass(request: ApiRequest, remote: Remote): Promise<undefined> {
    const { info, user } = request
    const path = info.search ? `${info.path}?${info.search}` : info.path
    const headers = remoteUserHeaders(user)
    const target = await reachService(this.#deps, remote.service)
    const asked = `${target.host}:${target.port}`
    return forward(request, { ...target, options: remote.tls, agent: remote.agent, headers, asked }, path)
  }

  #set(name: string, object: ApiService | undefined): void {
    const { spec } = object ?? {}
    if (spec?.group) {
      const own = spec.groupPriorityMinimum ?? 0
      this.#priorities.set(spec.group, Math.max(own, this.#priorities.get(spec.group) ?? 0))
    }
    const old = this.#remotes.get(name)
    const remote = object && remoteOf(object, this.#deps.pki)
    // Its status changes more often than itself, and is written by this loop.
    if (old && remote && sameRemote(old.remote, remote)) return
    old?.cancel()
    old?.remote.agent.destroy()
    if (object && !remote) this.#local(name, object)
    if (remote) {
      const known: Known = { remote, isAvailable: false, resources: [], openApi: {}, cancel: () => {} }
      this.#remotes.set(name, known)
      this.#soon(known, 0)
    } else this.#remotes.delete(name)
    if (old || remote) this.#changed()
  }

  /** What this server answers itself is there as long as it is. */
  #local(name: string, { status }: ApiService): void {
    if (status?.conditions?.some(({ type, reason }) => type === 'Available' && reason === 'Local'))
      return void this.#pending.delete(name)
    // Only what is found at the start: later ones are a definition's.
    if (!this.#following) this.#pending.add(name)
    const condition = { status: 'True', reason: 'Local', message: 'Local APIServices are always available' }
    const report = (): Promise<void> =>
      this.#report(name, condition).catch((error: unknown) => {
        if (isNotFound(error) || this.#stopped) this.#pending.delete(name)
        else this.#deps.clock.after(lookAgain.silent, () => void (this.#stopped || report()))
      })
    void report()
  }

  #soon(known: Known, after: number): void {
    known.cancel = this.#deps.clock.after(after, () => void this.#look(known))
  }

  async #look(known: Known): Promise<void> {
    const { remote } = known
    const isCurrent = () => !this.#stopped && this.#remotes.get(remote.name) === known
    try {
      const found = await availabilityOf(remote, this.#deps)
      if (!isCurrent()) return
      await this.#learn(known, found)
      await this.#report(remote.name, found.condition)
    } catch (error) {
      this.#deps.logger.warn('the state of an APIService could not be written', {
        name: remote.name,
        error: String(error),
      })
    }
    if (isCurrent()) this.#soon(known, known.isAvailable ? lookAgain.answering : lookAgain.silent)
  }

  async #learn(known: Known, { condition, document }: Availability): Promise<void> {
    const isAvailable = condition.status === 'True'
    const resources = document ? resourcesIn(document) : known.resources
    const openApi = isAvailable ? await fetchOpenApi(known.remote, this.#deps) : known.openApi
    const isSame =
      isAvailable === known.isAvailable &&
      JSON.stringify([resources, hashOf(openApi)]) === JSON.stringify([known.resources, hashOf(known.openApi)])
    if (isSame) return
    Object.assign(known, { isAvailable, resources, openApi })
    this.#changed()
  }

  async #report(name: string, condition: Availability['condition']): Promise<void> {
    const { services, clock } = this.#deps
    const kind = { group, plural: 'apiservices' }
    const old = services.get<ApiService>(kind, undefined, name)?.status?.conditions
    const before = old?.find(({ type }) => type === 'Available')
    const isSame = (['status', 'reason', 'message'] as const).every((field) => before?.[field] === condition[field])
    if (isSame) return
    const isTurned = before?.status !== condition.status
    const lastTransitionTime = isTurned ? timestamp(clock.now()) : before?.lastTransitionTime
    await services.update<ApiService>(kind, undefined, name, (object) => {
      const others = (object.status?.conditions ?? []).filter(({ type }) => type !== 'Available')
      const available = { ...(lastTransitionTime ? { lastTransitionTime } : {}), ...condition, type: 'Available' }
      object.status = { ...object.status, conditions: [...others, available] }
    })
  }

  #changed(): void {
    this.#versions = [...this.#remotes.values()].map(({ remote, isAvailable, resources }) => ({
      remote,
      isAvailable,
      resources,
    }))
    this.#published = [...this.#remotes.values()].map(({ remote, openApi }) => ({ remote, openApi }))
    this.#documents.clear()
  }

  [Symbol.dispose](): void {
    this.#stopped = true
    this.#following?.[Symbol.dispose]()
    for (const { cancel, remote } of this.#remotes.values()) {
      cancel()
      remote.agent.destroy()
    }
  }
}

const hashOf = ({ v3, v2 }: RemoteOpenApi): unknown => [v3?.hash, v2]

function sameRemote(one: Remote, other: Remote): boolean {
  const plain = ({ agent, ...rest }: Remote) => {
    void agent
    return JSON.stringify(rest)
  }
  return plain(one) === plain(other)
}
