import type { Node, Pod } from 'kubernetes-types/core/v1'
import { keyOf, splitKey, type Frozen } from '#shared/kube/object.ts'
import { pods } from '#shared/kube/resources.ts'
import { serviceUnavailable } from '#shared/kube/status.ts'
import type { SchedulingDecision } from '#shared/kube/trace.ts'
import type { Clock } from '../../base/clock.ts'
import type { KubeClient } from '../../client/api.ts'
import type { Lister } from '../../client/cache.ts'
import type { Scheduler } from '../../scheduler/scheduler.ts'
import { decisionOf } from './decision.ts'

/** The scheduler that decides here, and what it sees. */
export interface Deciding {
  readonly scheduler: Scheduler
  readonly pods: Lister<Pod>
  readonly nodes: Lister<Node>
}

export interface DecisionSourceDeps {
  readonly client: () => KubeClient
  readonly clock: Clock
}

/** What the scheduler decided about each pod: of all that wait, and of those that it remembers having placed. */
export class DecisionSource {
  readonly #deps: DecisionSourceDeps
  #deciding: Deciding | undefined

  constructor(deps: DecisionSourceDeps) {
    this.#deps = deps
  }

  /** Answers for this scheduler until the answer is disposed of. */
  follow(deciding: Deciding): Disposable {
    this.#deciding = deciding
    return {
      [Symbol.dispose]: () => {
        if (this.#deciding === deciding) this.#deciding = undefined
      },
    }
  }

  async list(namespace: string | undefined): Promise<SchedulingDecision[]> {
    const { scheduler, pods: lister } = this.#scheduler
    // By an index of the server: most pods have a node.
    const { items } = await this.#deps.client().list(pods, { namespace, fieldSelector: 'spec.nodeName=' })
    const found = new Map<string, Frozen<Pod>>()
    for (const pod of items) if (isPending(pod)) found.set(keyOf(pod), pod)
    for (const { pod: key, uid } of scheduler.decisions.answers()) {
      if (namespace !== undefined && splitKey(key).namespace !== namespace) continue
      const pod = lister.get(key)
      if (pod?.metadata?.uid === uid) found.set(key, pod)
    }
    return [...found.keys()].sort().map((key) => this.#decision(found.get(key)!))
  }

  get(namespace: string, name: string): Promise<SchedulingDecision | undefined> {
    const { scheduler, pods: lister } = this.#scheduler
    const pod = lister.get(keyOf({ metadata: { namespace, name } }))
    const known = pod && (isPending(pod) || scheduler.decisions.answerFor(pod.metadata?.uid ?? ''))
    return Promise.resolve(known ? this.#decision(pod) : undefined)
  }

  get #scheduler(): Deciding {
    if (!this.#deciding) throw serviceUnavailable('the scheduler is not running in this server')
    return this.#deciding
  }

  #decision(pod: Frozen<Pod>): SchedulingDecision {
    const { scheduler, nodes } = this.#scheduler
    const uid = pod.metadata?.uid ?? ''
    return decisionOf({
      pod,
      answer: scheduler.decisions.answerFor(uid),
      waiting: scheduler.waiting(uid),
      ours: scheduler.answersTo(pod.spec?.schedulerName ?? ''),
      nodeOf: (name) => nodes.get(name),
      clock: this.#deps.clock,
    })
  }
}

const isPending = ({ spec, status, metadata }: Frozen<Pod>): boolean =>
  !spec?.nodeName && !metadata?.deletionTimestamp && status?.phase !== 'Succeeded' && status?.phase !== 'Failed'
