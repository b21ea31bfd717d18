import type { PodInfo } from './pod-info.ts'

/** What keeps a pod from being tried at all. */
export interface Gate {
  readonly plugin: string
  readonly reason: string
}

export interface Waiting {
  info: PodInfo
  attempts: number
  /** Monotonic time at which it came into the queue, the last time. */
  since: number
  /** What rejected it; only events that may help with one of these wake it. Empty after an error. */
  plugins: ReadonlySet<string>
  where: 'active' | 'back-off' | 'unschedulable' | 'gated' | 'popped'
  /** Of a gated one, where a plug-in has closed the gate. */
  gate?: Gate | undefined
  /** Monotonic time before which it is not tried again. */
  readyAt: number
  /** Tells an entry of a heap that is still meant from one that is left over. */
  ticket: number
}

interface Group {
  readonly sample: Waiting
  /** A copy: members may leave while it is walked. */
  members(): readonly Waiting[]
}

/**
 * Unschedulable pods in groups that every event helps or none: of one signature, rejected by the same plug-ins. Ten
 * thousand replicas that wait cost an event as much as one.
 */
export class WaitingRoom {
  readonly #groups = new Map<string, Set<Waiting>>()
  readonly #places = new Map<Waiting, string>()

  get size(): number {
    return this.#places.size
  }

  add(waiting: Waiting): void {
    const key = `${[...waiting.plugins].sort().join()} ${waiting.info.signature}`
    this.#places.set(waiting, key)
    const group = this.#groups.get(key)
    if (group) group.add(waiting)
    else this.#groups.set(key, new Set([waiting]))
  }

  remove(waiting: Waiting): void {
    const key = this.#places.get(waiting)
    if (key === undefined) return
    this.#places.delete(waiting)
    const group = this.#groups.get(key)!
    group.delete(waiting)
    if (group.size === 0) this.#groups.delete(key)
  }

  *groups(): Generator<Group> {
    for (const group of this.#groups.values()) {
      const [sample] = group
      if (sample) yield { sample, members: () => [...group] }
    }
  }
}
