import type { SecureContext } from 'node:tls'
import type { Secret } from 'kubernetes-types/core/v1'
import type { Ingress, IngressLoadBalancerIngress } from 'kubernetes-types/networking/v1'
import { keyOf, splitKey, type Frozen } from '#shared/kube/object.ts'
import { ingressClasses, ingresses, secrets } from '#shared/kube/resources.ts'
import { isNotFound } from '#shared/kube/status.ts'
import type { Clock } from '../../base/clock.ts'
import { Disposer } from '../../base/dispose.ts'
import type { Logger } from '../../base/logger.ts'
import type { Random } from '../../base/random.ts'
import { sameJson } from '../../base/same-json.ts'
import { nextTurn } from '../../base/turn.ts'
import type { KubeClient } from '../../client/api.ts'
import { ApiEventRecorder, referenceTo } from '../../client/event-recorder.ts'
import { InformerFactory } from '../../client/informer-factory.ts'
import type { Informer } from '../../client/informer.ts'
import { NamedObjects, type NamedObject } from '../../client/named-objects.ts'
import { WorkQueue } from '../../client/work-queue.ts'
import type { PodNetwork } from '../api.ts'
import { ListeningPort } from '../listeners/listening-port.ts'
import type { ServiceTable } from '../service-table.ts'
import { Backends } from './backend.ts'
import { certificateOf, type Certificate } from './certificates.ts'
import { decide, type Decision } from './decide.ts'
import { Front } from './front.ts'
import { HostMap } from './host-map.ts'
import { Proxy } from './proxy.ts'

export interface IngressDeps {
  /** As wheelhouse:ingress. */
  readonly client: KubeClient
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly services: ServiceTable
  /** Resolves when that has all that there are. */
  readonly servicesSynced: Promise<void>
  readonly dial: PodNetwork['dial']
  readonly nodeName: string
  /** Of the cluster: `cluster.local`. */
  readonly domain: string
  /** What is shown for hosts without one of their own, PEM. */
  readonly certificate: { readonly certificate: string; readonly key: string }
  /** What is listened on at localhost. Default: 80 and 443. */
  readonly ports?: { readonly http: number; readonly https: number }
}

/** Ports that could not be had are tried again so often: their holder may have gone. */
const retryMs = 30_000
const statusWriters = 4

/** What to try for a port. The usual alternative, 8080, belongs to whoever asks for it. */
const candidates = (wanted: number): number[] => [wanted, wanted + 20_000, 0]

/**
 * The ingress controller: keeps the routes of the proxy in line with the Ingresses of its classes, listens while there
 * are any, and writes down where. Listens to nothing before it knows everything.
 */
export class IngressController implements AsyncDisposable {
  readonly #deps: IngressDeps
  readonly #owned = new Disposer()
  readonly #ingresses: Informer<Ingress>
  readonly #classes
  readonly #secrets: NamedObjects
  readonly #backends: Backends
  readonly #proxy: Proxy
  readonly #front: Front
  readonly #ports: { http: ListeningPort; https: ListeningPort }
  readonly #recorder: ApiEventRecorder
  readonly #statuses: WorkQueue
  readonly #certificates = new Map<string, { secret: unknown; hosts: string; certificate: Certificate }>()
  /** Messages of the events about each Ingress, by uid. */
  readonly #told = new Map<string, ReadonlySet<string>>()
  /** The status that each Ingress was given, by uid: of two agents on one store each writes its own once. */
  readonly #written = new Map<string, string>()
  #contexts = new HostMap<SecureContext>()
  #served: ReadonlySet<string> = new Set()
  #isSynced = false
  #isDue = false
  #work: Promise<void> | undefined
  #cancelRetry: (() => void) | undefined
  #closing = false

  constructor(deps: IngressDeps) {
    const { client, clock, logger, services, nodeName: node, domain, ports = { http: 80, https: 443 } } = deps
    this.#deps = deps
    const informers = this.#owned.own(new InformerFactory(deps))
    this.#secrets = this.#owned.own(new NamedObjects(deps, () => this.#due()))
    this.#recorder = this.#owned.own(new ApiEventRecorder({ client, clock, logger, source: { component: 'ingress' } }))
    this.#backends = new Backends({ services, clock, node, domain })
    this.#owned.defer(() => this.#backends[Symbol.dispose]())
    this.#proxy = new Proxy(decide([], []).table, {
      ...deps,
      backends: this.#backends,
      securePort: () => this.#ports.https.bound,
    })
    this.#owned.defer(() => this.#proxy[Symbol.dispose]())
    this.#front = this.#owned.own(
      new Front({
        ...deps,
        secureContext: (name) => this.#contexts.get(name),
        onExchange: (exchange) => void this.#proxy.serve(exchange),
        onUpgrade: (...upgrade) => void this.#proxy.upgrade(...upgrade),
      }),
    )
    const port = (wanted: number, secure: boolean) =>
      new ListeningPort(candidates(wanted), (place) => this.#front.listen(place, secure))
    this.#ports = { http: port(ports.http, false), https: port(ports.https, true) }
    this.#owned.defer(() => this.#closePorts())
    this.#statuses = new WorkQueue({ clock })
    const writing = Promise.all(Array.from({ length: statusWriters }, () => this.#writeStatuses()))
    this.#owned.defer(async () => {
      await this.#statuses.shutDown()
      await writing
    })
    this.#ingresses = informers.for(ingresses)
    this.#classes = informers.for(ingressClasses)
    const due = () => this.#due()
    this.#ingresses.handle({
      add: due,
      update: (now, before) => {
        if (!sameJson(decisive(now), decisive(before))) due()
      },
      delete: (ingress) => {
        const { uid = '' } = ingress.metadata ?? {}
        this.#told.delete(uid)
        this.#written.delete(uid)
        due()
      },
    })
    this.#classes.handle({ add: due, update: due, delete: due })
    const all = [deps.servicesSynced, this.#ingresses.whenSynced(), this.#classes.whenSynced()]
    // Rejected: it is being stopped.
    Promise.all(all).then(
      () => {
        this.#isSynced = true
        due()
      },
      () => {},
    )
  }

  /** Resolves when everything that has been seen so far is in effect. */
  async settled(): Promise<void> {
    while (this.#work) await this.#work
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing = true
    this.#cancelRetry?.()
    await this.settled()
    await this.#owned[Symbol.asyncDispose]()
  }

  #due(): void {
    this.#isDue = true
    this.#work ??= this.#reconcile()
  }

  /** Changes that come together are one. */
  async #reconcile(): Promise<void> {
    await nextTurn()
    while (this.#isDue && !this.#closing) {
      this.#isDue = false
      if (!this.#isSynced) break
      await this.#apply(decide(this.#ingresses.lister.list(), this.#classes.lister.list()))
      await nextTurn()
    }
    this.#work = undefined
  }

  async #apply(decision: Decision): Promise<void> {
    const flaws = this.#followSecrets(decision)
    this.#backends.retain(decision.backends)
    this.#proxy.table = decision.table
    await this.#listen(decision.served.length > 0)
    const left = [...this.#served]
    this.#served = new Set(decision.served.map(keyOf))
    for (const key of new Set([...left, ...this.#served])) this.#statuses.add(key)
    for (const ingress of decision.served) this.#tell(ingress, decision, flaws)
  }

  /** The certificates of all hosts. Answers what is wrong with Secrets, by their key. */
  #followSecrets({ secrets: wanted, table }: Decision): ReadonlyMap<string, string> {
    const { clock } = this.#deps
    const named = new Map([...wanted.keys()].map((key) => [key, secretNamed(key)]))
    const unknown = [...named.values()].filter((each) => !this.#secrets.informer(each))
    this.#secrets.want('', [...named.values()])
    for (const each of unknown)
      this.#secrets
        .informer(each)!
        .whenSynced()
        .then(
          () => this.#due(),
          () => {},
        )
    const flaws = new Map<string, string>()
    for (const [key, { hosts }] of wanted) {
      const informer = this.#secrets.informer(named.get(key)!)!
      if (!informer.hasSynced) continue
      const secret = informer.lister.get(key) as Frozen<Secret> | undefined
      const known = this.#certificates.get(key)
      const names = hosts.join()
      const certificate =
        known && known.secret === secret && known.hosts === names
          ? known.certificate
          : certificateOf(key, secret, hosts, clock.now())
      this.#certificates.set(key, { secret, hosts: names, certificate })
      if (certificate.problem) flaws.set(key, certificate.problem)
    }
    for (const key of this.#certificates.keys()) if (!wanted.has(key)) this.#certificates.delete(key)
    const contexts = new HostMap<SecureContext>()
    for (const [host, { secret }] of table.tls.entries()) {
      const context = secret && this.#certificates.get(secret)?.certificate.context
      if (context) contexts.set(host, context)
    }
    this.#contexts = contexts
    return flaws
  }

  async #listen(wanted: boolean): Promise<void> {
    if (!wanted) return this.#closePorts()
    const { http, https } = this.#ports
    for (const port of [http, https]) await port.open()
    this.#cancelRetry?.()
    this.#cancelRetry = undefined
    if (!http.problem && !https.problem) return
    this.#cancelRetry = this.#deps.clock.after(retryMs, () => this.#due())
  }

  async #closePorts(): Promise<void> {
    this.#cancelRetry?.()
    this.#cancelRetry = undefined
    await Promise.all([this.#ports.http.close(), this.#ports.https.close()])
  }

  /** Says in events what is wrong with an Ingress, once. */
  #tell(ingress: Frozen<Ingress>, { problems, secrets: wanted }: Decision, flaws: ReadonlyMap<string, string>): void {
    const key = keyOf(ingress)
    const { uid = '' } = ingress.metadata ?? {}
    const found: { reason: string; message: string }[] = [...(problems.get(key) ?? [])]
    for (const [secret, message] of flaws)
      if (wanted.get(secret)!.ingresses.has(key)) found.push({ reason: 'InvalidTLSSecret', message })
    for (const { problem } of [this.#ports.http, this.#ports.https])
      if (problem) found.push({ reason: 'PortUnavailable', message: problem.message })
    const before = this.#told.get(uid)
    for (const { reason, message } of found)
      if (!before?.has(message)) this.#recorder.event(referenceTo(ingresses, ingress), 'Warning', reason, message)
    this.#told.set(uid, new Set(found.map(({ message }) => message)))
  }

  async #writeStatuses(): Promise<void> {
    for (let key = await this.#statuses.get(); key !== undefined; key = await this.#statuses.get()) {
      try {
        await this.#writeStatus(key)
        this.#statuses.forget(key)
      } catch (error) {
        this.#deps.logger.warn('the status of an Ingress could not be written; will try again', {
          ingress: key,
          error: (error as Error).message,
        })
        this.#statuses.addRateLimited(key)
      } finally {
        this.#statuses.done(key)
      }
    }
  }

  async #writeStatus(key: string): Promise<void> {
    const ingress = this.#ingresses.lister.get(key)
    if (!ingress) return
    const { namespace, name = '', uid = '' } = ingress.metadata ?? {}
    const isServed = this.#served.has(key)
    // Another controller's, from the start or from now on.
    if (!isServed && !this.#written.has(uid)) return
    const wanted = isServed ? this.#addresses() : []
    const text = JSON.stringify(wanted)
    if (this.#written.get(uid) === text) return
    if (!sameJson(ingress.status?.loadBalancer?.ingress ?? [], wanted)) {
      const status = { loadBalancer: { ingress: wanted.length ? wanted : null } }
      await this.#deps.client
        .patch(ingresses, { namespace, name }, 'merge', { status }, { subresource: 'status' })
        .catch((error: unknown) => {
          if (!isNotFound(error)) throw error
        })
    }
    if (isServed) this.#written.set(uid, text)
    else this.#written.delete(uid)
  }

  /** Where Ingresses are reached: the numbers that are served, and what could not be had at all. */
  #addresses(): IngressLoadBalancerIngress[] {
    const shown = [this.#ports.http, this.#ports.https].map(({ wanted, bound, problem }) => ({
      port: bound ?? wanted,
      protocol: 'TCP',
      ...(bound === undefined && problem ? { error: `wheelhouse.dev/${problem.reason}` } : {}),
    }))
    return shown.every(({ error }) => error) ? [] : [{ hostname: 'localhost', ports: shown }]
  }
}

/** What is decided by: statuses are not. */
const decisive = ({ metadata, spec }: Frozen<Ingress>) => [spec, metadata?.annotations, metadata?.deletionTimestamp]

function secretNamed(key: string): NamedObject {
  const { namespace = '', name } = splitKey(key)
  return { type: secrets, namespace, name }
}
