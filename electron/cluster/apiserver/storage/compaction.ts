import type { Clock } from '../../base/clock.ts'
import type { Logger } from '../../base/logger.ts'
import type { Store } from '../../store/api.ts'

const every = 5 * 60_000
/** Watchers that have just lost their connection still find what they missed. */
const grace = 75_000

/** Forgets old history from time to time: what was new five minutes and a grace ago. */
export function compactRegularly(store: Store, clock: Clock, logger: Logger): Disposable {
  let cancel = (): void => {}
  const compact = (revision: number) => {
    store.compact(revision).catch((error: unknown) => logger.warn('compaction failed', { error: String(error) }))
    schedule()
  }
  const schedule = () => {
    cancel = clock.after(every - grace, () => {
      const revision = store.revision
      cancel = clock.after(grace, () => compact(revision))
    })
  }
  schedule()
  return { [Symbol.dispose]: () => cancel() }
}
