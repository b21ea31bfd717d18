import type { Clock } from '../../base/clock.ts'
import { every } from '../every.ts'
import type { Pod } from '../types.ts'
import type { DiskUsage } from './disk-usage.ts'
import { diskLimitExceeded, hasDiskLimits } from './limits.ts'

export interface LocalStorageDeps {
  clock: Clock
  disk: DiskUsage
  /** Pods whose containers may run. */
  pods(): readonly Pod[]
  evict(pod: Pod, message: string): void
}

/** Upstream's housekeeping interval of evictions. */
const interval = 10_000

/** Evicts pods that take more of the disk than they said they would at most. Looks at no others. */
export const watchLocalStorage = (deps: LocalStorageDeps): AsyncDisposable =>
  every(interval, deps.clock, async () => {
    for (const pod of deps.pods().filter(hasDiskLimits)) {
      const exceeded = diskLimitExceeded(pod, await deps.disk.measure(pod))
      if (exceeded) deps.evict(pod, exceeded)
    }
  })
