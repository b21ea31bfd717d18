import type { Node } from 'kubernetes-types/core/v1'
import type { Frozen } from '#shared/kube/object.ts'
import { nodes } from '#shared/kube/resources.ts'
import { isSimulated } from '#shared/kube/simulated.ts'
import type { Clock } from '../base/clock.ts'
import type { Logger } from '../base/logger.ts'
import type { Index } from '../client/cache.ts'
import type { InformerFactory } from '../client/informer-factory.ts'
import type { Samples, Summary } from './samples.ts'

export interface CollectorDeps {
  readonly informers: InformerFactory
  readonly clock: Clock
  readonly logger: Logger
  readonly samples: Samples
  /** Asks a kubelet for its `/stats/summary`. */
  readonly summary: (kubelet: Kubelet, signal: AbortSignal) => Promise<Summary>
}

export interface Kubelet {
  readonly host: string
  readonly port: number
}

/** Milliseconds between two rounds, and until a kubelet that does not answer is given up. */
const period = 10_000
const patience = 5_000

/** Reads what every kubelet counts, again and again. One that does not answer loses its figures until it does. */
export function startCollector(deps: CollectorDeps): Disposable {
  const { clock, logger, samples } = deps
  const stopped = new AbortController()
  const all = deps.informers.for(nodes)
  // Several nodes may share a kubelet's server: it is asked once.
  const byKubelet = all.index('kubelet', kubeletOf)
  const run = async (): Promise<void> => {
    await all.whenSynced(stopped.signal).catch(() => {})
    while (!stopped.signal.aborted) {
      try {
        samples.take(await readAll(deps, byKubelet, stopped.signal))
      } catch (error) {
        if (!stopped.signal.aborted) logger.warn('metrics could not be read', { error: (error as Error).message })
      }
      await clock.sleep(period, stopped.signal).catch(() => {})
    }
  }
  void run()
  return { [Symbol.dispose]: () => stopped.abort() }
}

async function readAll(deps: CollectorDeps, byKubelet: Index<Node>, stopped: AbortSignal) {
  const read = await Promise.all(
    [...byKubelet.values()].map(async (place) => {
      const [host = '', port] = place.split(' ')
      const kubelet = { host, port: Number(port) }
      const names = byKubelet.get(place).map(({ metadata }) => metadata?.name ?? '')
      const timeout = new AbortController()
      const cancel = deps.clock.after(patience, () => timeout.abort())
      try {
        const signal = AbortSignal.any([stopped, timeout.signal])
        return [{ nodes: names, summary: await deps.summary(kubelet, signal) }]
      } catch (error) {
        if (!stopped.aborted)
          deps.logger.debug('a kubelet tells no metrics', { nodes: names, error: (error as Error).message })
        return []
      } finally {
        cancel()
      }
    }),
  )
  return read.flat()
}

/** Where the node's kubelet listens; simulated nodes have none. */
function kubeletOf(node: Frozen<Node>): readonly string[] {
  const host = node.status?.addresses?.find(({ type }) => type === 'InternalIP')?.address
  const port = node.status?.daemonEndpoints?.kubeletEndpoint?.Port
  return isSimulated(node) || !host || !port ? [] : [`${host} ${port}`]
}
