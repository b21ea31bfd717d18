import type { KubeObject } from '#shared/kube/object.ts'
import type { Clock } from '../../base/clock.ts'
import type { Logger } from '../../base/logger.ts'
import type { TraceRef } from '../../base/trace.ts'
import type { Discovery, KubeClient } from '../../client/api.ts'
import { referenceTo } from '../../client/event-recorder.ts'
import type { InformerFactory } from '../../client/informer-factory.ts'
import type { Handler } from '../../client/informer.ts'
import type { Controller, Enqueue, SyncContext } from '../framework/controller.ts'
import { equal } from '../framework/support/equality.ts'
import {
  currentOf,
  foregroundFinalizer,
  Graph,
  itemOf,
  orphanFinalizer,
  referencesOf,
  waitsFor,
  type Item,
  type Monitor,
  type ObjectView,
} from './graph.ts'
import { Monitors } from './monitors.ts'
import { OwnerCheck } from './owners.ts'
import { blocking, collect, finishForeground, orphan, type Dependent } from './reconcile.ts'

export interface GarbageCollectorDeps {
  readonly informers: InformerFactory
  readonly client: KubeClient
  readonly discovery: Discovery
  readonly clock: Clock
  readonly logger: Logger
}

/** Deletes what has lost its owners, and carries out foreground deletion and orphaning. */
export function garbageCollector(deps: GarbageCollectorDeps): Controller {
  const collector = new Collector(deps)
  return {
    name: 'garbage-collector-controller',
    account: 'generic-garbage-collector',
    workers: 20,
    watches: [{ synced: () => collector.synced, start: (enqueue) => collector.start(enqueue) }],
    sync: (key, context) => collector.sync(key, context),
  }
}

class Collector {
  readonly #graph = new Graph()
  readonly #monitors: Monitors
  readonly #owners: OwnerCheck
  /** What the keys in the queue stand for: uids. */
  readonly #items = new Map<string, Item>()
  readonly #synced = Promise.withResolvers<void>()
  #enqueue: Enqueue = () => {}

  constructor(deps: GarbageCollectorDeps) {
    this.#monitors = new Monitors(deps, (monitor) => this.#handler(monitor))
    this.#owners = new OwnerCheck({ client: deps.client, monitors: this.#monitors })
    this.#synced.promise.catch(() => {})
  }

  get synced(): Promise<void> {
    return this.#synced.promise
  }

  start(enqueue: Enqueue): () => void {
    this.#enqueue = enqueue
    this.#monitors.start().then(this.#synced.resolve, this.#synced.reject)
    return () => this.#monitors.stop()
  }

  async sync(uid: string, { decide }: SyncContext): Promise<void> {
    const item = this.#items.get(uid)
    this.#items.delete(uid)
    const object = item && currentOf(item)
    if (!object) return
    try {
      await this.#process(item, object, decide)
    } catch (error) {
      this.#items.set(uid, item)
      throw error
    }
  }

  async #process(item: Item, object: ObjectView, decide: SyncContext['decide']): Promise<void> {
    const { type } = item.monitor
    if (waitsFor(object, orphanFinalizer)) return decide(orphan(type, object, this.#dependents(item.uid)))
    if (waitsFor(object, foregroundFinalizer)) {
      if (!blocking(object, this.#dependents(item.uid)).length) return decide(finishForeground(type, object))
      for (const dependent of this.#graph.dependents(item.uid))
        if (!currentOf(dependent)?.metadata?.deletionTimestamp) this.#visit(dependent, item, object)
      return
    }
    if (object.metadata?.deletionTimestamp || !referencesOf(object).length) return
    const { owners, notes } = await this.#owners.classify(item, object)
    if (notes.length) await decide({ steps: notes })
    if (owners) await decide(collect(type, object, owners, this.#dependents(item.uid)))
  }

  #handler(monitor: Monitor): Handler<KubeObject> {
    return {
      add: (object) => this.#added(itemOf(monitor, object), object),
      update: (object, old) => this.#updated(itemOf(monitor, object), object, old),
      delete: (object) => this.#deleted(itemOf(monitor, object), object),
    }
  }

  #added(item: Item, object: ObjectView): void {
    const references = referencesOf(object)
    this.#graph.link(item, references)
    if (references.some((reference) => !this.#owners.cached(object, reference))) this.#visit(item, item, object)
    if (waitsFor(object, orphanFinalizer) || waitsFor(object, foregroundFinalizer)) this.#visit(item, item, object)
  }

  #updated(item: Item, object: ObjectView, old: ObjectView): void {
    // Another object under the same name: the watch lost the deletion.
    if (object.metadata?.uid !== old.metadata?.uid) {
      this.#deleted(itemOf(item.monitor, old), old)
      return this.#added(item, object)
    }
    const references = referencesOf(object)
    if (!equal(references, referencesOf(old))) {
      this.#graph.unlink(item, referencesOf(old))
      this.#graph.link(item, references)
      if (references.some((reference) => !this.#owners.cached(object, reference))) this.#visit(item, item, object)
      this.#visitWaitingOwners(object, old)
    }
    const starts = (finalizer: string) => waitsFor(object, finalizer) && !waitsFor(old, finalizer)
    if (starts(orphanFinalizer) || starts(foregroundFinalizer)) this.#visit(item, item, object)
  }

  #deleted(item: Item, object: ObjectView): void {
    this.#graph.unlink(item, referencesOf(object))
    this.#visitDependents(item, object)
    this.#visitWaitingOwners(object, object)
  }

  /** Owners that wait in the foreground may have waited for this one. */
  #visitWaitingOwners(object: ObjectView, old: ObjectView): void {
    for (const reference of referencesOf(old)) {
      const owner = this.#owners.cached(object, reference)
      if (owner && waitsFor(owner.object, foregroundFinalizer)) this.#visit(owner.item, owner.item, object)
    }
  }

  #visitDependents(cause: Item, object: ObjectView): void {
    for (const dependent of this.#graph.dependents(cause.uid)) this.#visit(dependent, cause, object)
  }

  #visit(item: Item, cause: Item, object: ObjectView): void {
    this.#items.set(item.uid, item)
    this.#enqueue(item.uid, referenceTo<KubeObject>(cause.monitor.type, object) as TraceRef)
  }

  #dependents(uid: string): Dependent[] {
    return this.#graph.dependents(uid).flatMap((item) => {
      const object = currentOf(item)
      return object ? [{ type: item.monitor.type, object }] : []
    })
  }
}
