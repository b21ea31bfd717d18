import type { PriorityLevelConfiguration } from 'kubernetes-types/flowcontrol/v1'
import { dealHand } from './shuffle.ts'

/** A request that waits for its turn. */
export interface Waiting {
  /** Of its client; nobody needs the answer of a request whose client is gone. */
  readonly gone: () => boolean
  readonly start: () => void
  readonly reject: () => void
  /** Ends its wait. */
  cancel: () => void
}

interface Queue {
  readonly waiting: Waiting[]
  /** What its requests have cost so far, in milliseconds of this process. */
  served: number
}

const mostRememberedHands = 4096

/** One PriorityLevelConfiguration at work. */
export class PriorityLevel {
  readonly name: string
  readonly uid: string
  readonly isExempt: boolean
  readonly shares: number
  /** 0 to 1: how many of its seats others may have while it does not need them. */
  readonly lendable: number
  /** Seats beyond its own that it may borrow, as a part of its own; Infinity for no limit. */
  readonly borrowing: number
  readonly queues: Queue[]
  readonly #handSize: number
  readonly #lengthLimit: number
  readonly #hands = new Map<string, number[]>()
  /** Requests at work. */
  inUse = 0
  waiting = 0
  /** Its own seats, of those that the server has. */
  seats = 0
  /** What its requests have cost, by share: who is behind is served first. */
  served = 0

  constructor({ metadata, spec }: PriorityLevelConfiguration) {
    this.name = metadata?.name ?? ''
    this.uid = metadata?.uid ?? ''
    this.isExempt = spec?.type === 'Exempt'
    const { limited } = spec ?? {}
    // Newer than the typed client's shapes, which call it assuredConcurrencyShares.
    const more = limited as
      { nominalConcurrencyShares?: number; lendablePercent?: number; borrowingLimitPercent?: number } | undefined
    this.shares = more?.nominalConcurrencyShares ?? 0
    this.lendable = (more?.lendablePercent ?? 0) / 100
    this.borrowing = more?.borrowingLimitPercent === undefined ? Infinity : more.borrowingLimitPercent / 100
    const queuing = limited?.limitResponse?.type === 'Queue' ? limited.limitResponse.queuing : undefined
    this.queues = Array.from({ length: queuing?.queues ?? 0 }, () => ({ waiting: [], served: 0 }))
    this.#handSize = Math.min(queuing?.handSize ?? 0, this.queues.length)
    this.#lengthLimit = queuing?.queueLengthLimit ?? 0
  }

  /** False: there is no room to wait. */
  enqueue(flow: string, request: Waiting): boolean {
    if (!this.queues.length) return false
    const hand = this.#handOf(flow)
    let shortest = this.queues[hand[0]!]!
    for (const index of hand) {
      const queue = this.queues[index]!
      if (queue.waiting.length < shortest.waiting.length) shortest = queue
    }
    if (shortest.waiting.length >= this.#lengthLimit) return false
    // A queue that was empty starts level with the others: it has saved up nothing.
    if (!shortest.waiting.length) shortest.served = Math.max(shortest.served, this.#leastServed())
    shortest.waiting.push(request)
    this.waiting++
    return true
  }

  /** The next request of the queue that has had least, with how to charge for it. */
  next(): { request: Waiting; charge: (cost: number) => void } | undefined {
    let best: Queue | undefined
    for (const queue of this.queues) if (queue.waiting.length && (!best || queue.served < best.served)) best = queue
    if (!best) return undefined
    this.waiting--
    const queue = best
    return { request: queue.waiting.shift()!, charge: (cost) => void (queue.served += cost) }
  }

  remove(request: Waiting): boolean {
    for (const { waiting } of this.queues) {
      const at = waiting.indexOf(request)
      if (at < 0) continue
      waiting.splice(at, 1)
      this.waiting--
      return true
    }
    return false
  }

  #leastServed(): number {
    let least = Infinity
    for (const queue of this.queues) if (queue.waiting.length && queue.served < least) least = queue.served
    return least === Infinity ? 0 : least
  }

  #handOf(flow: string): number[] {
    let hand = this.#hands.get(flow)
    if (!hand) {
      if (this.#hands.size >= mostRememberedHands) this.#hands.clear()
      this.#hands.set(flow, (hand = dealHand(flow, this.queues.length, this.#handSize)))
    }
    return hand
  }
}
