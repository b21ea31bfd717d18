import type { Managers } from './managers.ts'

export interface Outcome {
  readonly managers: Managers
  /** Whether the writer came to own something; else it owns what it owned. */
  readonly took: boolean
}

/** Outcomes of a kind that are remembered. */
const most = 64
/** Characters of a write that is worth remembering: larger ones are seldom made twice, and would fill the memory. */
const longest = 64 * 1024

/**
 * What writes came to, by who changed which paths of an object and who owned what before. The thousand objects of one
 * template are written alike: who owns what of them is worked out once, and kept once. Times in it mean nothing.
 */
export class Outcomes {
  /** The one that was asked for last stands last. */
  readonly #known = new Map<string, Outcome>()

  /** `write`: all that the outcome depends on, as JSON. */
  of(write: unknown, work: () => Outcome): Outcome {
    const key = JSON.stringify(write)
    if (key.length > longest) return work()
    const outcome = this.#known.get(key) ?? work()
    this.#known.delete(key)
    this.#known.set(key, outcome)
    if (this.#known.size > most) this.#known.delete(this.#known.keys().next().value!)
    return outcome
  }
}
