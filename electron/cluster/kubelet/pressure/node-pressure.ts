import type { Clock } from '../../base/clock.ts'
import type { Logger } from '../../base/logger.ts'
import type { Runtime } from '../../runtime/api.ts'
import { evictionReason } from '../core/conditions.ts'
import { every } from '../every.ts'
import type { DiskUsage } from '../storage/disk-usage.ts'
import type { Pod, PodRuntime } from '../types.ts'
import { evictionMessage, rank, type Usage } from './rank.ts'
import type { Signals } from './signals.ts'
import { shortages, type PressureType, type Shortage } from './thresholds.ts'

export interface NodePressureDeps {
  clock: Clock
  logger: Logger
  runtime: Runtime
  disk: DiskUsage
  signals(): Promise<Signals>
  /** Pods that run and could be evicted. */
  pods(): readonly Pod[]
  inspect(pod: Pod): Promise<PodRuntime>
  /** Takes from the disk what nobody needs: what pods have left that have ended. */
  reclaim(): Promise<void>
  evict(pod: Pod, message: string, condition: { reason: string; message: string }): void
  /** Of the node: what is being done. */
  report(message: string): void
}

/** Upstream's housekeeping interval, and how long pressure is told of after it has gone. */
const interval = 10_000
const transition = 300_000

/** Evicts one pod at a time while the machine is short of something. Source: eviction manager's synchronize. */
export class NodePressure implements AsyncDisposable {
  readonly #deps: NodePressureDeps
  /** When there was too little last. */
  readonly #seen = new Map<PressureType, number>()
  readonly #looking: AsyncDisposable

  constructor(deps: NodePressureDeps) {
    this.#deps = deps
    this.#looking = every(interval, deps.clock, () => this.#look())
  }

  get conditions(): PressureType[] {
    const now = this.#deps.clock.monotonic()
    return [...this.#seen].filter(([, at]) => now - at < transition).map(([type]) => type)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#looking[Symbol.asyncDispose]()
  }

  async #look(): Promise<void> {
    const { report, reclaim } = this.#deps
    // Memory first: without it nothing else goes on.
    const [first] = await this.#shortages()
    if (!first) return
    report(`Attempting to reclaim ${first.resource}`)
    if (first.condition === 'MemoryPressure') return this.#evictOne(first)
    await reclaim()
    const [left] = await this.#shortages()
    if (left) await this.#evictOne(left)
  }

  async #shortages(): Promise<Shortage[]> {
    const { clock, signals } = this.#deps
    const found = shortages(await signals())
    for (const { condition } of found) this.#seen.set(condition, clock.monotonic())
    return found
  }

  async #evictOne(shortage: Shortage): Promise<void> {
    const { pods, evict, logger, runtime } = this.#deps
    const { resource } = shortage
    const memory = new Map<string, number>()
    if (resource === 'memory')
      for (const { containerId, memoryBytes } of await runtime.stats()) memory.set(containerId, memoryBytes)
    const candidates = await Promise.all(
      pods().map(async (pod) => ({
        pod,
        usage: resource === 'memory' ? await this.#memoryOf(pod, memory) : await this.#diskOf(pod, resource),
      })),
    )
    const [next] = rank(candidates, resource)
    if (!next) return logger.warn('the machine is short of something, but no pod can be evicted', { ...shortage })
    const message = evictionMessage(shortage, next.pod, next.usage)
    evict(next.pod, message, { reason: evictionReason, message })
  }

  /** `memory`: bytes by container id. */
  async #memoryOf(pod: Pod, memory: ReadonlyMap<string, number>): Promise<Usage> {
    const { containers } = await this.#deps.inspect(pod)
    return sums(containers.map(({ id, name }) => [name, memory.get(id) ?? 0]))
  }

  async #diskOf(pod: Pod, resource: 'inodes' | 'ephemeral-storage'): Promise<Usage> {
    const { roots, logs, volumes } = await this.#deps.disk.measure(pod)
    const taken = [...roots, ...logs, ...[...volumes.values()].map((size) => ['', size] as const)]
    return sums(taken.map(([name, { bytes, files }]) => [name, resource === 'inodes' ? files : bytes]))
  }
}

function sums(amounts: readonly (readonly [name: string, amount: number])[]): Usage {
  const found = new Map<string, number>()
  for (const [name, amount] of amounts) found.set(name, (found.get(name) ?? 0) + amount)
  return found
}
