import { keyOf, type KubeObject } from '#shared/kube/object.ts'
import { isNotFound } from '#shared/kube/status.ts'
import type { KubeClient } from '../../client/api.ts'
import { event, type EventAction } from '../framework/action.ts'
import { referenceTo } from '../../client/event-recorder.ts'
import {
  foregroundFinalizer,
  referencesOf,
  waitsFor,
  type Item,
  type Monitor,
  type ObjectView,
  type Reference,
} from './graph.ts'
import type { Monitors } from './monitors.ts'
import type { Owners } from './reconcile.ts'

/** Uids known to be gone; they never come back. */
const remembered = 500

/** Tells what became of owners: present by the caches, absent only when the server says so. */
export class OwnerCheck {
  readonly #client: KubeClient
  readonly #monitors: Pick<Monitors, 'find'>
  readonly #absent = new Set<string>()

  constructor(deps: { client: KubeClient; monitors: Pick<Monitors, 'find'> }) {
    this.#client = deps.client
    this.#monitors = deps.monitors
  }

  /** The owner as the caches have it. An owner is looked for in the namespace of its dependent and nowhere else. */
  cached(dependent: ObjectView, reference: Reference): { item: Item; object: ObjectView } | undefined {
    const monitor = this.#monitors.find(reference.apiVersion, reference.kind)
    if (!monitor) return undefined
    const key = ownerKey(monitor, dependent, reference)
    const object = monitor.informer.lister.get(key) as ObjectView | undefined
    return object?.metadata?.uid === reference.uid ? { item: { monitor, key, uid: reference.uid }, object } : undefined
  }

  /**
   * Sorts the owners of an object. Undefined when it cannot be judged, now or ever: `notes` then says why. Rejects
   * when a kind is not known (yet) or the server does not answer.
   */
  async classify(
    { monitor, key }: Item,
    object: ObjectView,
  ): Promise<{ owners: Owners | undefined; notes: EventAction[] }> {
    const solid: Reference[] = []
    const dangling: Reference[] = []
    const waiting: Reference[] = []
    const notes: EventAction[] = []
    for (const reference of referencesOf(object)) {
      const found = this.cached(object, reference)
      if (found) (waitsFor(found.object, foregroundFinalizer) ? waiting : solid).push(reference)
      else {
        const ownerMonitor = this.#monitors.find(reference.apiVersion, reference.kind)
        if (!ownerMonitor)
          throw new Error(
            `no matches for kind "${reference.kind}" in version "${reference.apiVersion}", owner of ${key}`,
          )
        const note = () => invalidNamespace(monitor, object, reference)
        if (!object.metadata?.namespace && ownerMonitor.type.namespaced) return { owners: undefined, notes: [note()] }
        const live = await this.#live(ownerMonitor, object, reference)
        if (!live) {
          dangling.push(reference)
          if (livesElsewhere(ownerMonitor, reference)) notes.push(note())
        } else (waitsFor(live, foregroundFinalizer) ? waiting : solid).push(reference)
      }
    }
    return { owners: { solid, dangling, waiting }, notes }
  }

  /** Caches lag: that an owner is missing there proves nothing. */
  async #live({ type }: Monitor, dependent: ObjectView, { uid, name }: Reference): Promise<ObjectView | undefined> {
    const namespace = type.namespaced ? dependent.metadata?.namespace : undefined
    const id = `${namespace ?? ''}/${uid}`
    if (this.#absent.has(id)) return undefined
    const owner = await this.#client.get(type, { namespace, name }).catch(undefinedIfNotFound)
    if (owner?.metadata?.uid === uid) return owner as ObjectView
    this.#absent.add(id)
    if (this.#absent.size > remembered) this.#absent.delete(this.#absent.values().next().value!)
    return undefined
  }
}

const ownerKey = ({ type }: Monitor, dependent: ObjectView, { name }: Reference): string =>
  keyOf({ metadata: { name, ...(type.namespaced ? { namespace: dependent.metadata?.namespace ?? '' } : {}) } })

/** The commonest mistake of people who write references by hand. */
const livesElsewhere = ({ informer }: Monitor, { uid, name }: Reference): boolean =>
  informer.lister
    .list()
    .some((object) => (object as ObjectView).metadata?.uid === uid && (object as ObjectView).metadata?.name === name)

function invalidNamespace(
  { type }: Monitor,
  object: ObjectView,
  { apiVersion, kind, name, uid }: Reference,
): EventAction {
  const namespace = object.metadata?.namespace ?? ''
  const owner = `[${apiVersion}/${kind}, namespace: ${namespace}, name: ${name}, uid: ${uid}]`
  const message = `ownerRef ${owner} does not exist in namespace ${JSON.stringify(namespace)}`
  return event(referenceTo<KubeObject>(type, object), 'Warning', 'OwnerRefInvalidNamespace', message)
}

function undefinedIfNotFound(error: unknown): undefined {
  if (!isNotFound(error)) throw error
}
