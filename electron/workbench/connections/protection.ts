import { Failure } from '../failure.ts'

/** Where the ids of protected contexts are kept. */
export interface ProtectedContexts {
  get(): readonly string[]
  set(ids: readonly string[]): void
}

const unlockedMs = 15 * 60_000

/**
 * Contexts that nothing is changed in by accident: every change is refused here, below whatever the UI offers, until
 * somebody has typed the context's name, and again a quarter of an hour later.
 */
export class Protection {
  #kept: ProtectedContexts
  #now: () => number
  /** Until when, in milliseconds since the epoch. */
  #unlocked = new Map<string, number>()

  constructor(kept: ProtectedContexts, now: () => number = Date.now) {
    this.#kept = kept
    this.#now = now
  }

  /** Undefined: it is not protected. */
  of(id: string): { unlockedUntil?: number } | undefined {
    if (!this.#kept.get().includes(id)) return undefined
    const until = this.#unlocked.get(id) ?? 0
    return until > this.#now() ? { unlockedUntil: until } : {}
  }

  protect(id: string): void {
    this.#unlocked.delete(id)
    if (!this.#kept.get().includes(id)) this.#kept.set([...this.#kept.get(), id])
  }

  /** Lifting a protection is a change like any other. */
  release(id: string, name: string): void {
    this.assertOpen(id, name)
    this.#kept.set(this.#kept.get().filter((one) => one !== id))
  }

  unlock(id: string, name: string, typed: string): void {
    if (typed !== name) throw new Failure('NotConfirmed', `“${typed}” is not ${name}.`, 'Type the name as it is shown.')
    this.#unlocked.set(id, this.#now() + unlockedMs)
  }

  lock(id: string): void {
    this.#unlocked.delete(id)
  }

  /** Throws where changes are refused at present. */
  assertOpen(id: string, name: string): void {
    const protection = this.of(id)
    if (!protection || protection.unlockedUntil) return
    throw new Failure('Protected', `${name} is protected from changes.`, 'Unlock it with its name, then try again.')
  }
}

/** Asking what one may do, and what would happen, changes nothing. */
const asks = /^\/apis\/(authorization|authentication)\.k8s\.io\//

/** Whether a request changes the cluster, or runs something in it. */
export function changes(method: string, path: string): boolean {
  if (method === 'GET' || method === 'HEAD') return /\/pods\/[^/]+\/(exec|attach)(\?|$)/.test(path)
  return !asks.test(path) && !/[?&]dryRun=All(&|$)/.test(path)
}
