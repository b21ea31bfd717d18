import type { Container, ContainerStats as EngineStats } from 'dockerode'
import type { ContainerStats } from '../api.ts'

/** What the engine has counted of a container; undefined when that is gone. */
export async function usageOf(
  container: Container,
): Promise<Pick<ContainerStats, 'cpuNanos' | 'memoryBytes'> | undefined> {
  const stats = (await container.stats({ stream: false, 'one-shot': true }).catch(() => undefined)) as
    EngineStats | undefined
  const cpuNanos = stats?.cpu_stats?.cpu_usage?.total_usage
  if (!stats || !cpuNanos) return undefined
  const { usage = 0, stats: counts } = stats.memory_stats
  const inactive = counts?.total_inactive_file ?? counts?.inactive_file ?? 0
  return { cpuNanos, memoryBytes: Math.max(0, usage - inactive) }
}
