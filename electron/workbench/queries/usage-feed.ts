import type { KubeList } from '#shared/kube/object.ts'
import type { NodeMetrics, PodMetrics } from '#shared/kube/metrics.ts'
import { approximate, parseQuantity } from '#shared/kube/quantity.ts'
import { resourcePath, type ResourceType } from '#shared/kube/resources.ts'
import type { ApiConnection } from '../connections/api-connection.ts'
import { pause } from '../pause.ts'

/** Cores and bytes. */
export interface Usage {
  cpu: number
  memory: number
}

export interface UsagePace {
  /** Milliseconds between two looks, where there are metrics and where there are none. */
  every: number
  retry: number
}

const usualPace: UsagePace = { every: 15_000, retry: 60_000 }
/** At most this part of the time goes into reading metrics. */
const share = 1 / 20

/**
 * What pods or nodes use, from metrics.k8s.io, which has no watch: looked at from time to time, less often where there are
 * so many that it takes long. A cluster without it, or a person who may not read it, has nothing to show.
 */
export class UsageFeed implements Disposable {
  available = false
  #usage = new Map<string, Usage>()
  #abort = new AbortController()

  /** `changed` is called after every look that may have changed something. */
  constructor(
    connection: ApiConnection,
    metrics: ResourceType,
    namespace: string | undefined,
    changed: () => void,
    pace = usualPace,
  ) {
    void this.#run(connection, resourcePath(metrics, { namespace }), changed, pace)
  }

  of({ namespace, name }: { namespace: string; name: string }): Usage | undefined {
    return this.#usage.get(`${namespace}/${name}`)
  }

  [Symbol.dispose](): void {
    this.#abort.abort()
  }

  async #run(connection: ApiConnection, path: string, changed: () => void, pace: UsagePace): Promise<void> {
    const { signal } = this.#abort
    // The rows may still show what an earlier feed told.
    let before = true
    while (!signal.aborted) {
      const began = performance.now()
      try {
        const { value } = await connection.json<KubeList<PodMetrics | NodeMetrics>>(path, { signal })
        this.#usage = new Map(
          value.items.map((item) => [`${item.metadata?.namespace ?? ''}/${item.metadata?.name ?? ''}`, usageOf(item)]),
        )
        this.available = true
      } catch {
        // Whatever the reason: an old figure would be taken for a new one.
        this.#usage.clear()
        this.available = false
      }
      if (signal.aborted) return
      if (before || this.available) changed()
      before = this.available
      const took = performance.now() - began
      await pause(this.available ? Math.max(pace.every, took / share) : pace.retry, signal)
    }
  }
}

function usageOf(metrics: PodMetrics | NodeMetrics): Usage {
  const usages = 'containers' in metrics ? metrics.containers.map(({ usage }) => usage) : [metrics.usage]
  const sum = (resource: string) => usages.reduce((total, usage) => total + amount(usage[resource]), 0)
  // A thousandth of a core is what anybody shows: finer figures would only change all the time.
  return { cpu: Math.round(sum('cpu') * 1000) / 1000, memory: Math.round(sum('memory')) }
}

const amount = (quantity: string | undefined): number => (quantity ? approximate(parseQuantity(quantity)) : 0)
