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
    const { clock, signals, report } = this.#deps
    const found = shortages(await signals())
    for (const { condition } of found) this.#seen.set(condition, clock.monotonic())
    // Memory first: without it nothing else goes on.
    const [first] = found
    if (!first) return
    report(`Attempting to reclaim ${first.resource}`)
    await this.#evictOne(first)
  }

  async #evictOne(shortage: Shortage): Promise<void> {
    const { pods, evict, logger } = this.#deps
    const candidates = await Promise.all(
      pods().map(async (pod) => ({ pod, usage: await this.#usageOf(pod, shortage) })),
    )
    const [next] = rank(candidates, shortage.resource)
    if (!next) return logger.warn('the machine is short of something, but no pod can be evicted', { ...shortage })
    const message = evictionMessage(shortage, next.pod, next.usage)
    evict(next.pod, message, { reason: evictionReason, message })
  }

  async #usageOf(pod: Pod, { resource }: Shortage): Promise<Usage> {
    const { runtime, disk, inspect } = this.#deps
    const usage = new Map<string, number>()
    const add = (name: string, amount: number) => usage.set(name, (usage.get(name) ?? 0) + amount)
    if (resource === 'memory') {
      const stats = new Map((await runtime.stats()).map((each) => [each.containerId, each.memoryBytes]))
      for (const { id, name } of (await inspect(pod)).containers) add(name, stats.get(id) ?? 0)
      return usage
    }
    const taken = await disk.measure(pod)
    for (const sizes of [taken.roots, taken.logs, taken.volumes])
      for (const [name, { bytes, files }] of sizes)
        add(sizes === taken.volumes ? '' : name, resource === 'inodes' ? files : bytes)
    return usage
  }
}
