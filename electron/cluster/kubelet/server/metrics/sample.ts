import os from 'node:os'
import type { Clock } from '../../../base/clock.ts'
import type { ContainerStats, NetworkStats } from '../../../runtime/api.ts'
import type { Pod, RuntimeContainer } from '../../types.ts'
import type { ServedNode } from '../host.ts'

export interface ContainerSample {
  instance: RuntimeContainer
  stats: ContainerStats
}

export interface PodSample {
  pod: Pod
  /** Those that run. */
  containers: readonly ContainerSample[]
  /** Absent for pods on the network of their node. */
  network: NetworkStats | undefined
}

export interface NodeSample {
  node: ServedNode
  pods: readonly PodSample[]
}

/** What every pod of a node uses at this moment. */
export async function sampleNode(node: ServedNode): Promise<NodeSample> {
  const [stats, networks] = await Promise.all([node.runtime.stats(), node.runtime.networkStats()])
  const byContainer = new Map(stats.map((sample) => [sample.containerId, sample]))
  const bySandbox = new Map(networks.map((sample) => [sample.sandboxId, sample]))
  const pods = await Promise.all(
    node.pods.map(async (pod): Promise<PodSample> => {
      const { sandboxes, containers } = await node.inspect(pod)
      return {
        pod,
        network: bySandbox.get(sandboxes[0]?.id ?? ''),
        containers: containers.flatMap((instance) => {
          const sample = byContainer.get(instance.id)
          return sample ? [{ instance, stats: sample }] : []
        }),
      }
    }),
  )
  return { node, pods }
}

const nanosPerMs = 1_000_000

/** CPU time and memory of the whole machine. */
export function machineUsage(clock: Clock) {
  const busy = os.cpus().reduce((sum, { times: { user, nice, sys, irq } }) => sum + user + nice + sys + irq, 0)
  return {
    at: clock.now(),
    startedAt: clock.now() - os.uptime() * 1000,
    cpuNanos: busy * nanosPerMs,
    memoryBytes: os.totalmem() - os.freemem(),
    availableBytes: os.freemem(),
  }
}

export const sumOf = <T>(list: readonly T[], value: (item: T) => number): number =>
  list.reduce((sum, item) => sum + value(item), 0)
