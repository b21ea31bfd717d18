import type { KubeObject } from '#shared/kube/object.ts'
import { backoffDelay } from '../../base/backoff.ts'
import type { Clock } from '../../base/clock.ts'
import type { Logger } from '../../base/logger.ts'
import type { Discovery, ServedResource } from '../../client/api.ts'
import type { InformerFactory } from '../../client/informer-factory.ts'
import type { Handler } from '../../client/informer.ts'
import type { Monitor } from './graph.ts'

/** Many, short-lived, and owned by nothing. */
const ignored = new Set(['events.', 'events.events.k8s.io'])

/** What changes the set of served kinds. */
const changesKinds = new Set(['customresourcedefinitions.apiextensions.k8s.io', 'apiservices.apiregistration.k8s.io'])

/** A server that has just established a new kind is asked again after so many milliseconds, and once more later. */
const settleDelays = [500, 5_000]

export interface MonitorDeps {
  readonly informers: InformerFactory
  readonly discovery: Discovery
  readonly logger: Logger
  readonly clock: Clock
}

/** Watches every kind that is served and can be collected; follows kinds as they come and go. */
export class Monitors {
  readonly #deps: MonitorDeps
  readonly #handler: (monitor: Monitor) => Handler<KubeObject>
  readonly #monitors = new Map<string, Monitor>()
  readonly #ends = new Map<string, () => void>()
  readonly #timers = new Set<() => void>()
  #refreshing: Promise<void> = Promise.resolve()
  readonly #stop = new AbortController()

  constructor(deps: MonitorDeps, handler: (monitor: Monitor) => Handler<KubeObject>) {
    this.#deps = deps
    this.#handler = handler
  }

  /** By group and kind: owner references may name any version. */
  find(apiVersion: string, kind: string): Monitor | undefined {
    const slash = apiVersion.indexOf('/')
    return this.#monitors.get(`${kind}.${slash < 0 ? '' : apiVersion.slice(0, slash)}`)
  }

  /** Starts watching what is served; resolves when all of it is in the caches. */
  async start(): Promise<void> {
    const { clock, logger } = this.#deps
    for (let failures = 0; !(await this.#succeeds()); failures++) {
      logger.warn('discovery failed; will try again', { failures })
      await clock.sleep(backoffDelay(failures, { initial: 100, max: 10_000 }), this.#stop.signal)
    }
    await Promise.all([...this.#monitors.values()].map(({ informer }) => informer.whenSynced()))
  }

  /** Asks what is served, one question at a time. */
  refresh(): Promise<void> {
    const next = () => this.#refresh()
    return (this.#refreshing = this.#refreshing.then(next, next))
  }

  stop(): void {
    this.#stop.abort(new Error('the garbage collector has been stopped'))
    for (const cancel of this.#timers) cancel()
    for (const end of this.#ends.values()) end()
  }

  async #succeeds(): Promise<boolean> {
    return this.refresh().then(
      () => true,
      () => false,
    )
  }

  async #refresh(): Promise<void> {
    if (this.#stop.signal.aborted) return
    const { resources, failures } = await this.#deps.discovery.resources()
    if (this.#stop.signal.aborted) return
    const wanted = new Map(resources.filter(isCollectable).map((type) => [`${type.kind}.${type.group}`, type]))
    // A group that could not be read is not a group without kinds.
    if (!failures.length) for (const [key, monitor] of this.#monitors) if (!wanted.has(key)) this.#remove(key, monitor)
    for (const [key, type] of wanted) if (!this.#monitors.has(key)) this.#add(key, type)
  }

  #add(key: string, type: ServedResource): void {
    const informer = this.#deps.informers.for(type, { metadataOnly: true })
    const monitor = { type, informer }
    this.#monitors.set(key, monitor)
    const end = informer.handle(this.#handler(monitor))
    const endRefresh = changesKinds.has(`${type.plural}.${type.group}`)
      ? informer.handle(this.#refreshOnChange())
      : () => {}
    this.#ends.set(key, () => {
      end()
      endRefresh()
    })
  }

  #remove(key: string, { type }: Monitor): void {
    this.#monitors.delete(key)
    this.#ends.get(key)?.()
    this.#ends.delete(key)
    void this.#deps.informers.forget(type, { metadataOnly: true })
  }

  #refreshOnChange(): Handler<KubeObject> {
    const later = () => {
      for (const delay of settleDelays) {
        const cancel = this.#deps.clock.after(delay, () => {
          this.#timers.delete(cancel)
          this.refresh().catch((error: unknown) => this.#deps.logger.warn('discovery failed', { error: String(error) }))
        })
        this.#timers.add(cancel)
      }
    }
    return { add: (_, initial) => (initial ? undefined : later()), update: later, delete: later }
  }
}

const isCollectable = ({ group, plural, verbs }: ServedResource): boolean =>
  ['delete', 'list', 'watch'].every((verb) => verbs.includes(verb)) && !ignored.has(`${plural}.${group}`)
