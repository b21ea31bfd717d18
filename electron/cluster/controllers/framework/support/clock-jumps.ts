import type { Clock } from '../../../base/clock.ts'
import type { Watch } from '../controller.ts'

/** How often the clocks are compared, in milliseconds. */
const interval = 15_000
/** Less than this is drift. */
const tolerance = 1_000

/**
 * Timers run on the monotonic clock, and what is due at a time of day is due by the other one. When that is set, or the
 * machine has slept, the keys of all that waits for a time are looked at again.
 */
export const clockJumps = ({ clock }: { clock: Clock }, keys: () => Iterable<string>): Watch => ({
  synced: async () => {},
  start(enqueue) {
    const difference = () => clock.now() - clock.monotonic()
    let known = difference()
    let cancel = () => {}
    const compare = () => {
      const current = difference()
      if (Math.abs(current - known) > tolerance) for (const key of keys()) enqueue(key, undefined)
      known = current
      cancel = clock.after(interval, compare)
    }
    cancel = clock.after(interval, compare)
    return () => cancel()
  },
})
