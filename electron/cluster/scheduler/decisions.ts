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
  /** The node that is being cleared for it. */
  readonly nominated?: string
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

const weightOf = (answer: Answer): number => 1 + ('nodes' in answer ? answer.nodes.length : answer.scores.length)

/** The newest answer for every pod, as far as there is room: one ring for pending and placed pods. */
export class DecisionRing implements Decisions {
  readonly #answers = new Map<string, Answer>()
  readonly #capacity: number
  #weight = 0

  constructor(options: { capacity?: number } = {}) {
    this.#capacity = options.capacity ?? capacity
  }

  record(answer: Answer): void {
    this.forget(answer.uid)
    this.#answers.set(answer.uid, answer)
    this.#weight += weightOf(answer)
    for (const oldest of this.#answers.keys()) {
      if (this.#answers.size <= 1 || (this.#weight <= this.#capacity && this.#answers.size <= mostAnswers)) return
      this.forget(oldest)
    }
  }

  forget(uid: string): void {
    const answer = this.#answers.get(uid)
    if (!answer) return
    this.#answers.delete(uid)
    this.#weight -= weightOf(answer)
  }

  answerFor(uid: string): Answer | undefined {
    return this.#answers.get(uid)
  }

  answers(): readonly Answer[] {
    return [...this.#answers.values()]
  }
}
