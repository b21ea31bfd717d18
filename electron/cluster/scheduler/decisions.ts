import type { NodeReport } from './board.ts'
import type { NodeScore } from './schedule.ts'

/** Why a pod has no node yet, as of its last attempt. */
export interface PendingAnswer {
  readonly pod: string
  readonly uid: string
  /** Milliseconds since the epoch. */
  readonly at: number
  /** As in its event and condition. */
  readonly message: string
  /** Every node that was looked at: every plug-in that rejects it, with what is missing. */
  readonly nodes: readonly NodeReport[]
  /** Nodes in the cluster. */
  readonly all: number
  /** Plug-ins that left only some nodes to look at. */
  readonly restrictedBy: readonly string[]
  /** Said before any node was looked at. */
  readonly refusal?: { readonly plugin: string; readonly reason: string }
  readonly preemption: Attempt
}

/** What came of the attempt to make room. */
export interface Attempt {
  /** `NotTried`: the pod was not eligible, or there was nowhere to try. */
  readonly result: 'Started' | 'NoHelp' | 'NotTried'
  /** In upstream's words; '' where pods are being evicted, or there are no nodes. */
  readonly tried: string
  /** The node that is being cleared for the pod. */
  readonly node?: string
  /** `namespace/name`, the most important first. */
  readonly victims?: readonly string[]
}

/** Why a pod is where it is. */
export interface PlacedAnswer {
  readonly pod: string
  readonly uid: string
  readonly at: number
  readonly node: string
  /** The chosen node first, then the runners-up; empty where only one node fitted. */
  readonly scores: readonly NodeScore[]
  /** Nodes that fitted, of those that were looked at. */
  readonly fitting: number
  readonly examined: number
}

export type Answer = PendingAnswer | PlacedAnswer

/** What the scheduler decided, and why, for whoever asks. */
export interface Decisions {
  answerFor(uid: string): Answer | undefined
  /** The newest last. */
  answers(): readonly Answer[]
}

/** Reports of nodes and scores that are kept in all, above which the oldest answers go. */
const capacity = 100_000
const mostAnswers = 10_000

/** The newest answer for every pod, as far as there is room: one ring for pending and placed pods. */
export class DecisionRing implements Decisions {
  readonly #answers = new Map<string, Answer>()
  readonly #capacity: number
  /** How many answers share a report: pods of one kind that were refused in one state of the cluster do. */
  readonly #sharers = new Map<PendingAnswer['nodes'], number>()
  #weight = 0

  constructor(options: { capacity?: number } = {}) {
    this.#capacity = options.capacity ?? capacity
  }

  record(answer: Answer): void {
    this.forget(answer.uid)
    this.#answers.set(answer.uid, answer)
    this.#weigh(answer, 1)
    for (const oldest of this.#answers.keys()) {
      if (this.#answers.size <= 1 || (this.#weight <= this.#capacity && this.#answers.size <= mostAnswers)) return
      this.forget(oldest)
    }
  }

  forget(uid: string): void {
    const answer = this.#answers.get(uid)
    if (!answer) return
    this.#answers.delete(uid)
    this.#weigh(answer, -1)
  }

  #weigh(answer: Answer, sign: 1 | -1): void {
    this.#weight += sign
    if (!('nodes' in answer)) {
      this.#weight += sign * answer.scores.length
      return
    }
    const { nodes } = answer
    const sharers = (this.#sharers.get(nodes) ?? 0) + sign
    if (sharers === 0) this.#sharers.delete(nodes)
    else this.#sharers.set(nodes, sharers)
    // The first pays for all, the last is paid back.
    if (sharers === (sign === 1 ? 1 : 0)) this.#weight += sign * nodes.length
  }

  answerFor(uid: string): Answer | undefined {
    return this.#answers.get(uid)
  }

  answers(): readonly Answer[] {
    return [...this.#answers.values()]
  }
}
