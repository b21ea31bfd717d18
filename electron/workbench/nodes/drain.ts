import type { Pod } from 'kubernetes-types/core/v1'
import type { DrainConsent, DrainPlan, DrainPod, DrainProgress, DrainState } from '#shared/ipc/nodes.ts'
import type { KubeList } from '#shared/kube/object.ts'
import { nodes, pods as podType, resourcePath } from '#shared/kube/resources.ts'
import { isConflict, isNotFound, StatusError } from '#shared/kube/status.ts'
import type { ApiConnection } from '../connections/api-connection.ts'
import { Failure } from '../failure.ts'
import { fieldManager, patchTypes } from '../objects/paths.ts'
import { pause } from '../pause.ts'

export interface DrainWish {
  node: string
  consents: readonly DrainConsent[]
  gracePeriodSeconds?: number | undefined
}

export interface DrainPace {
  /** Milliseconds until an eviction that was refused for now is asked for again, as kubectl does. */
  retryMs: number
  /** Milliseconds between two looks at what is still there. */
  lookMs: number
}

type DrainedPod = DrainProgress['pods'][number]

/** One drain under way: cordons, evicts every pod that may go, and waits until they are gone. */
export class Drain {
  readonly progress: DrainProgress
  #connection: ApiConnection
  #wish: DrainWish
  #pace: DrainPace
  #changed: () => void

  /** Throws a Failure that names a pod which may not go without consent: nothing has been done then. */
  constructor(connection: ApiConnection, wish: DrainWish, plan: DrainPlan, pace: DrainPace, changed: () => void) {
    const refused = plan.pods.find(({ needs }) => needs.some((need) => !wish.consents.includes(need)))
    if (refused) throw unconsented(refused, wish)
    this.#connection = connection
    this.#wish = wish
    this.#pace = pace
    this.#changed = changed
    this.progress = {
      cordoned: false,
      pods: plan.pods.map(({ namespace, name, uid, stays }) => ({
        namespace,
        name,
        uid,
        state: stays ? 'left' : 'waiting',
      })),
    }
  }

  async run(signal: AbortSignal): Promise<void> {
    await this.#connection.json(`${resourcePath(nodes, { name: this.#wish.node })}?fieldManager=${fieldManager}`, {
      method: 'PATCH',
      body: { spec: { unschedulable: true } },
      contentType: patchTypes.merge,
      signal,
    })
    this.progress.cordoned = true
    this.#changed()
    const evictions = this.progress.pods
      .filter(({ state }) => state === 'waiting')
      .map((pod) => this.#evict(pod, signal))
    await Promise.all([...evictions, this.#see(Promise.all(evictions), signal)])
  }

  async #evict(pod: DrainedPod, signal: AbortSignal): Promise<void> {
    const path = resourcePath(podType, { namespace: pod.namespace, name: pod.name, subresource: 'eviction' })
    const { gracePeriodSeconds } = this.#wish
    const body = {
      apiVersion: 'policy/v1',
      kind: 'Eviction',
      metadata: { name: pod.name, namespace: pod.namespace },
      // The pod of the plan, not one of the same name that came since.
      deleteOptions: {
        preconditions: { uid: pod.uid },
        ...(gracePeriodSeconds === undefined ? {} : { gracePeriodSeconds }),
      },
    }
    while (!signal.aborted) {
      try {
        await this.#connection.json(path, { method: 'POST', body, signal })
        return this.#tell(pod, 'leaving')
      } catch (error) {
        if (signal.aborted) return
        if (isNotFound(error) || isConflict(error)) return this.#tell(pod, 'gone')
        const later = isForLater(error)
        this.#tell(pod, later ? (isBlocked(error) ? 'blocked' : 'waiting') : 'failed', reasonOf(error))
        if (!later) return
      }
      await pause(this.#pace.retryMs, signal)
    }
  }

  /** Looks at the node until every pod that was told to leave has left. */
  async #see(asked: Promise<unknown>, signal: AbortSignal): Promise<void> {
    const path = `${resourcePath(podType)}?${new URLSearchParams({ fieldSelector: `spec.nodeName=${this.#wish.node}` })}`
    let allAsked = false
    void asked.then(() => (allAsked = true))
    while (!signal.aborted) {
      const last = allAsked
      const leaving = this.progress.pods.filter(({ state }) => state === 'leaving')
      if (last && !leaving.length) return
      if (leaving.length) {
        const there = await this.#uidsAt(path, signal)
        for (const pod of leaving) if (there && !there.has(pod.uid)) this.#tell(pod, 'gone')
      }
      await pause(this.#pace.lookMs, signal)
    }
  }

  /** Undefined while the server cannot be asked. */
  async #uidsAt(path: string, signal: AbortSignal): Promise<Set<string> | undefined> {
    try {
      const { value } = await this.#connection.json<KubeList<Pod>>(path, { signal })
      return new Set(value.items.map(({ metadata }) => metadata?.uid ?? ''))
    } catch (error) {
      if (signal.aborted || isForLater(error)) return undefined
      throw error
    }
  }

  #tell(pod: DrainedPod, state: DrainState, message?: string): void {
    pod.state = state
    if (message === undefined) delete pod.message
    else pod.message = message
    this.#changed()
  }
}

/** A budget that allows no disruption now, a server that is busy or away: asked again. Any other no is final. */
const isForLater = (error: unknown): boolean =>
  error instanceof StatusError ? error.code === 429 || error.code >= 500 : error instanceof Failure

const isBlocked = (error: unknown): boolean => error instanceof StatusError && error.code === 429

/** What a budget says stands in the cause; the message is the same for all. */
function reasonOf(error: unknown): string {
  if (error instanceof StatusError) return error.status.details?.causes?.[0]?.message ?? error.message
  return error instanceof Error ? error.message : String(error)
}

function unconsented({ namespace, name, needs }: DrainPod, { consents }: DrainWish): Failure {
  const missing = needs.find((need) => !consents.includes(need))
  const [message, cure] =
    missing === 'emptyDir'
      ? [
          `Pod ${namespace}/${name} keeps files in an emptyDir, which go with it.`,
          'Agree to lose them, or save them first.',
        ]
      : [`Pod ${namespace}/${name} has no controller that would make it anew.`, 'Agree to lose it, or move it by hand.']
  return new Failure('NotAgreed', message, cure)
}
